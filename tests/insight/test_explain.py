"""The whole of it, on a tiny run: one page, one document, and what can't be explained."""

import json

import numpy as np
import pytest
import soundfile

from ganray.cli import main
from ganray.errors import AudioContractError, DataError, UsageError
from ganray.gan import GanState
from ganray.gan.run import Run
from ganray.insight import explain
from ganray.insight.carriers import sounds_of
from ganray.voice import Voice
from tests.conftest import like_speech

TEXT = "Ships pass."


def kept(config, path):
    """A run of two checkpoints, of which the second has other weights."""
    run = Run.create(path, config, {"path": "nowhere", "digest": ""})
    state = GanState(config)
    run.save(state)
    state.step = 4
    for parameter in state.discriminators.parameters():
        parameter.data.mul_(1.1)
    run.save(state)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "said.wav"
    soundfile.write(path, like_speech(1.2, 3), 24_000)
    return path


@pytest.fixture(scope="module")
def mel_run(tiny_run, tmp_path_factory):
    return kept(tiny_run(), tmp_path_factory.mktemp("runs") / "mel")


@pytest.fixture(scope="module")
def text_run(tiny_text_run, tmp_path_factory):
    return kept(tiny_text_run(), tmp_path_factory.mktemp("runs") / "text")


def test_a_run_is_explained_on_one_page(mel_run, clip, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(mel_run), str(clip), "--out", str(tmp_path / "page"), "--json"])
    assert not ended.value.code
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "page" / "explanation.json").read_text(encoding="utf-8"))
    assert [judge["name"] for judge in document["judges"]] == ["mpd period 2", "mpd period 3", "mrd resolution 1024"]
    assert [stage["step"] for stage in document["stages"]] == [0, 4]
    assert set(document["faithfulness"]) == {"what gives it away", "what the waveform hangs on"}
    assert len(document["rejected_frames"]) == int(1.2 * 24_000) // 256
    assert len(document["rejected_bands"]) == 100
    assert sum(band["share"] for band in document["carriers"]["bands"]) == pytest.approx(1, abs=0.05)
    assert sum(band["share"] for band in document["giveaway"]["bands"]) == pytest.approx(
        document["giveaway"]["completeness"], abs=0.01
    )
    html = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    for heading in ("Where they reject it", "What gives it away", "How that changed over training", "Can this be"):
        assert heading in html
    assert html.count("<audio") == 2
    assert "http://" not in html
    assert "https://" not in html


def test_a_text_voice_shows_how_it_reads(text_run, clip, tmp_path):
    waveform = like_speech(1.2, 3)
    found = explain(text_run, waveform, clip="said", text=TEXT, out=tmp_path)
    document = found.as_json()
    assert sum(document["alignment"]["frames"]) == len(found.real) // 256
    assert [word["text"] for word in document["alignment"]["words"]] == ["Ships", "pass"]
    assert len(document["phonemes_own_share"]) == len(document["alignment"]["phonemes"])
    assert len(found.fake) == len(found.real)
    html = found.page.read_text(encoding="utf-8")
    assert "How it reads the text" in html
    assert "Which sound each phoneme makes" in html


def test_leaving_a_phoneme_out_changes_its_own_time_most(text_run):
    from ganray.insight.reading import read_along
    from ganray.insight.subject import open_subject

    generator = open_subject(text_run).generator
    waveform = like_speech(1.2, 3)[: 112 * 256]
    reading = read_along(generator, waveform, TEXT)
    import torch

    found = sounds_of(generator, reading.symbols, torch.tensor([0]), reading.manner)
    spoken = [place for place, row in enumerate(found.changes) if row.any()]
    assert len(spoken) >= 5
    near, anywhere = found.within(1)[spoken].mean(), 3 / len(found.frames)
    assert near > anywhere
    assert np.all(found.within(len(found.frames))[spoken] == pytest.approx(1))


def test_a_voice_without_judges_says_where_to_get_them(mel_voice, mel_run, clip, tmp_path):
    waveform = like_speech(1.2, 3)
    alone = explain(mel_voice, waveform, clip="said", out=tmp_path / "alone")
    assert alone.heard is None
    assert "--judges RUN" in alone.page.read_text(encoding="utf-8")
    judged = explain(mel_voice, waveform, clip="said", judges=mel_run, out=tmp_path / "judged")
    assert len(judged.as_json()["judges"]) == 3
    assert not judged.stages


def test_what_cannot_be_explained_is_told(noise_voice, mel_run, mel_voice, tiny_run, tmp_path):
    waveform = like_speech(1.2, 3)
    with pytest.raises(UsageError, match="voice of noise"):
        explain(noise_voice, waveform, clip="x", out=tmp_path)
    with pytest.raises(DataError, match="too short"):
        explain(mel_run, waveform[:100], clip="x", out=tmp_path)
    with pytest.raises(UsageError, match="no step 'fist'"):
        explain(mel_run, waveform, clip="x", step="fist", out=tmp_path)
    with pytest.raises(DataError, match="use one of 0, 4"):
        explain(mel_run, waveform, clip="x", step="3", out=tmp_path)
    other = kept(tiny_run("audio.f_min=50"), tmp_path / "other")
    with pytest.raises(AudioContractError, match="disagree"):
        explain(mel_voice, waveform, clip="x", judges=other, out=tmp_path)
    assert Voice.load(mel_voice).kind == "mel"
