"""Multi-resolution discriminator: judges of magnitude spectrograms of several resolutions (UnivNet, Jang et al. 2021).

Departs from the paper: magnitudes are compressed by a power, so that quiet parts are heard too, and the strides run
along frequency. Sizes from the recipe; the paper has 32 channels throughout.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.models import contract


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["mrd"] = "mrd"
    n_ffts: tuple[int, ...] = (2048, 1024, 512)
    """Transform sizes in samples, one judge each; the hop is a quarter."""
    channels: int = Field(32, ge=1)
    """Width of every convolution."""
    compression: float = Field(0.3, gt=0, le=1)
    """Exponent of the magnitudes."""


class Discriminator(contract.Discriminator):
    """One judge a resolution."""

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        self.judges = nn.ModuleList(
            [ResolutionJudge(n_fft, config.channels, config.compression) for n_fft in config.n_ffts]
        )

    @property
    def ears(self) -> list[contract.Ear]:
        return [contract.Ear(f"resolution {judge.n_fft}", "hertz") for judge in self.judges]

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        told = [judge(waveform) for judge in self.judges]
        return [logits for logits, _ in told], [features for _, features in told]


class ResolutionJudge(nn.Module):
    """Two-dimensional convolutions over one spectrogram."""

    def __init__(self, n_fft: int, channels: int, compression: float) -> None:
        super().__init__()
        self.n_fft, self.compression = n_fft, compression
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.window: Tensor
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(1, channels, (5, 3), (2, 1), padding=(2, 1)),
                nn.Conv2d(channels, channels, (5, 3), (2, 1), padding=(2, 1)),
                nn.Conv2d(channels, channels, (5, 3), (2, 1), padding=(2, 1)),
                nn.Conv2d(channels, channels, (5, 3), (2, 1), padding=(2, 1)),
                nn.Conv2d(channels, channels, (3, 3), padding=(1, 1)),
            ]
        )
        self.out = nn.Conv2d(channels, 1, (3, 3), padding=(1, 1))
        contract.prepare_judge(self)

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 1, T) to logits (B, bins / 16, frames) and features."""
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(
                waveform[:, 0].float(), self.n_fft, self.n_fft // 4, window=self.window, return_complex=True
            )
            # The small number keeps the gradient finite in silence.
            x = ((spectrum.real**2 + spectrum.imag**2 + 1e-7) ** (self.compression / 2))[:, None]
        features = []
        for convolution in self.convolutions:
            x = nn.functional.leaky_relu(convolution(x), 0.1)
            features.append(x)
        return self.out(x)[:, 0], features
