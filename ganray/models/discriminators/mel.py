"""Mel discriminator: a judge of patches of the log-mel spectrogram, where blurred harmonics and smeared noise are seen.

A patch judge (Isola et al. 2017) of what text-to-mel GANs judge (GANSpeech, Yang et al. 2021), taken from the waveform:
acoustic model and vocoder both answer for it. For its cost it sees more than a judge of linear spectrograms: a hundred
bands instead of five hundred bins, and a scale on which quiet parts count as much as loud ones.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganray.audio import LogMel
from ganray.config import AudioConfig
from ganray.models import contract


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["mel"] = "mel"
    channels: int = Field(32, ge=1)
    """Width of the first two convolutions; the others have twice as much."""


class Discriminator(contract.Discriminator):
    """One judge of the audio contract's own spectrogram."""

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        wide = 2 * config.channels
        self.log_mel = LogMel(audio)
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(1, config.channels, (5, 5), (2, 1), padding=2),
                nn.Conv2d(config.channels, config.channels, (5, 5), (2, 1), padding=2),
                nn.Conv2d(config.channels, wide, (3, 5), (2, 2), padding=(1, 2)),
                nn.Conv2d(wide, wide, (3, 5), (2, 1), padding=(1, 2)),
            ]
        )
        self.out = nn.Conv2d(wide, 1, 3, padding=1)
        contract.prepare_judge(self)

    @property
    def ears(self) -> list[contract.Ear]:
        return [contract.Ear("mel", "mel")]

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        with torch.autocast(waveform.device.type, enabled=False):
            x = ((self.log_mel(waveform[:, 0].float()) + 5) / 3)[:, None]  # of speech: about zero mean, unit variance
        features = []
        for convolution in self.convolutions:
            x = nn.functional.leaky_relu(convolution(x), 0.1)
            features.append(x)
        return [self.out(x)[:, 0]], [features]
