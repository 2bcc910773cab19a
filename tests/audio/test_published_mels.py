"""The audio contract can say what HiFi-GAN's, BigVGAN's and Vocos's own code compute: against their formulas."""

import math

import numpy as np
import pytest
import torch
import torchaudio

from ganray.audio import log_mel
from ganray.config import AudioConfig
from ganray.models.fourier import ForwardSTFT, InverseSTFT
from ganray.voice import signal
from tests.conftest import SHARED, like_speech

HIFIGAN = AudioConfig(
    sample_rate=22_050, n_mels=80, f_max=8000, mel_scale="slaney", mel_norm="slaney", epsilon=1e-9
)  # fmt: skip
BIGVGAN_V2 = AudioConfig(
    sample_rate=44_100, n_fft=2048, win_length=2048, hop_length=512, n_mels=128, f_max=22_050,
    mel_scale="slaney", mel_norm="slaney", epsilon=1e-9,
)  # fmt: skip
VOCOS = AudioConfig(floor=1e-7, centered=True)


def recordings(rate):
    """Speech with a quiet part and a part without any sound; a real recording where there is one."""
    made = like_speech(1.5, 3, rate)
    made[rate // 2 : rate * 3 // 4] *= 1e-4
    made[rate : rate * 5 // 4] = 0
    yield made
    for path in sorted(SHARED.glob("kathleen/wavs/*.wav"))[:1]:
        import soundfile
        import soxr

        real, its = soundfile.read(path, dtype="float32")
        yield soxr.resample(real, its, rate)[: 2 * rate]


def slaney_filters(rate, n_fft, bands, low, high):
    """(bands, bins): Slaney's scale, linear to 1 kHz and then 27 steps for a factor of 6.4, each band of area one."""

    def mel_of(hz):
        return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)

    def hz_of(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    edges = [hz_of(mel) for mel in np.linspace(mel_of(low), mel_of(high), bands + 2)]
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    filters = np.zeros((bands, len(bins)))
    for band, (a, b, c) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        filters[band] = np.clip(np.minimum((bins - a) / (b - a), (c - bins) / (c - b)), 0, None) * 2 / (c - a)
    return filters


@pytest.mark.parametrize("audio", [HIFIGAN, BIGVGAN_V2], ids=["hifigan", "bigvgan v2"])
def test_the_mel_of_hifigan_and_bigvgan(audio):
    """Reflected by (n_fft - hop) / 2, sqrt(re² + im² + 1e-9), librosa's filters, log(max(1e-5, ·))."""
    n_fft, hop, window = audio.n_fft, audio.hop_length, np.hanning(audio.n_fft + 1)[:-1]
    filters = slaney_filters(audio.sample_rate, n_fft, audio.n_mels, 0, audio.f_max)
    for wave in recordings(audio.sample_rate):
        padded = np.pad(wave.astype(np.float64), (n_fft - hop) // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop] * window
        wanted = np.log(np.maximum(np.sqrt(np.abs(np.fft.rfft(frames)) ** 2 + 1e-9) @ filters.T, 1e-5)).T
        np.testing.assert_allclose(log_mel(wave, audio), wanted, atol=2e-3)


def test_the_mel_of_vocos():
    """torchaudio's own transform with power 1 and its defaults, log(max(1e-7, ·))."""
    transform = torchaudio.transforms.MelSpectrogram(24_000, n_fft=1024, hop_length=256, n_mels=100, power=1)
    for wave in recordings(24_000):
        wanted = transform(torch.from_numpy(wave)).clamp_min(1e-7).log().numpy()
        made = log_mel(wave, VOCOS)
        assert wanted.shape[1] == made.shape[1] + 1  # theirs has a frame behind the last hop
        np.testing.assert_allclose(made, wanted[:, :-1], atol=1e-3)


def test_a_centred_frame_stands_on_the_first_sample_of_its_hop():
    click = np.zeros(64 * 256, np.float32)
    click[20 * 256] = 1
    energy = log_mel(click, VOCOS).sum(0)
    assert int(energy.argmax()) == 20
    assert energy[19] == pytest.approx(energy[21], rel=1e-2)


def test_centred_transforms_are_inverse_with_torch_and_without():
    wave = torch.from_numpy(next(recordings(24_000))[: 80 * 256])
    spectrum = ForwardSTFT(VOCOS)(wave[None])
    assert spectrum.shape == (1, 513, 80)
    torch.testing.assert_close(InverseSTFT(VOCOS)(spectrum)[0], wave, atol=1e-5, rtol=0)
    np.testing.assert_allclose(signal.stft(wave.numpy(), VOCOS), spectrum[0].T.numpy(), atol=1e-4)
    np.testing.assert_allclose(signal.istft(spectrum[0].T.numpy(), VOCOS), wave.numpy(), atol=1e-5)
