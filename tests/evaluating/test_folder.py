"""Clips of any other system, on real Ray."""

import json

import numpy as np
import pytest
import soundfile

from ganray.audio import resample
from ganray.cli import cli
from ganray.data import Dataset
from ganray.errors import DataError, UsageError
from ganray.evaluating import SCALE, evaluate
from ganray.evaluating.against import read_report
from ganray.evaluating.evaluate import _by_default
from ganray.evaluating.folder import Folder
from ganray.metrics import MEASURES
from tests.conftest import like_speech

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def split(dataset):
    return Dataset.open(dataset).split("validation")


@pytest.fixture
def folder(split, tmp_path):
    """All clips but the last as they are, at another rate, and a file that is none of them."""
    path = tmp_path / "rival"
    path.mkdir()
    for number, clip in enumerate(split.clips(len(split) - 1)):
        rate = 48_000 if number == 0 else split.audio.sample_rate
        wave = resample(clip.waveform, split.audio.sample_rate, rate)
        soundfile.write(path / f"{clip.id}.{'wav' if number else 'flac'}", wave, rate, subtype="PCM_24")
    soundfile.write(path / "stranger.wav", split[0].waveform, split.audio.sample_rate)
    (path / "notes.txt").write_text("no audio")
    return path


def test_files_are_held_against_the_clips_whose_names_they_bear(folder, split, dataset, ray_session, tmp_path, capsys):
    asked = ["evaluate", str(folder), "--data", str(dataset), "--measures", "mel,loudness", "--workers", "2"]
    cli.main([*asked, "--out", str(tmp_path / "report"), "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["voice"]["name"] == "rival"
    assert document["voice"]["kind"] == "clips"
    assert document["unmatched"] == {"files": 1, "clips": 1}
    assert document["clips"] == len(split) - 1
    assert document["scores"]["mel"]["mean"] < 0.05 < document["scale"]["griffin_lim"]["mel"]["mean"]
    assert set(document["scale"]) == set(SCALE)
    assert document["failed"] == []
    kept = read_report(tmp_path / "report")
    assert [clip["id"] for clip in kept["per_clip"]] == split.ids[:-1]
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "1 of its files bear no clip" in html
    cli.main([*asked, "--against", str(tmp_path / "report"), "--out", str(tmp_path / "again")], standalone_mode=False)
    told = capsys.readouterr().out
    assert "1 files bear no clip's name, 1 clips have no file" in told
    assert "against rival" in told


def test_without_recordings_a_folder_is_judged_by_what_needs_none(tmp_path, ray_session):
    folder = tmp_path / "alone"
    folder.mkdir()
    for number in range(2):
        soundfile.write(folder / f"{number}.wav", like_speech(1.0, number, 16_000), 16_000)
    found = evaluate(str(folder), None, "validation", workers=1, quiet=True)
    free = {name for name, one in MEASURES.items() if one.of == "clip" and one.installed}
    free -= {name for name in free if MEASURES[name].needs_reference or MEASURES[name].needs_text}
    assert set(found.scores) == free
    assert set(found.scale) == {"noise"}
    assert found.clips == 2
    assert found.about["audio"]["sample_rate"] == 16_000
    assert found.folder == tmp_path / "reports" / "alone-alone"
    assert "without recordings" in found.page.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="can't do without recordings"):
        evaluate(str(folder), None, "validation", measures=["pesq", "per"], quiet=True)


def test_what_cannot_be_is_told_before_ray_starts(split, dataset, mel_voice, tmp_path, monkeypatch):
    from ganray.evaluating import pool

    monkeypatch.setattr(pool.ray, "init", lambda *a, **k: pytest.fail("Ray was started"))
    folder = tmp_path / "other"
    folder.mkdir()
    with pytest.raises(DataError, match=r"no voice.*and no clips"):
        evaluate(str(folder), str(dataset), "validation", quiet=True)
    soundfile.write(folder / "hello.wav", split[0].waveform, 24_000)
    with pytest.raises(DataError, match=rf"bears the name of a clip .*hello.*{split.ids[0]}.*leave --data out"):
        evaluate(str(folder), str(dataset), "validation", quiet=True)
    soundfile.write(folder / "hello.flac", split[0].waveform, 24_000)
    with pytest.raises(DataError, match=r"one name: hello\.flac and hello\.wav"):
        evaluate(str(folder), str(dataset), "validation", quiet=True)
    with pytest.raises(UsageError, match="give --data"):
        evaluate(str(mel_voice), None, "validation", quiet=True)


def test_a_file_that_is_no_audio_is_a_clip_without_a_number(folder, split, dataset, ray_session, tmp_path):
    (folder / f"{split.ids[-1]}.wav").write_bytes(b"RIFF and nothing else")
    found = evaluate(
        str(folder), str(dataset), "validation", measures=["mel"], scale=[], out=tmp_path / "r", workers=1, quiet=True
    )
    assert [failure.clip for failure in found.failures] == [split.ids[-1]]
    assert "cannot read" in found.failures[0].reason
    assert found.scores["mel"]["num"] == len(split) - 1


def test_another_reading_is_not_compared_moment_by_moment(folder, split):
    files = Folder(folder, split.audio)
    assert files.keeps_time(files.matched(split))
    for clip in split.clips(len(split) - 1):
        soundfile.write(next(folder.glob(f"{clip.id}.*")), np.tile(clip.waveform, 2), split.audio.sample_rate)
    assert not files.keeps_time(files.matched(split))
    taken = {name for name, one in MEASURES.items() if _by_default(one, "clips", in_time=False)}
    assert {"distillmos", "per", "speaker", "loudness"} <= taken
    assert not taken & {"mel", "pesq", "estoi", "stft", "mcd", "f0_rmse", "periodicity", "frechet"}


def test_the_digest_changes_with_a_file(folder):
    before = Folder(folder).digest
    assert Folder(folder).digest == before
    with open(folder / "stranger.wav", "r+b") as file:
        file.seek(1000)
        file.write(b"\x01\x02")
    assert Folder(folder).digest != before
