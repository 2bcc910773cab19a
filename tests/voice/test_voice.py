"""A voice: portable, checked, and streamed exactly."""

import shutil

import numpy as np
import pytest
import soundfile
import yaml
from click.testing import CliRunner

from ganray.audio import log_mel
from ganray.cli import cli
from ganray.config import AudioConfig
from ganray.errors import AudioContractError, DataError, UsageError
from ganray.gan import GanState
from ganray.gan.run import Run
from ganray.voice import Voice, export, save_voice
from tests.conftest import like_speech


@pytest.fixture(scope="module")
def voice(mel_voice):
    return Voice.load(mel_voice)


@pytest.fixture(scope="module")
def mel():
    return log_mel(like_speech(2.5, 1), AudioConfig())


def test_a_voice_says_what_it_is(voice, mel_voice):
    assert voice.kind == "mel"
    assert voice.audio == AudioConfig()
    assert voice.path == mel_voice
    assert len(voice.digest) == 16
    assert voice.num_parameters > 1_000
    assert voice.card["schema_version"] == 1


@pytest.mark.parametrize(("first", "block"), [(1, 1), (4, 16), (16, 96), (1000, 1000)])
def test_streamed_blocks_equal_the_whole(voice, mel, first, block):
    whole = voice.vocode(mel, seed=3)
    blocks = list(voice.stream(mel, seed=3, first_frames=first, growth=2, block_frames=block))
    assert len(blocks[0]) == min(first, mel.shape[1]) * 256
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=2e-6)


def test_the_seed_decides_the_noise_and_nothing_else(voice, mel):
    np.testing.assert_array_equal(voice.vocode(mel, seed=1), voice.vocode(mel, seed=1))
    one, other = voice.vocode(mel, seed=1), voice.vocode(mel, seed=2)
    assert np.abs(one - other).max() > 1e-4
    # The first two seconds of the spectrum stay alike.
    assert np.abs(log_mel(one, voice.audio) - log_mel(other, voice.audio)).mean() < 1


def test_an_untrained_source_filter_voice_already_follows_the_mel(voice, mel):
    made = voice.mel(voice.vocode(mel))
    assert np.corrcoef(made.ravel(), mel.ravel())[0, 1] > 0.8


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (np.zeros((80, 10), np.float32), r"\(80, 10\)"),
        (np.zeros((100, 0), np.float32), "frames"),
        (np.zeros(100, np.float32), "shape"),
        (np.full((100, 10), np.nan, np.float32), "no numbers"),
    ],
)
def test_what_is_no_mel_of_this_voice_is_told(voice, bad, told):
    for call in (voice.vocode, voice.stream):
        with pytest.raises(DataError, match=told):
            call(bad)


def test_a_noise_voice_draws_and_refuses_a_mel(noise_voice, mel):
    voice = Voice.load(noise_voice)
    drawn = voice.draw(seed=5, count=3)
    assert drawn.shape == (3, 4096)
    np.testing.assert_allclose(voice.draw(seed=6)[0], drawn[1], atol=1e-6)
    with pytest.raises(UsageError, match="kind noise"):
        voice.vocode(mel)
    assert soundfile.info(noise_voice / "sample.wav").frames == 4096


def test_a_mel_voice_draws_nothing(voice):
    with pytest.raises(UsageError, match="kind mel"):
        voice.draw()


def damaged(path, tmp_path, change):
    copy = tmp_path / "voice"
    shutil.copytree(path, copy)
    change(copy)
    return copy


def card(change):
    def apply(folder):
        document = yaml.safe_load((folder / "voice.yaml").read_text())
        change(document)
        (folder / "voice.yaml").write_text(yaml.safe_dump(document))

    return apply


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda folder: (folder / "voice.yaml").unlink(), DataError, "no voice at"),
        (lambda folder: (folder / "generator.safetensors").unlink(), DataError, "damaged"),
        (lambda folder: (folder / "generator.safetensors").write_bytes(b"half"), DataError, "damaged"),
        (lambda folder: (folder / "voice.yaml").write_text("a: [b"), DataError, "damaged"),
        (card(lambda d: d.update(schema_version=99)), DataError, "schema_version"),
        (card(lambda d: d.pop("generator")), DataError, "damaged"),
        (card(lambda d: d["generator"].update(channels=48)), DataError, "damaged"),
        (card(lambda d: d["generator"].update(type="os")), DataError, "damaged"),
        (card(lambda d: d["audio"].pop("hop_length")), AudioContractError, "lacks hop_length"),
        (card(lambda d: d["audio"].update(hop=1)), AudioContractError, "not an audio contract"),
    ],
)
def test_a_damaged_voice_is_told(mel_voice, tmp_path, change, error, told):
    with pytest.raises(error, match=told):
        Voice.load(damaged(mel_voice, tmp_path, change))


def test_saving_over_a_voice_is_refused(voice, mel_voice):
    with pytest.raises(UsageError, match="there already"):
        save_voice(mel_voice, voice.generator, name="x", origin={}, sample=None)


def test_a_failed_save_leaves_nothing(voice, tmp_path, monkeypatch):
    monkeypatch.setattr("ganray.voice.bundle.save_file", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_voice(tmp_path / "new", voice.generator, name="x", origin={}, sample=None)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def finished_run(tiny_run, tmp_path):
    """A run with checkpoints of steps 1 to 3, of which 2 was the best."""
    run = Run.create(tmp_path / "run", tiny_run(), {"path": str(tmp_path / "gone"), "digest": "0"})
    for step, mel in ((1, 0.5), (2, 0.2), (3, 0.4)):
        state = GanState(run.config)
        state.step = step
        state.average.out.bias.data.fill_(step / 100)
        run.save(state)
        run.enter(step, {"mel": mel})
    return run


@pytest.mark.parametrize(("step", "chosen"), [("best", 2), ("last", 3), ("1", 1)])
def test_export_takes_the_step_asked_for(finished_run, tmp_path, step, chosen):
    voice = export(finished_run.path, tmp_path / "voice", step)
    assert voice.card["origin"]["step"] == chosen
    assert voice.generator.out.bias[0].item() == pytest.approx(chosen / 100)
    assert Voice.load(tmp_path / "voice").digest == voice.digest


@pytest.mark.parametrize(("step", "told"), [("9", "no checkpoint of step 9"), ("best-ish", "use best, last or one of")])
def test_export_tells_a_wrong_step(finished_run, tmp_path, step, told):
    with pytest.raises((DataError, UsageError), match=told):
        export(finished_run.path, tmp_path / "voice", step)


def test_vocode_writes_the_format_of_the_suffix(mel_voice, tmp_path):
    soundfile.write(tmp_path / "in.wav", like_speech(1.0, 2, 16_000), 16_000)
    arguments = [
        "vocode",
        str(tmp_path / "in.wav"),
        "-o",
        str(tmp_path / "out.flac"),
        "--voice",
        str(mel_voice),
        "--json",
    ]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    document = yaml.safe_load(result.stdout)
    assert document["sample_rate"] == 24_000
    assert document["seconds"] == pytest.approx(1.0, abs=0.02)
    assert soundfile.info(tmp_path / "out.flac").samplerate == 24_000


def test_vocode_tells_a_wrong_suffix_before_it_works(mel_voice, tmp_path):
    arguments = ["vocode", "nowhere.wav", "-o", str(tmp_path / "out.midi"), "--voice", str(mel_voice)]
    with pytest.raises(UsageError, match="no audio format 'midi'"):
        CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
