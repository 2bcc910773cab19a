"""Text in, speech out: the same in blocks, in time with its words, and delivered as asked."""

import json
import shutil

import numpy as np
import pytest
import soundfile
import torch
import yaml

from ganray.audio.pitch import fundamental
from ganray.cli import main
from ganray.config import Architecture, bundled
from ganray.config.prepare import F0Config
from ganray.errors import DataError, UsageError
from ganray.models import build_generator
from ganray.text import read_lexicon
from ganray.voice import Delivery, Voice, bundle

TEXT = "Dr. Lee paid $5.50. Was it enough? Nobody knew."


@pytest.fixture(scope="module")
def voice(text_voice):
    return Voice.load(text_voice)


@pytest.fixture(scope="module")
def plain(voice):
    return voice.say(TEXT)


def test_every_word_is_heard_in_order(plain):
    assert [TEXT[word.start : word.end] for word in plain.words] == [word.text for word in plain.words]
    assert [word.text for word in plain.words][:4] == ["Dr", "Lee", "paid", "$5.50"] or plain.words[0].text == "Dr."
    times = [time for word in plain.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < plain.seconds == len(plain.waveform) / 24_000


def test_blocks_together_are_the_whole(voice, plain):
    blocks = list(voice.speak(TEXT))
    assert len(blocks[0].waveform) == 24 * 256
    np.testing.assert_allclose(np.concatenate([block.waveform for block in blocks]), plain.waveform, atol=2e-6)
    assert tuple(word for block in blocks for word in block.words) == plain.words


def test_a_text_in_pieces_is_said_as_the_whole(voice, plain):
    pieces = [TEXT[at : at + 7] for at in range(0, len(TEXT), 7)]
    made = np.concatenate([block.waveform for block in voice.speak(iter(pieces))])
    np.testing.assert_allclose(made, plain.waveform, atol=2e-6)


def test_speech_begins_before_the_text_has_ended(voice):
    given = []

    def pieces():
        for piece in 4 * ["It was a late evening in the middle of the winter of that year. "]:
            given.append(piece)
            yield piece

    next(iter(voice.speak(pieces())))
    assert len(given) < 4


def test_the_seed_decides_the_noise_alone(voice, plain):
    np.testing.assert_array_equal(voice.say(TEXT).waveform, plain.waveform)
    other = voice.say(TEXT, seed=5)
    assert other.words == plain.words
    assert np.abs(other.waveform - plain.waveform).max() > 0


def test_delivery_is_as_asked(voice, plain):
    assert voice.say(TEXT, Delivery(speed=0.5)).seconds / plain.seconds == pytest.approx(2, abs=0.1)
    loud = voice.say(TEXT, Delivery(volume=-6)).waveform
    assert 20 * np.log10(plain.waveform.std() / loud.std()) == pytest.approx(6, abs=1)


def test_markup_pauses_as_long_as_it_says(voice):
    without = voice.say("Wait here. Now go.", markup=True)
    paused = voice.say('Wait <break time="1500ms"/> here. Now go.', markup=True)
    assert paused.seconds - without.seconds == pytest.approx(1.5, abs=0.1)


def test_a_lexicon_goes_first(voice):
    own = read_lexicon({"go": "ɡ ˈoʊ ɡ ˈoʊ ɡ ˈoʊ ɡ ˈoʊ"})
    assert voice.say("Now go.", lexicon=own).seconds > voice.say("Now go.").seconds


@pytest.mark.parametrize("text", ["", "  ", "…", "\n\n"])
def test_nothing_to_say_is_an_error(voice, text):
    with pytest.raises(UsageError, match="no word in the text"):
        voice.say(text)


def test_every_wish_out_of_range_is_told():
    with pytest.raises(UsageError, match="speed 9") as caught:
        Delivery(speed=9, pitch=-40)
    assert [problem.path for problem in caught.value.problems] == ["speed", "pitch"]


def test_voices_of_other_kinds_read_no_text(mel_voice):
    with pytest.raises(UsageError, match="of kind mel"):
        Voice.load(mel_voice).say("Hello.")


def test_a_voice_of_another_front_end_is_refused(text_voice, tmp_path):
    copy = shutil.copytree(text_voice, tmp_path / "voice")
    card = yaml.safe_load((copy / "voice.yaml").read_text())
    card["front_end"]["version"] = "0+misaki.0.1"
    (copy / "voice.yaml").write_text(yaml.safe_dump(card))
    with pytest.raises(DataError, match="another version of the front-end english"):
        Voice.load(copy)


def test_the_command_writes_what_it_says(text_voice, tmp_path, capsys):
    out = tmp_path / "out.wav"
    with pytest.raises(SystemExit) as left:
        main(["say", TEXT, "-o", str(out), "--voice", str(text_voice), "--speed", "1.5", "--json"])
    assert left.value.code == 0
    told = json.loads(capsys.readouterr().out)
    waveform, rate = soundfile.read(out)
    assert told["seconds"] == pytest.approx(len(waveform) / rate)
    assert told["words"][1]["text"] == "Lee"


def test_the_command_wants_one_text(text_voice, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["say", "-o", str(tmp_path / "out.wav"), "--voice", str(text_voice)])
    assert left.value.code == 2
    assert "give a text or --file" in capsys.readouterr().err


def test_a_text_is_said_in_the_rhythm_and_the_melody_of_a_recording(text_voice, tmp_path, capsys):
    voice = Voice.load(text_voice)
    voice.generator.config = voice.generator.config.model_copy(
        update={"least_certainty": 0.0}
    )  # a voice that learned nothing believes nothing
    seconds, rate = 2.5, voice.audio.sample_rate
    times = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(150 + 40 * np.sin(3 * times)) / rate
    recording = (sum(np.sin(k * phase) / k for k in range(1, 20)) * 0.1).astype(np.float32)
    said = voice.imitate(recording, "Two ships passed.")
    assert said.seconds == pytest.approx(seconds, abs=0.02)
    assert [word.text for word in said.words] == ["Two", "ships", "passed"]
    wanted = fundamental(recording[: len(said.waveform)], voice.audio, F0Config())
    asked = {}
    voice.generator.forward = lambda inputs: asked.update(inputs) or torch.zeros(1, 1, len(said.waveform))
    voice.imitate(recording, "Two ships passed.", Delivery(pitch=12))
    ratio = asked["f0"].flatten()[wanted > 0] / wanted[wanted > 0]
    assert ratio.std() / ratio.mean() < 1e-3
    with pytest.raises(UsageError, match="gives the rhythm"):
        voice.imitate(recording, "Two ships passed.", Delivery(speed=2))


def test_a_recording_of_something_else_is_refused(text_voice):
    voice, noise = Voice.load(text_voice), np.random.default_rng(0).standard_normal(24_000).astype(np.float32) / 10
    voice.generator.config = voice.generator.config.model_copy(update={"least_certainty": 0.9})
    with pytest.raises(DataError, match="does not say this text"):
        voice.imitate(noise, "Two ships passed in the night.")
    with pytest.raises(DataError, match="does not say this text"):
        voice.imitate(noise[:3000], "Two ships passed in the night.")


def test_a_voice_that_comes_with_ganray_is_opened_by_its_name(text_voice, tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "BUNDLED", tmp_path)
    with pytest.raises(DataError, match="no voice at nobody"):
        Voice.load("nobody")
    shutil.copytree(text_voice, tmp_path / "somebody")
    assert Voice.load("somebody").path == tmp_path / "somebody"
    monkeypatch.chdir(tmp_path)
    shutil.copytree(text_voice, tmp_path / "mine" / "somebody")
    monkeypatch.chdir(tmp_path / "mine")
    assert Voice.load("somebody").path.resolve() == tmp_path / "mine" / "somebody"  # a folder that is there goes first


@pytest.fixture(scope="module")
def company(text_voice, tmp_path_factory):
    """A voice of two speakers and two styles, untrained."""
    own = Voice.load(text_voice)
    named = {"speakers": {"anna": "en", "bruno": "en-GB"}, "languages": ["en", "en-GB"], "styles": ["calm", "happy"]}
    torch.manual_seed(3)
    architecture = Architecture.model_validate(own.card["generator"] | named)
    path = tmp_path_factory.mktemp("company") / "voice"
    return bundle.save_voice(path, build_generator(architecture, own.audio), name="company", origin={}, sample=None)


def test_a_speaker_and_a_style_are_chosen_and_mixed(company, tmp_path):
    def said(**asked):
        return company.say("Who is there?", Delivery(**asked)).waveform

    plain, other = said(), said(speaker="bruno")
    assert np.array_equal(plain, said(speaker="anna", language="en"))
    assert not np.array_equal(plain[: len(other)], other[: len(plain)])
    half = said(speaker={"anna": 0.5, "bruno": 0.5})
    assert not np.array_equal(half[: len(plain)], plain[: len(half)])
    assert not np.array_equal(said(style="calm"), said(style="happy"))
    out = tmp_path / "mixed.wav"
    asked = ["--speaker", "anna=0.5,bruno=0.5", "--voice", str(company.path), "-o", str(out)]
    with pytest.raises(SystemExit) as end:
        main(["say", "Who is there?", *asked])
    assert end.value.code == 0
    np.testing.assert_allclose(soundfile.read(out)[0], half, atol=1e-4)


@pytest.mark.parametrize(
    ("asked", "told"),
    [({"speaker": "carla"}, "anna, bruno"), ({"style": "sad"}, "calm, happy"), ({"language": "it"}, "en, en-GB")],
)
def test_a_name_that_the_voice_does_not_know_is_refused_before_the_work(company, asked, told):
    with pytest.raises(UsageError) as error:
        company.speak("Who is there?", Delivery(**asked))
    assert told in f"{error.value} {error.value.mend}"


def test_a_voice_of_one_speaker_says_so(voice):
    with pytest.raises(UsageError, match="one speaker"):
        voice.speak("Who is there?", Delivery(speaker="anna"))
