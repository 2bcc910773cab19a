import numpy as np
import pytest

from ganray.audio import loudness
from ganray.config.audio import AudioConfig
from ganray.metrics import measure, references
from ganray.metrics.references import griffin_lim, invert, noise, world

OTHERS = [
    AudioConfig(sample_rate=16_000, n_fft=512, win_length=400, hop_length=160, n_mels=40, f_max=8_000),
    AudioConfig(n_fft=1200, win_length=1200, hop_length=300, n_mels=80, log_base="10", mel_scale="slaney"),
]


@pytest.mark.parametrize("reference", [griffin_lim, world, noise])
@pytest.mark.parametrize("cut", [0, 1, 100])
def test_as_long_as_the_recording_in_range_and_repeatable(reference, cut, speech, contract):
    clip = speech[0][: len(speech[0]) - cut]
    result = reference(clip, contract)
    assert result.shape == clip.shape
    assert result.dtype == np.float32
    assert np.abs(result).max() <= 1
    np.testing.assert_array_equal(result, reference(clip, contract))


@pytest.mark.parametrize("reference", [griffin_lim, world, noise])
def test_silence_stays_finite(reference, contract):
    result = reference(np.zeros(24_000, np.float32), contract)
    assert np.isfinite(result).all()
    assert np.abs(result).max() < 1e-3


@pytest.mark.parametrize("audio", [AudioConfig(), *OTHERS], ids=["24k", "16k", "slaney"])
def test_every_iteration_of_griffin_lim_brings_it_nearer_to_the_mel(audio, speech, monkeypatch):
    clip = speech[0][: 2 * audio.sample_rate]

    def distance(iterations):
        monkeypatch.setattr(references, "ITERATIONS", iterations)
        result = griffin_lim(clip, audio)
        return measure("mel", result, reference=clip, sample_rate=audio.sample_rate, audio=audio)

    random_phase, one, all_of_them = distance(0), distance(1), distance(32)
    assert all_of_them < 0.7 * one
    assert one < 0.6 * random_phase


def test_inverting_gives_one_hop_a_frame(contract):
    mel = np.full((contract.n_mels, 7), -4.0, np.float32)
    assert invert(mel, contract).shape == (7 * contract.hop_length,)


def test_noise_is_as_loud_as_the_clip(speech, contract):
    ours, theirs = (loudness(x, contract.sample_rate) for x in (noise(speech[0], contract), speech[0]))
    assert ours == pytest.approx(theirs, abs=0.1)
