"""The article's discriminator: convolutions, fully connected layers, one probability (here: its logit).

Leaky ReLU and strides instead of pooling, as in DCGAN (Radford et al. 2016).
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.models import contract


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["article"] = "article"
    channels: tuple[int, ...] = (16, 32, 64, 128, 256)
    """Width of each convolution; each strides by 4."""
    hidden: int = Field(128, ge=1)
    """Width of the fully connected layer before the last."""


class Discriminator(contract.Discriminator):
    """One judgement of a whole segment."""

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        self.convolutions = nn.ModuleList()
        inputs, length = 1, segment_length
        for width in config.channels:
            self.convolutions.append(nn.Conv1d(inputs, width, 25, 4, padding=12))
            inputs, length = width, -(-length // 4)
        self.hidden = nn.Linear(inputs * length, config.hidden)
        self.out = nn.Linear(config.hidden, 1)

    @property
    def ears(self) -> list[contract.Ear]:
        return [contract.Ear("whole", "whole")]

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        x, features = waveform, []
        for convolution in self.convolutions:
            x = nn.functional.leaky_relu(convolution(x), 0.2)
            features.append(x)
        x = nn.functional.leaky_relu(self.hidden(x.flatten(1)), 0.2)
        return [self.out(x)], [features]
