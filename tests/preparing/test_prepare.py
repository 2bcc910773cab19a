import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from ganray.audio import loudness
from ganray.config import AudioConfig
from ganray.config.prepare import PrepareConfig
from ganray.data import Dataset, fold
from ganray.errors import DataError
from ganray.preparing import prepare

pytestmark = pytest.mark.ray


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def spoilt_corpus(make_corpus, speech):
    """Forty usable clips, some of one sentence, and one of every kind that isn't."""
    flac = io.BytesIO()
    soundfile.write(flac, speech(2, 0), 24_000, format="FLAC")
    not_a_number = speech(1, 0)
    not_a_number[500] = np.nan
    clips = {f"good{n}": f"Sentence number {n % 30}{'!' if n > 30 else '.'}" for n in range(40)}
    clips |= {
        "broken_off": ("Broken off.", flac.getvalue()[:20_000]),
        "no_audio": ("No audio.", b"not a recording" * 50),
        "missing": ("Missing.", None),
        "empty": "",
        "dots": "...",
        "nan": ("Not a number.", not_a_number),
        "clipped": ("Clipped.", np.clip(30 * speech(1, 0), -1, 1)),
        "silent": ("Silent.", np.zeros(24_000, np.float32)),
        "short": ("Short.", speech(0.3, 0)),
        "long": ("Long.", speech(25, 0)),
    }
    folder = make_corpus(clips)
    with open(folder / "metadata.csv", "a") as file:
        file.write("good1|Once more.\nmalformed\n")
    return folder


def test_what_can_not_be_used_is_listed_and_the_rest_is_prepared(ray_session, spoilt_corpus, tmp_path):
    result = prepare(spoilt_corpus, tmp_path / "out", quiet=True)
    reasons = {clip["id"]: clip["reason"].split(" (")[0] for clip in result["dropped"]}
    assert reasons == {
        "broken_off": "unreadable",
        "no_audio": "unreadable",
        "missing": "no audio file",
        "empty": "no text",
        "dots": "no text",
        "nan": "not finite",
        "clipped": "clipped",
        "silent": "silent",
        "short": "too short",
        "long": "too long",
        "good1": "id given twice",
        "malformed": "malformed line",
    }
    dataset = Dataset.open(tmp_path / "out")
    assert dataset.card["dropped"] == result["dropped"]
    assert dataset.audio == AudioConfig()
    clips = {name: list(dataset.split(name).clips()) for name in dataset.splits}
    assert sorted(clip.id for split in clips.values() for clip in split) == sorted(f"good{n}" for n in range(40))
    assert {name: {"clips": len(split)} for name, split in clips.items()} == {
        name: {"clips": split["clips"]} for name, split in result["splits"].items()
    }
    assert [name for name, split in clips.items() if split] == ["train", "validation", "test"]
    where = {}
    for name, split in clips.items():
        for clip in split:
            assert where.setdefault(fold(clip.text), name) == name
            assert len(clip.f0) == len(clip.waveform) // 256
            assert len(clip.waveform) % 256 == 0
            assert loudness(clip.waveform, 24_000) == pytest.approx(-23, abs=0.3)
            assert clip.speaker == "corpus"
            voiced = clip.f0[clip.f0 > 0]
            assert 95 < np.median(voiced) < 185


def test_the_same_corpus_gives_the_same_bytes(ray_session, spoilt_corpus, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    prepare(spoilt_corpus, tmp_path / "a" / "out", quiet=True)
    prepare(spoilt_corpus, tmp_path / "b" / "out", quiet=True)
    assert contents(tmp_path / "a" / "out") == contents(tmp_path / "b" / "out")
    prepare(spoilt_corpus, tmp_path / "a" / "out", PrepareConfig(loudness_lufs=-24), quiet=True, overwrite=True)
    assert Dataset.open(tmp_path / "a" / "out").digest != Dataset.open(tmp_path / "b" / "out").digest


def test_a_list_in_the_corpus_is_the_validation_split(ray_session, make_corpus, tmp_path):
    corpus = make_corpus({f"c{n}": f"Sentence {n % 8}." for n in range(12)})
    (corpus / "validation.txt").write_text("c1\nc5\nc10\nelsewhere\n")
    # Without fingerprints: the made-up voice has one timbre, by which its sentences pass for copies of each other.
    result = prepare(corpus, tmp_path / "out", PrepareConfig(audit=False), quiet=True)
    dataset = Dataset.open(tmp_path / "out")
    assert dataset.split("validation").ids == ["c1", "c5", "c10"]
    dropped = {clip["id"]: clip["reason"].split(" (")[0] for clip in result["dropped"]}
    # c2 and c10 are takes of one sentence, as are c1 and c9.
    assert dropped == {
        "c2": "take of a validation sentence", "c9": "take of a validation sentence", "elsewhere": "no such clip",
    }  # fmt: skip
    assert result["notes"] == [f"validation: the 4 ids of validation.txt in {corpus}"]
    config = PrepareConfig.model_validate({"validation": {"share": 0}, "test": {"share": 0}})
    prepare(corpus, tmp_path / "all", config, quiet=True)
    assert Dataset.open(tmp_path / "all").splits == ["train"]


def test_a_dataset_is_not_overwritten_unasked(ray_session, make_corpus, tmp_path):
    corpus = make_corpus({f"c{n}": f"Sentence {n}." for n in range(4)})
    prepare(corpus, tmp_path / "out", quiet=True)
    before = contents(tmp_path / "out")
    with pytest.raises(DataError, match="--overwrite"):
        prepare(corpus, tmp_path / "out", quiet=True)
    assert contents(tmp_path / "out") == before


def test_a_corpus_of_which_nothing_is_left_is_an_error_and_leaves_nothing(ray_session, make_corpus, tmp_path):
    corpus = make_corpus({"a": ("One.", b"no"), "b": ("Two.", None)})
    with pytest.raises(DataError, match=r"no clip of .* is left to train on"):
        prepare(corpus, tmp_path / "data" / "out", quiet=True)
    assert not list((tmp_path / "data").iterdir())


def test_shards_are_read_by_any_parquet_reader(ray_session, make_corpus, tmp_path):
    prepare(make_corpus({f"c{n}": f"Sentence {n}." for n in range(12)}), tmp_path / "out", quiet=True)
    [shard] = (tmp_path / "out").glob("train-*.parquet")
    rows = pq.read_table(shard).to_pylist()
    for row in rows:
        waveform, rate = soundfile.read(io.BytesIO(row["audio"]), dtype="int16")
        assert (len(waveform), rate) == (row["num_samples"], 24_000)
        assert len(row["energy"]) == len(row["f0"]) == row["num_samples"] // 256
        assert row["phonemes"] == row["flags"] == []


@pytest.mark.parametrize(
    ("name", "rate", "config"),
    [
        ("kathleen", 24_000, {}),
        ("kerstin_de", 24_000, {}),
        ("asterisk_it", 24_000, {}),
        ("asterisk_it", 16_000, {"audio": {"sample_rate": 16_000, "f_max": 8_000}}),
    ],
)
def test_real_recordings_go_through(ray_session, shared_corpus, part_of, tmp_path, name, rate, config):
    result = prepare(
        part_of(shared_corpus(name), 24), tmp_path / "out", PrepareConfig.model_validate(config), quiet=True
    )
    assert all(clip["reason"].startswith("too long") for clip in result["dropped"])
    assert len(result["dropped"]) <= 2
    train = Dataset.open(tmp_path / "out").split("train")
    assert len(train) >= 20
    for clip in train.clips():
        assert len(clip.waveform) % 256 == 0
        assert len(clip.f0) == len(clip.waveform) // 256
        assert 0.2 < (clip.f0 > 0).mean() < 0.95
        assert 60 < np.median(clip.f0[clip.f0 > 0]) < 350
        assert loudness(clip.waveform, rate) <= -22.9


@pytest.mark.slow
def test_a_prepare_that_is_killed_leaves_no_dataset(ray_session, make_corpus, speech, tmp_path):
    clips = {f"c{n}": (f"Sentence {n}.", speech(4, 0)) for n in range(150)}
    corpus, data = make_corpus(clips), tmp_path / "data"
    command = [sys.executable, "-m", "ganray", "prepare", str(corpus), "--out", str(data / "out")]
    import ray

    environment = os.environ | {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 240
            while not list(data.glob(".out.*/*.parquet")):  # until it is in the middle of writing
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < deadline, "it wrote nothing"
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
    assert not (data / "out").exists()
    with pytest.raises(DataError):
        Dataset.open(data / "out")
    for key in list(clips)[10:]:
        (corpus / "wavs" / f"{key}.wav").unlink()
    (corpus / "metadata.csv").write_text("".join(f"c{n}|Sentence {n}.\n" for n in range(10)))
    prepare(corpus, data / "out", quiet=True)
    assert [path.name for path in data.iterdir()] == ["out"]
    json.loads((data / "out" / "dataset.json").read_text())


def test_several_corpora_become_one_dataset_that_tells_its_speakers_apart(ray_session, make_corpus, tmp_path):
    for name, count in (("anna", 14), ("bruno", 6)):
        make_corpus({f"c{n}": f"Sentence {n} of {name}." for n in range(count)}).rename(tmp_path / name)
    (tmp_path / "anna" / "labels.csv").write_text("id,style\nc3,calm\n")
    config = PrepareConfig.model_validate({"language": "en", "corpora": {"bruno": {"language": "en-GB"}}})
    prepare([tmp_path / "anna", tmp_path / "bruno"], tmp_path / "out", config, quiet=True)
    data = Dataset.open(tmp_path / "out")
    assert data.card["speakers"] == {"anna": "en", "bruno": "en-GB"}
    assert (data.card["languages"], data.card["styles"]) == (["en", "en-GB"], ["calm"])
    clips = [clip for split in data.splits for clip in data.split(split).clips()]
    assert {(clip.id.split("/")[0], clip.speaker, clip.language) for clip in clips} == {
        ("anna", "anna", "en"), ("bruno", "bruno", "en-GB"),
    }  # fmt: skip
    assert [clip.id for clip in clips if clip.style] == ["anna/c3"]
    config = PrepareConfig.model_validate({"corpora": {"carla": {"language": "it"}}})
    with pytest.raises(DataError, match="carla"):
        prepare([tmp_path / "anna"], tmp_path / "other", config, quiet=True)
