"""Distances between spectra at several resolutions, in fp32."""

import torch
from torch import Tensor, nn

from ganray.audio import LogMel
from ganray.config import AudioConfig


class MelLoss(nn.Module):
    """L1 of log-mel spectrograms, the mean over resolutions of half, once and twice the contract's window.

    HiFi-GAN (Kong et al. 2020) has one resolution; several follow DAC (Kumar et al. 2023).
    """

    def __init__(self, audio: AudioConfig, scales: tuple[float, ...] = (0.5, 1.0, 2.0)) -> None:
        super().__init__()
        self.mels = nn.ModuleList([LogMel(_scaled(audio, scale)) for scale in scales])

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """(B, 1, T) each to a scalar."""
        with torch.no_grad():
            wanted = [mel(real) for mel in self.mels]
        return torch.stack(
            [(mel(fake) - want).abs().mean() for mel, want in zip(self.mels, wanted, strict=True)]
        ).mean()


class StftLoss(nn.Module):
    """Spectral convergence and L1 of log magnitudes, over resolutions (Parallel WaveGAN, Yamamoto et al. 2020)."""

    def __init__(self, n_ffts: tuple[int, ...] = (512, 1024, 2048)) -> None:
        super().__init__()
        for n_fft in n_ffts:
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), persistent=False)
        self.n_ffts = n_ffts

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """(B, 1, T) each to a scalar."""
        terms = []
        for n_fft in self.n_ffts:
            made, wanted = self._magnitude(fake, n_fft), self._magnitude(real, n_fft)
            # Item by item, so that the mean over workers is that over the batch.
            distance, size = (wanted - made).flatten(1).norm(dim=1), wanted.flatten(1).norm(dim=1)
            terms.append((distance / size.clamp_min(1e-6)).mean() + (made.log() - wanted.log()).abs().mean())
        return torch.stack(terms).mean()

    def _magnitude(self, waveform: Tensor, n_fft: int) -> Tensor:
        window = self.get_buffer(f"window_{n_fft}")
        spectrum = torch.stft(waveform[:, 0].float(), n_fft, n_fft // 4, window=window, return_complex=True)
        return (spectrum.real**2 + spectrum.imag**2).clamp_min(1e-7).sqrt()


def _scaled(audio: AudioConfig, scale: float) -> AudioConfig:
    """The contract at another time resolution; fewer bands where there are fewer bins."""
    n_fft = int(audio.n_fft * scale)
    return audio.model_copy(
        update={
            "n_fft": n_fft,
            "win_length": n_fft,
            "hop_length": n_fft // 4,
            "n_mels": max(20, int(audio.n_mels * min(1.0, scale))),
            "mel_norm": "none",
        }
    )
