"""The article's generator: noise through a fully connected layer and transposed convolutions to a waveform.

Batch norm between the layers, `tanh` at the end; in one dimension what DCGAN (Radford et al. 2016) and WaveGAN (Donahue
et al. 2019) are.
"""

import math
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig, RunConfig
from ganray.errors import Problem
from ganray.models import contract
from ganray.models.norm import BatchNorm
from ganray.models.random import normal


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["article"] = "article"
    noise_size: int = Field(100, ge=1)
    """Numbers the waveform is made of."""
    channels: int = Field(256, ge=8)
    """Width after the fully connected layer; halves with every upsampling."""
    strides: tuple[int, ...] = (4, 4, 4, 4, 4)
    """Upsampling of each transposed convolution; kernels are four strides and a bit wide, as in WaveGAN."""
    length: int = Field(16_384, ge=256)
    """Samples of a waveform; data.segment_length must equal it."""

    def rules(self, run: RunConfig) -> list[Problem]:
        return noise_rules(run, self.length)


def noise_rules(run: RunConfig, length: int) -> list[Problem]:
    """What every generator of noise asks of a run, its waveforms being `length` samples long."""
    weights = run.objective.weights
    problems = [
        Problem(
            f"objective.weights.{name}",
            getattr(weights, name),
            "a generator of noise has nothing to equal",
            "set it to 0",
        )
        for name in ("feature_matching", "mel", "stft")
        if getattr(weights, name)
    ]
    hop = run.audio.hop_length
    if length % hop:
        near = max(
            (n for n in range(16, run.audio.win_length // 2 + 1) if length % n == 0), key=lambda n: -abs(n - hop)
        )
        rule = f"the generator's {length} samples are no multiple of {hop}"
        problems.append(Problem("audio.hop_length", hop, rule, f"use {near}"))
    if run.data.segment_length != length:
        rule = f"the generator makes waveforms of {length}"
        problems.append(Problem("data.segment_length", run.data.segment_length, rule, f"set it to {length}"))
    return problems


class Generator(contract.Generator):
    """Noise to a waveform of a fixed length."""

    condition = "noise"

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        self.first_length = -(-config.length // math.prod(config.strides))
        self.connect = nn.Linear(config.noise_size, config.channels * self.first_length, bias=False)
        layers: list[nn.Module] = [BatchNorm(config.channels), nn.ReLU()]
        channels = config.channels
        for i, stride in enumerate(config.strides):
            last = i == len(config.strides) - 1
            narrower = 1 if last else max(channels // 2, 8)
            kernel = 6 * stride + stride % 2  # WaveGAN: 25 at stride 4; even here, so that lengths stay exact
            layers.append(
                nn.ConvTranspose1d(channels, narrower, kernel, stride, padding=(kernel - stride) // 2, bias=last)
            )
            layers += [nn.Tanh()] if last else [BatchNorm(narrower), nn.ReLU()]
            channels = narrower
        self.layers = nn.Sequential(*layers)

    @property
    def context_frames(self) -> int:
        # Every sample depends on all of the noise: a waveform is one block.
        return -(-self.config.length // self.audio.hop_length)

    def prepare(self, mel: Tensor, key: Tensor, f0: Tensor | None = None) -> contract.Inputs:
        return {"noise": normal(key, self.config.noise_size)[:, :, None]}

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x = self.connect(inputs["noise"][:, :, 0]).view(-1, self.config.channels, self.first_length)
        return self.layers(x)[..., : self.config.length]
