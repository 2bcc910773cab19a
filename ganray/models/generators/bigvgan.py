"""BigVGAN: HiFi-GAN with periodic activations that do not alias (Lee et al. 2023).

The defaults are BigVGAN-base, 14 M; the recipe `bigvgan` has the paper's large one, 112 M.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.snake import REACH, AliasFree, Snake, SnakeKind
from ganray.models.upsampling import EDGE, UpsamplingConfig, UpsamplingGenerator, convolution


class Config(UpsamplingConfig):
    """Sizes; the defaults are BigVGAN-base."""

    type: Literal["bigvgan"] = "bigvgan"
    activation: SnakeKind = "snakebeta"
    """`snakebeta` learns height and frequency of each channel's wave, `snake` one number for both."""
    log_scale: bool = True
    """Learn the logarithms of these numbers."""
    tanh: bool = True
    """Bound the waveform by tanh; false: by cutting, as in BigVGAN v2."""
    last_bias: bool = True
    """A bias in the last convolution; false in BigVGAN v2."""


class Generator(UpsamplingGenerator):
    """Log-mel to waveform."""

    slope = 1

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        self.activation = AliasFree(Snake(self.last_channels, config.activation, config.log_scale))
        last = nn.Conv1d(self.last_channels, 1, 2 * EDGE + 1, padding=EDGE, bias=config.last_bias)
        self.out = weight_norm(last)

    def block(self, channels: int, kernel: int, dilations: Sequence[int]) -> nn.Module:
        return PeriodicBlock(channels, kernel, dilations, self.config)

    @property
    def context_frames(self) -> int:
        return self.frames_around(EDGE + REACH, EDGE + REACH)

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x: Tensor = self.out(self.activation(self.upsampled(inputs["mel"]))).float()
        return torch.tanh(x) if self.config.tanh else x.clamp(-1, 1)


class PeriodicBlock(nn.Module):
    """(B, C, T) to the same: HiFi-GAN's residual block with alias-free periodic activations."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], config: Config) -> None:
        super().__init__()
        pairs = config.resblock_pairs
        self.reach = sum(kernel // 2 * (dilation + pairs) + REACH * (1 + pairs) for dilation in dilations)
        every = [each for dilation in dilations for each in ([dilation, 1] if pairs else [dilation])]
        self.convolutions = nn.ModuleList([convolution(channels, kernel, dilation) for dilation in every])
        self.activations = nn.ModuleList(
            [AliasFree(Snake(channels, config.activation, config.log_scale)) for _ in every]
        )
        self.depth = 1 + pairs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for place, (activation, conv) in enumerate(zip(self.activations, self.convolutions, strict=True), 1):
            y = conv(activation(y))
            if place % self.depth == 0:
                y = x = x + y
        return x
