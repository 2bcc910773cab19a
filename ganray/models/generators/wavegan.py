"""WaveGAN: noise to a waveform by transposed convolutions, without batch norm (Donahue et al. 2019).

Defaults are the paper's. Departs from it: kernels have 24 taps at stride 4, so that lengths stay exact; the paper has
25 and an output padding.
"""

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig, RunConfig
from ganray.errors import Problem
from ganray.models import contract
from ganray.models.generators import article
from ganray.models.random import normal

STRIDE, KERNEL = 4, 24
FIRST = 16
"""Steps after the fully connected layer."""


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["wavegan"] = "wavegan"
    noise_size: int = Field(100, ge=1)
    """Numbers the waveform is made of."""
    channels: int = Field(64, ge=1)
    """Width before the last upsampling; each of the others has twice the one behind."""
    layers: int = Field(5, ge=1, le=7)
    """Upsamplings by 4, from 16 steps: 5 give 16,384 samples."""

    @property
    def length(self) -> int:
        """Samples of a waveform."""
        return FIRST * STRIDE**self.layers

    def rules(self, run: RunConfig) -> list[Problem]:
        return article.noise_rules(run, self.length)


class Generator(contract.Generator):
    """Noise to a waveform of a fixed length."""

    condition = "noise"

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        self.width = config.channels * 2 ** (config.layers - 1)
        self.connect = nn.Linear(config.noise_size, self.width * FIRST)
        widths = [*(self.width >> layer for layer in range(config.layers)), 1]
        self.convolutions = nn.ModuleList(
            [nn.ConvTranspose1d(a, b, KERNEL, STRIDE, (KERNEL - STRIDE) // 2) for a, b in pairwise(widths)]
        )

    @property
    def context_frames(self) -> int:
        # Every sample depends on all of the noise: a waveform is one block.
        return -(-self.config.length // self.audio.hop_length)

    def prepare(self, mel: Tensor, key: Tensor, f0: Tensor | None = None) -> contract.Inputs:
        return {"noise": normal(key, self.config.noise_size)[:, :, None]}

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x = self.connect(inputs["noise"][:, :, 0]).view(-1, self.width, FIRST)
        for convolution in self.convolutions:
            x = convolution(x.relu())
        return x.float().tanh()
