"""Vocos: a frame-rate ConvNeXt backbone, then a head giving magnitude and phase of a spectrum (Siuzdak 2023).

`prior` starts from the magnitude that the mel implies, after FreeV (Lv et al. 2024); the paper has none.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.convnext import ConvNeXt
from ganray.models.fourier import InverseMel, InverseSTFT


class Config(contract.ArchitectureConfig):
    """Sizes; the defaults are the paper's."""

    type: Literal["vocos"] = "vocos"
    channels: int = Field(512, ge=8)
    """Width of the backbone."""
    inner: int = Field(1536, ge=8)
    """Width of the perceptrons inside its blocks."""
    blocks: int = Field(8, ge=1)
    """ConvNeXt blocks."""
    prior: bool = False
    """Start from the magnitude that the mel implies."""


class Generator(contract.Generator):
    """Log-mel to waveform."""

    condition = "mel"

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        self.backbone = ConvNeXt(audio.n_mels, config.channels, config.inner, config.blocks)
        self.out = nn.Linear(config.channels, audio.n_fft + 2)
        nn.init.trunc_normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)
        self.inverse_mel = InverseMel(audio) if config.prior else None
        self.inverse_stft = InverseSTFT(audio)

    @property
    def context_frames(self) -> int:
        return self.backbone.context_frames + self.inverse_stft.context_frames

    def forward(self, inputs: contract.Inputs) -> Tensor:
        mel = inputs["mel"]
        log_magnitude, phase = self.out(self.backbone(mel).transpose(1, 2)).transpose(1, 2).float().chunk(2, 1)
        with torch.autocast(mel.device.type, enabled=False):
            magnitude = log_magnitude.exp().clamp_max(1e2)  # as in the paper: a safeguard against bursts
            if self.inverse_mel is not None:
                magnitude = magnitude * self.inverse_mel(mel)
            return self.inverse_stft(torch.polar(magnitude, phase)).clamp(-1, 1)[:, None]
