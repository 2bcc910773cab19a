"""Multi-scale discriminator: strided, grouped convolutions on the waveform and on averages of it (MelGAN, Kumar et al.
2019; sizes of HiFi-GAN, Kong et al. 2020).

Departs from the paper: weight normalisation on the first scale too. Spectral normalisation, which the paper has there,
moves with every pass, so that an update would depend on how many passes it is computed in.
"""

import math
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.discriminators.mpd import LEVEL

KERNELS = (15, 41, 41, 41, 41, 41, 5)
STRIDES = (1, 2, 2, 4, 4, 1, 1)
GROUPS = (1, 4, 16, 16, 16, 16, 1)
"""Of the paper's seven convolutions; narrower ones have fewer groups."""


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["msd"] = "msd"
    scales: int = Field(3, ge=1)
    """Judges; each hears the waveform averaged by 2 once more than the one before."""
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (128, 128, 256, 512, 1024, 1024, 1024), min_length=len(KERNELS), max_length=len(KERNELS)
    )
    """Width of each convolution."""


class Discriminator(contract.Discriminator):
    """One judge a scale."""

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        self.judges = nn.ModuleList([ScaleJudge(config.channels) for _ in range(config.scales)])

    @property
    def ears(self) -> list[contract.Ear]:
        return [contract.Ear(f"scale {2**place}", "phase") for place in range(len(self.judges))]

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        logits, features, x = [], [], LEVEL * waveform
        for place, judge in enumerate(self.judges):
            if place:
                x = nn.functional.avg_pool1d(x, 4, 2, padding=2)
            its_logits, its_features = judge(x)
            logits.append(its_logits)
            features.append(its_features)
        return logits, features


class ScaleJudge(nn.Module):
    """Convolutions over time."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        sizes = zip((1, *channels[:-1]), channels, KERNELS, STRIDES, GROUPS, strict=True)
        self.convolutions = nn.ModuleList(
            [
                nn.Conv1d(a, b, kernel, stride, padding=kernel // 2, groups=math.gcd(a, b, groups))
                for a, b, kernel, stride, groups in sizes
            ]
        )
        self.out = nn.Conv1d(channels[-1], 1, 3, padding=1)
        contract.prepare_judge(self)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 1, T) to logits (B, 1, T / 64) and features."""
        features = []
        for convolution in self.convolutions:
            x = nn.functional.leaky_relu(convolution(x), 0.1)
            features.append(x)
        return self.out(x), features
