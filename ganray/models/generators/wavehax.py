"""Two-dimensional convolutions over the spectrum of a harmonic excitation, without upsampling and so without aliasing
(after Wavehax, Yoneyama et al. 2024).

The network sees, for every frame and bin, the excitation's spectrum, noise, and the magnitude that the mel implies, and
gives a complex number each that is added to the excitation. Departs from the paper: the mel is seen through its
pseudo-inverse (FreeV, Lv et al. 2024) and not through a layer of its own; F0 comes from a head where it is not given.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.generators import source_filter
from ganray.models.random import complex_normal

KERNEL = 7
SEEN = 5
"""Pictures that the network sees: excitation and noise, real and imaginary, and the log-magnitude."""


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["wavehax"] = "wavehax"
    channels: int = Field(16, ge=4)
    """Width of every block."""
    inner: int = Field(48, ge=4)
    """Width of the perceptrons inside its blocks."""
    blocks: int = Field(4, ge=1)
    """Of 7 × 7 depth-wise convolutions, over bins and frames."""
    f0_channels: int = Field(128, ge=8)
    """Width of the F0 head."""
    f0_blocks: int = Field(3, ge=1)
    """ConvNeXt blocks of the F0 head."""


class Generator(contract.Generator):
    """Log-mel to waveform, with F0 from a head of its own or from outside."""

    condition = "mel"

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        # Excitation, noise keys and F0 head are the source-filter generator's; of its network there is none.
        head = {"f0_channels": config.f0_channels, "f0_blocks": config.f0_blocks}
        self.source = source_filter.Generator(source_filter.Config(channels=8, inner=8, blocks=1, **head), audio)
        del self.source.backbone, self.source.out
        self.embed = nn.Conv2d(SEEN, config.channels, 1)
        self.blocks = nn.ModuleList([Block(config.channels, config.inner) for _ in range(config.blocks)])
        self.out = nn.Conv2d(config.channels, 2, 1)
        nn.init.normal_(self.out.weight, std=1e-3)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    @property
    def has_f0_head(self) -> bool:
        return True

    @property
    def context_frames(self) -> int:
        # The excitation's transform and the overlap-add each look a few frames further than the blocks.
        return KERNEL // 2 * self.config.blocks + 2 * self.source.inverse_stft.context_frames + 1

    def prepare(self, mel: Tensor, key: Tensor, f0: Tensor | None = None) -> contract.Inputs:
        return self.source.prepare(mel, key, f0)

    def forward(self, inputs: contract.Inputs) -> Tensor:
        with torch.autocast(inputs["mel"].device.type, enabled=False):
            prior = self.source.inverse_mel(inputs["mel"])
            excitation = self.source.excitation(inputs)
            noise = complex_normal(inputs["keys"], prior.shape[1])
            seen = torch.stack([excitation.real, excitation.imag, noise.real, noise.imag, prior.log() / 3 + 1], 1)
        x = self.embed(seen)
        for block in self.blocks:
            x = block(x)
        made = self.out(x).float()
        with torch.autocast(inputs["mel"].device.type, enabled=False):
            spectrum = prior * (excitation + torch.complex(made[:, 0], made[:, 1]))
            return self.source.inverse_stft(spectrum).clamp(-1, 1)[:, None]

    def f0_loss(self, mel: Tensor, f0: Tensor) -> Tensor:
        return self.source.f0_loss(mel, f0)


class Block(nn.Module):
    """(B, C, bins, F) to the same: ConvNeXt's (Liu et al. 2022)."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, KERNEL, padding=KERNEL // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, inner)
        self.project = nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + self.project(functional.gelu(self.expand(y))).permute(0, 3, 1, 2)
