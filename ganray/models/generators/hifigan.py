"""HiFi-GAN: transposed convolutions from frames to samples, each followed by residual blocks of several sizes whose
outputs are averaged, the multi-receptive-field fusion (Kong et al. 2020). The defaults are the paper's V1: 13.9 M.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import weight_norm

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.upsampling import EDGE, UpsamplingConfig, UpsamplingGenerator


class Config(UpsamplingConfig):
    """Sizes; the defaults are the paper's V1. V2 has 128 channels; V3 has 256, three upsamplings and blocks of fewer
    convolutions: see the recipes."""

    type: Literal["hifigan"] = "hifigan"


class Generator(UpsamplingGenerator):
    """Log-mel to waveform."""

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        self.out = weight_norm(nn.Conv1d(self.last_channels, 1, 2 * EDGE + 1, padding=EDGE))

    @property
    def context_frames(self) -> int:
        return self.frames_around(EDGE, EDGE)

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x: Tensor = self.out(leaky_relu(self.upsampled(inputs["mel"])))
        return torch.tanh(x.float())
