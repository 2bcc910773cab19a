"""iSTFTNet: HiFi-GAN's first upsamplings, then small spectra that an inverse Fourier transform makes samples of
(Kaneko et al. 2022). The defaults are the paper's C8C8I on V1: 13.3 M.

Departs from the paper: frames of the small transform are laid as everywhere in this project, so none is reflected at
the beginning; and the phase is π times a sine, so that it can be any, as in MB-iSTFT-VITS (Kawamura et al. 2023).
"""

import math
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import weight_norm

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.fourier import Grid, InverseSTFT
from ganray.models.random import polar
from ganray.models.upsampling import EDGE, Size, UpsamplingConfig, UpsamplingGenerator


class Config(UpsamplingConfig):
    """Sizes; the defaults are the paper's C8C8I on V1."""

    type: Literal["istftnet"] = "istftnet"
    upsample_rates: tuple[Size, ...] = (8, 8)
    """Factors of the transposed convolutions; times last_hop they give audio.hop_length."""
    upsample_kernels: tuple[Size, ...] = (16, 16)
    """Their kernels; each as long as its rate or longer by an even number."""
    last_n_fft: int = Field(16, ge=4, multiple_of=4)
    """Size of the small transform, in samples."""

    @property
    def later_factor(self) -> int:
        return self.last_n_fft // 4


class Generator(UpsamplingGenerator):
    """Log-mel to waveform."""

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        self.out = weight_norm(nn.Conv1d(self.last_channels, config.last_n_fft + 2, 2 * EDGE + 1, padding=EDGE))
        self.inverse_stft = InverseSTFT(Grid(config.last_n_fft, config.last_n_fft // 4))

    @property
    def context_frames(self) -> int:
        around = EDGE + self.inverse_stft.context_frames
        return self.frames_around(around, around)

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x = self.out(leaky_relu(self.upsampled(inputs["mel"]))).float()
        return self.inverse_stft(small_spectra(x)).clamp(-1, 1)[:, None]


def small_spectra(x: Tensor) -> Tensor:
    """(B, n_fft + 2, T) of a network to (B, n_fft / 2 + 1, T) complex: log-magnitudes, then phases."""
    log_magnitude, phase = x.chunk(2, 1)
    return polar(log_magnitude.exp().clamp_max(1e2), math.pi * phase.sin())
