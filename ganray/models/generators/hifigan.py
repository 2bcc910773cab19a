"""HiFi-GAN: transposed convolutions from frames to samples, each followed by residual blocks of several sizes whose
outputs are averaged, the multi-receptive-field fusion (Kong et al. 2020). The defaults are the paper's V1: 13.9 M.
"""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import weight_norm

from ganray.config import AudioConfig, RunConfig
from ganray.errors import Problem
from ganray.models import contract

SLOPE = 0.1
EDGE = 3
"""Frames, and samples, that the first and the last convolution see on each side."""
Size = Annotated[int, Field(ge=1)]


class Config(contract.ArchitectureConfig):
    """Sizes; the defaults are the paper's V1. V2 has 128 channels."""

    type: Literal["hifigan"] = "hifigan"
    channels: int = Field(512, ge=2)
    """Width at the frame rate; every upsampling halves it."""
    upsample_rates: tuple[Size, ...] = (8, 8, 2, 2)
    """Factors from frames to samples; their product is audio.hop_length."""
    upsample_kernels: tuple[Size, ...] = (16, 16, 4, 4)
    """Kernels of the transposed convolutions; each as long as its rate or longer by an even number."""
    resblock_kernels: tuple[Size, ...] = (3, 7, 11)
    """Odd kernels of the residual blocks that are averaged."""
    resblock_dilations: tuple[tuple[Size, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    """Dilations inside each of these blocks."""

    def rules(self, run: RunConfig) -> list[Problem]:
        problems, hop, product = [], run.audio.hop_length, math.prod(self.upsample_rates)

        def broken(key: str, rule: str, mend: str) -> None:
            problems.append(Problem(f"generator.{key}", getattr(self, key), rule, mend))

        if product != hop:
            broken(
                "upsample_rates", f"they give {product} samples a frame, audio.hop_length is {hop}", f"make it {hop}"
            )
        pairs = list(zip(self.upsample_rates, self.upsample_kernels, strict=False))
        if len(self.upsample_kernels) != len(self.upsample_rates):
            broken("upsample_kernels", "there must be as many as upsample_rates", f"give {len(self.upsample_rates)}")
        elif any(kernel < rate or (kernel - rate) % 2 for rate, kernel in pairs):
            better = [2 * rate for rate in self.upsample_rates]
            broken("upsample_kernels", "a kernel must be its rate plus an even number", f"try {better}")
        if any(kernel % 2 == 0 for kernel in self.resblock_kernels):
            broken("resblock_kernels", "kernels must be odd", f"try {[kernel | 1 for kernel in self.resblock_kernels]}")
        if len(self.resblock_dilations) != len(self.resblock_kernels):
            wanted = len(self.resblock_kernels)
            broken("resblock_dilations", "there must be as many as resblock_kernels", f"give {wanted} lists")
        if self.channels % 2 ** len(self.upsample_rates):
            broken(
                "channels", "they are halved by every upsampling", f"use {2 ** len(self.upsample_rates)} or a multiple"
            )
        return problems


class Generator(contract.Generator):
    """Log-mel to waveform."""

    condition = "mel"

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        channels = config.channels
        self.embed = weight_norm(nn.Conv1d(audio.n_mels, channels, 2 * EDGE + 1, padding=EDGE))
        stages = []
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
            stages.append(Stage(channels, rate, kernel, config.resblock_kernels, config.resblock_dilations))
            channels //= 2
        self.stages = nn.ModuleList(stages)
        self.out = weight_norm(nn.Conv1d(channels, 1, 2 * EDGE + 1, padding=EDGE))

        # The samples of frame 0, followed back through the layers to the frames that they are made from.
        first, last = -EDGE, audio.hop_length - 1 + EDGE
        for stage in reversed(stages):
            first, last = stage.needs(first, last)
        self._context_frames = max(EDGE - first, last + EDGE)

    @property
    def context_frames(self) -> int:
        return self._context_frames

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x = self.embed(inputs["mel"])
        for stage in self.stages:
            x = stage(x)
        return torch.tanh(self.out(leaky_relu(x)).float())


class Stage(nn.Module):
    """(B, C, T) to (B, C / 2, rate · T)."""

    def __init__(
        self,
        channels: int,
        rate: int,
        kernel: int,
        resblock_kernels: tuple[int, ...],
        resblock_dilations: tuple[tuple[int, ...], ...],
    ) -> None:
        super().__init__()
        self.rate, self.kernel, self.padding = rate, kernel, (kernel - rate) // 2
        self.up = weight_norm(nn.ConvTranspose1d(channels, channels // 2, kernel, rate, self.padding))
        sizes = zip(resblock_kernels, resblock_dilations, strict=True)
        blocks = [ResidualBlock(channels // 2, size, dilations) for size, dilations in sizes]
        self.blocks, self.reach = nn.ModuleList(blocks), max(block.reach for block in blocks)

    def needs(self, first: int, last: int) -> tuple[int, int]:
        """First and last step of the input that the steps `first` to `last` of the output depend on."""
        first, last = first - self.reach + self.padding, last + self.reach + self.padding
        return -((self.kernel - 1 - first) // self.rate), last // self.rate

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(leaky_relu(x, SLOPE))
        made = [block(x) for block in self.blocks]
        return sum(made[1:], start=made[0]) / len(made)


class ResidualBlock(nn.Module):
    """(B, C, T) to the same: pairs of a dilated and a plain convolution, each pair added to its input."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.reach = sum(kernel // 2 * (dilation + 1) for dilation in dilations)
        self.dilated = nn.ModuleList([_convolution(channels, kernel, dilation) for dilation in dilations])
        self.plain = nn.ModuleList([_convolution(channels, kernel, 1) for _ in dilations])

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            x = x + plain(leaky_relu(dilated(leaky_relu(x, SLOPE)), SLOPE))
        return x


def _convolution(channels: int, kernel: int, dilation: int) -> nn.Module:
    return weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=kernel // 2 * dilation))
