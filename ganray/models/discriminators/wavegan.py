"""WaveGAN's discriminator: five strided convolutions, one number, and phase shuffle between them (Donahue et al. 2019).

Phase shuffle moves each layer's map by up to n steps, so that the phase of the generator's upsampling can't be what
gives it away. How far comes from each item's key: real and fake of an item move alike, on any number of workers.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.random import mix


class Config(contract.ArchitectureConfig):
    """Sizes; the defaults are the paper's."""

    type: Literal["wavegan"] = "wavegan"
    channels: int = Field(64, ge=1)
    """Width of the first convolution; each of the others has twice the one before."""
    layers: int = Field(5, ge=1)
    """Convolutions, each of which strides by 4."""
    shuffle: int = Field(2, ge=0)
    """Steps that phase shuffle moves a map by at most; 0: none."""


class Discriminator(contract.Discriminator):
    """One judgement of a whole segment."""

    takes_key = True

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        self.convolutions = nn.ModuleList()
        inputs, length = 1, segment_length
        for layer in range(config.layers):
            width = config.channels * 2**layer
            self.convolutions.append(nn.Conv1d(inputs, width, 25, 4, padding=11))
            inputs, length = width, (length - 3) // 4 + 1
        self.out = nn.Linear(inputs * length, 1)

    @property
    def ears(self) -> list[contract.Ear]:
        return [contract.Ear("whole", "whole")]

    def forward(self, waveform: Tensor, key: Tensor | None = None) -> tuple[list[Tensor], list[list[Tensor]]]:
        x, features = waveform, []
        for layer, convolution in enumerate(self.convolutions):
            x = nn.functional.leaky_relu(convolution(x), 0.2)
            features.append(x)
            if key is not None and self.config.shuffle and layer < len(self.convolutions) - 1:
                x = shuffled(x, mix(key + layer), self.config.shuffle)
        return [self.out(x.flatten(1))], [features]


def shuffled(x: Tensor, key: Tensor, most: int) -> Tensor:
    """(B, C, T) with item b moved by -most to most steps, as key[b], (B,), says; what leaves is mirrored in."""
    shift = mix(key) % (2 * most + 1) - most
    place = torch.arange(x.shape[-1], device=x.device) - shift[:, None]
    last = x.shape[-1] - 1
    place = last - (last - place.abs()).abs()
    return x.gather(2, place[:, None].expand_as(x))
