"""What HiFi-GAN's family shares: transposed convolutions from frames to samples, each followed by residual blocks of
several sizes whose outputs are averaged, the multi-receptive-field fusion (Kong et al. 2020).
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import weight_norm

from ganray.config import AudioConfig, RunConfig
from ganray.errors import Problem
from ganray.models import contract

SLOPE = 0.1
EDGE = 3
"""Frames, and steps, that the first and the last convolution see on each side."""
Size = Annotated[int, Field(ge=1)]


class UpsamplingConfig(contract.ArchitectureConfig):
    """Sizes; the defaults are HiFi-GAN V1's."""

    channels: int = Field(512, ge=2)
    """Width at the frame rate; every upsampling halves it."""
    upsample_rates: tuple[Size, ...] = (8, 8, 2, 2)
    """Factors of the transposed convolutions."""
    upsample_kernels: tuple[Size, ...] = (16, 16, 4, 4)
    """Their kernels; each as long as its rate or longer by an even number."""
    resblock_kernels: tuple[Size, ...] = (3, 7, 11)
    """Odd kernels of the residual blocks that are averaged."""
    resblock_dilations: tuple[tuple[Size, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    """Dilations inside each of these blocks."""
    resblock_pairs: bool = True
    """Whether a plain convolution follows each dilated one (block "1" in HiFi-GAN's code; block "2" has none)."""

    @property
    def later_factor(self) -> int:
        """Samples of each step that upsampling ends with."""
        return 1

    def rules(self, run: RunConfig) -> list[Problem]:
        problems, hop, factor = [], run.audio.hop_length, self.later_factor
        product = math.prod(self.upsample_rates) * factor

        def broken(key: str, rule: str, mend: str) -> None:
            problems.append(Problem(f"generator.{key}", getattr(self, key), rule, mend))

        if hop % factor:
            rule = f"the generator's last steps are {factor} samples, and {hop} is no multiple of that"
            problems.append(Problem("audio.hop_length", hop, rule, f"use {max(1, round(hop / factor)) * factor}"))
        elif product != hop:
            rates = balanced_factors(hop // factor, len(self.upsample_rates))
            mend = f"try {rates} with upsample_kernels {_kernels(rates)}"
            broken("upsample_rates", f"they give {product} samples a frame, audio.hop_length is {hop}", mend)
        pairs = list(zip(self.upsample_rates, self.upsample_kernels, strict=False))
        if len(self.upsample_kernels) != len(self.upsample_rates):
            broken("upsample_kernels", "there must be as many as upsample_rates", f"give {len(self.upsample_rates)}")
        elif product == hop and any(kernel < rate or (kernel - rate) % 2 for rate, kernel in pairs):
            mend = f"try {_kernels(self.upsample_rates)}"
            broken("upsample_kernels", "a kernel must be its rate plus an even number", mend)
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


def balanced_factors(number: int, count: int) -> list[int]:
    """`count` factors of a number, as even as its primes allow, the largest first."""
    primes, rest = [], number
    for prime in range(2, number + 1):
        while rest % prime == 0:
            primes.append(prime)
            rest //= prime
        if rest == 1:
            break
    factors = [1] * count
    for prime in reversed(primes):
        factors[factors.index(min(factors))] *= prime
    return sorted(factors, reverse=True)


def _kernels(rates: Sequence[int]) -> list[int]:
    """Of twice the rate, as the paper has them, or one more where that is an odd difference."""
    return [2 * rate + rate % 2 for rate in rates]


class UpsamplingGenerator(contract.Generator):
    """Log-mel to steps finer than frames; what makes samples of them follows in an architecture's own file."""

    condition = "mel"
    slope = SLOPE
    """Of the leaky ReLU before each transposed convolution; 1: there is none."""

    def __init__(self, config: Any, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        channels = config.channels
        self.embed = weight_norm(nn.Conv1d(audio.n_mels, channels, 2 * EDGE + 1, padding=EDGE))
        stages = []
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
            channels //= 2
            sizes = zip(config.resblock_kernels, config.resblock_dilations, strict=True)
            blocks = [self.block(channels, size, dilations) for size, dilations in sizes]
            stages.append(Stage(channels, rate, kernel, blocks, self.slope))
        self.stages = nn.ModuleList(stages)
        self.last_channels = channels

    def block(self, channels: int, kernel: int, dilations: Sequence[int]) -> nn.Module:
        """A residual block; its `reach` says how many steps it sees on each side."""
        return ResidualBlock(channels, kernel, dilations, self.config.resblock_pairs)

    def upsampled(self, mel: Tensor) -> Tensor:
        """(B, M, F) to (B, last_channels, F · product of the rates)."""
        x = self.embed(mel)
        for stage in self.stages:
            x = stage(x)
        return x

    def frames_around(self, before: int, after: int) -> int:
        """Frames on each side that a frame depends on.

        Args:
            before: Steps before those of a frame that its samples are made from.
            after: And behind.
        """
        rates = math.prod(stage.rate for stage in self._stages())
        first, last = -before, rates - 1 + after
        for stage in reversed(self._stages()):
            first, last = stage.needs(first, last)
        return max(EDGE - first, last + EDGE)

    def _stages(self) -> list["Stage"]:
        return [stage for stage in self.stages if isinstance(stage, Stage)]


class Stage(nn.Module):
    """(B, 2 · C, T) to (B, C, rate · T)."""

    def __init__(self, channels: int, rate: int, kernel: int, blocks: Sequence[nn.Module], slope: float) -> None:
        super().__init__()
        self.rate, self.kernel, self.padding, self.slope = rate, kernel, (kernel - rate) // 2, slope
        self.up = weight_norm(nn.ConvTranspose1d(2 * channels, channels, kernel, rate, self.padding))
        self.blocks = nn.ModuleList(blocks)

    def needs(self, first: int, last: int) -> tuple[int, int]:
        """First and last step of the input that the steps `first` to `last` of the output depend on."""
        reach = max(int(block.reach) for block in self.blocks)  # type: ignore[arg-type]
        first, last = first - reach + self.padding, last + reach + self.padding
        return -((self.kernel - 1 - first) // self.rate), last // self.rate

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(x if self.slope == 1 else leaky_relu(x, self.slope))
        made = [block(x) for block in self.blocks]
        return sum(made[1:], start=made[0]) / len(made)


class ResidualBlock(nn.Module):
    """(B, C, T) to the same: dilated convolutions, each with a plain one behind it or alone, added to their input."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], pairs: bool = True) -> None:
        super().__init__()
        self.reach = sum(kernel // 2 * (dilation + pairs) for dilation in dilations)
        self.dilated = nn.ModuleList([convolution(channels, kernel, dilation) for dilation in dilations])
        self.plain = nn.ModuleList([convolution(channels, kernel, 1) for _ in dilations] if pairs else [])

    def forward(self, x: Tensor) -> Tensor:
        for place, dilated in enumerate(self.dilated):
            y = dilated(leaky_relu(x, SLOPE))
            x = x + (self.plain[place](leaky_relu(y, SLOPE)) if len(self.plain) else y)
        return x


def convolution(channels: int, kernel: int, dilation: int) -> nn.Module:
    """Of a width to itself, that keeps the length."""
    return weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=kernel // 2 * dilation))
