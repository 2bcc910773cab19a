import numpy as np
import pytest

from ganray.audio.pitch import energy, fundamental
from ganray.config import AudioConfig
from ganray.config.prepare import F0Config

CONTRACTS = [
    AudioConfig(),
    AudioConfig(sample_rate=16_000, f_max=8_000),
    AudioConfig(sample_rate=22_050, f_max=11_025, n_mels=80),
    AudioConfig(sample_rate=48_000, n_fft=2048, win_length=2048, hop_length=480),
]


def centres(audio, num_samples):
    return np.arange(num_samples // audio.hop_length) * audio.hop_length + audio.hop_length / 2


def harmonic(f0, rate):
    phase = 2 * np.pi * np.cumsum(f0) / rate
    return 0.05 * sum(np.sin(k * phase) / k for k in range(1, 12)).astype(np.float32)


def swept(audio):
    """Two seconds of a tone that swings from 150 to 250 Hz three times a second, and its F0 at each frame."""
    num_samples = 2 * audio.sample_rate // audio.hop_length * audio.hop_length

    def f0(samples):
        return 200 + 50 * np.sin(2 * np.pi * 3 * samples / audio.sample_rate)

    waveform = harmonic(f0(np.arange(num_samples)), audio.sample_rate)
    slope = 50 * 2 * np.pi * 3 * np.cos(2 * np.pi * 3 * centres(audio, num_samples) / audio.sample_rate)
    return waveform, f0(centres(audio, num_samples)), slope


@pytest.mark.parametrize("audio", CONTRACTS, ids=lambda audio: str(audio.sample_rate))
def test_f0_is_that_of_each_frames_centre(audio):
    waveform, want, slope = swept(audio)
    got = fundamental(waveform, audio, F0Config())
    assert got.dtype == np.float32
    assert len(got) == len(want)
    voiced = got > 0
    assert voiced.mean() > 0.9
    assert np.median(np.abs(got[voiced] / want[voiced] - 1)) < 0.005
    # A lag of the track shows as an error along the slope. Half a hop would be 5 to 8 ms.
    lag_s = -np.sum((got - want)[voiced] * slope[voiced]) / np.sum(slope[voiced] ** 2)
    assert abs(lag_s) < 0.001


def test_noise_and_silence_are_unvoiced():
    random = np.random.default_rng(0)
    audio = AudioConfig()
    assert not fundamental(np.zeros(25_600, np.float32), audio, F0Config()).any()
    noise = (0.1 * random.standard_normal(256 * 200)).astype(np.float32)
    assert (fundamental(noise, audio, F0Config()) > 0).mean() < 0.35


@pytest.mark.parametrize("hz", [70, 110, 220, 440])
def test_f0_keeps_to_the_range_that_was_asked_for(hz):
    audio = AudioConfig()
    waveform = harmonic(np.full(256 * 150, float(hz)), 24_000)
    assert np.median(fundamental(waveform, audio, F0Config())) == pytest.approx(hz, rel=0.01)
    f0 = fundamental(waveform, audio, F0Config(floor_hz=90, ceiling_hz=300))
    assert all(90 <= value <= 300 for value in f0[f0 > 0])


@pytest.mark.parametrize("audio", CONTRACTS, ids=lambda audio: str(audio.sample_rate))
def test_energy_is_that_of_each_frames_window(audio):
    num_samples = 40 * audio.hop_length
    waveform = np.zeros(num_samples, np.float32)
    waveform[17 * audio.hop_length + audio.hop_length // 2] = 1
    got = energy(waveform, audio)
    assert len(got) == 40
    assert got[17] == pytest.approx(1 / np.sqrt(audio.win_length), rel=1e-5)
    heard = np.flatnonzero(got)
    reach = audio.win_length // 2 // audio.hop_length
    assert set(heard) <= set(range(17 - reach, 17 + reach + 1))
    assert abs(heard.mean() - 17) <= 0.5
    steady = energy(np.full(num_samples, 0.5, np.float32), audio)
    assert np.allclose(steady[reach + 1 : -reach - 1], 0.5, atol=1e-6)
