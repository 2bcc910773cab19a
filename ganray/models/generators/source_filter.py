"""Source-filter Fourier generator: a network that filters an excitation instead of inventing a phase.

For every frame and bin the network gives a log-gain `h` and a phase turn `θ` of a harmonic part, a log-gain `n` of a
noise part, and a free part (`r`, `φ`). With `P` the magnitude that the mel implies, `E` the spectrum of a pulse train
of the frame's F0 and `Z` complex Gaussian noise:

    S = P·exp(h)·exp(iπ·tanh θ)·E  +  P·exp(n - 1 - voiced)·Z  +  P·exp(r - 3)·exp(iφ)         audio = iSTFT(S)

The last layer starts near zero, so at step 0 this is a plain source-filter vocoder and training starts from a voice.
After neural source-filter models (Wang et al. 2019), HiFTNet (Li et al. 2023) and Wavehax (Yoneyama et al. 2024).
"""

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.errors import UsageError
from ganray.models import contract
from ganray.models.convnext import ConvNeXt, each_frame
from ganray.models.f0 import F0Head, fill_unvoiced, phase_at_frames, pulse_train
from ganray.models.fourier import ForwardSTFT, InverseMel, InverseSTFT
from ganray.models.random import complex_normal, frame_keys, polar


def scaled(mel: Tensor) -> Tensor:
    """Log-mel of speech to about zero mean and unit variance."""
    return (mel + 5) / 3


Part = Literal["harmonic", "noise", "free"]
ALL_PARTS: tuple[Part, ...] = ("harmonic", "noise", "free")
OUTPUTS = {"harmonic": 2, "noise": 1, "free": 2}
"""Numbers that the network gives for each bin of a part."""


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["source_filter"] = "source_filter"
    channels: int = Field(256, ge=8)
    """Width of the backbone."""
    inner: int = Field(768, ge=8)
    """Width of the perceptrons inside its blocks."""
    blocks: int = Field(6, ge=1)
    """ConvNeXt blocks."""
    stride: int = Field(1, ge=1, le=4)
    """Frames that the backbone computes as one: 2 halves its work."""
    f0_channels: int = Field(128, ge=8)
    """Width of the F0 head."""
    f0_blocks: int = Field(3, ge=0)
    """ConvNeXt blocks of the F0 head; 0: there is none, and F0 must be given."""
    parts: tuple[Part, ...] = Field(ALL_PARTS, min_length=1)
    """Of the sum; fewer show what each is worth."""


class Generator(contract.Generator):
    """Log-mel to waveform, with F0 from a head of its own or from outside."""

    condition = "mel"

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        num_bins = audio.n_fft // 2 + 1
        self.f0_head = F0Head(audio.n_mels, config.f0_channels, config.f0_blocks) if config.f0_blocks else None
        self.stride = config.stride
        self.backbone = ConvNeXt(audio.n_mels + 2, config.channels, config.inner, config.blocks, stride=config.stride)
        self.parts = [part for part in ALL_PARTS if part in config.parts]
        self.out = nn.Linear(config.channels, config.stride * sum(OUTPUTS[part] for part in self.parts) * num_bins)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)
        self.inverse_mel = InverseMel(audio)
        self.forward_stft = ForwardSTFT(audio)
        self.inverse_stft = InverseSTFT(audio)

    @property
    def has_f0_head(self) -> bool:
        return self.f0_head is not None

    @property
    def context_frames(self) -> int:
        # The excitation's transform and the overlap-add each look a few frames further than the backbone.
        return self.backbone.context_frames + 2 * self.inverse_stft.context_frames + 1

    def prepare(self, mel: Tensor, key: Tensor, f0: Tensor | None = None) -> contract.Inputs:
        if f0 is None:
            if self.f0_head is None:
                raise UsageError(
                    "this generator estimates no F0", mend="give it: f0=…, or train with f0_blocks above 0"
                )
            f0 = self.f0_head.estimate(scaled(mel))
        keys = frame_keys(key, mel.shape[-1])
        start = (keys[:, 0, 0] & 0xFFFF).double() / 2**16
        filled = fill_unvoiced(f0)
        phase = phase_at_frames(filled, start, self.audio.hop_length, self.audio.sample_rate)
        inputs = {
            "mel": mel,
            "f0": filled[:, None],
            "voiced": (f0 > 0)[:, None].float(),
            "phase": phase[:, None],
            "keys": keys,
        }
        if self.stride > 1:  # which of the frames that are computed as one: a slice must know where it was cut
            turn = torch.arange(mel.shape[-1], device=mel.device) % self.stride
            inputs["turn"] = turn.expand(len(mel), 1, -1)
        return inputs

    def forward(self, inputs: contract.Inputs) -> Tensor:
        mel, f0, voiced = inputs["mel"], inputs["f0"], inputs["voiced"]
        features = torch.cat([scaled(mel), (f0 / 200).log2(), voiced], 1)
        parameters = self.filters(features, inputs).transpose(1, 2).float()
        with torch.autocast(mel.device.type, enabled=False):
            return self.render(parameters, inputs).clamp(-1, 1)[:, None]

    def filters(self, features: Tensor, inputs: contract.Inputs) -> Tensor:
        """(B, M + 2, F) to (B, F, 5 · bins); items may begin at different places of what is computed as one."""
        if self.stride == 1:
            return each_frame(self.backbone, self.out, features)
        leads = inputs["turn"][:, 0, 0].tolist()
        if len(set(leads)) == 1:
            return each_frame(self.backbone, self.out, features, lead=leads[0])
        alone = [
            each_frame(self.backbone, self.out, one[None], lead=lead) for one, lead in zip(features, leads, strict=True)
        ]
        return torch.cat(alone)

    def render(self, parameters: Tensor, inputs: contract.Inputs) -> Tensor:
        """(B, outputs · bins, F) of the network and the inputs to (B, T); all spectral maths in fp32."""
        prior = self.inverse_mel(inputs["mel"])
        bins = prior.shape[1]
        its = dict(zip(self.parts, parameters.split([OUTPUTS[part] * bins for part in self.parts], 1), strict=True))
        spectra = []
        if "harmonic" in its:
            h, theta = its["harmonic"].chunk(2, 1)
            spectra.append(polar(h.exp(), math.pi * theta.tanh()) * self.excitation(inputs))
        if "noise" in its:
            spectra.append((its["noise"] - 1 - inputs["voiced"]).exp() * complex_normal(inputs["keys"], bins))
        if "free" in its:
            r, phi = its["free"].chunk(2, 1)
            spectra.append(polar((r - 3).exp(), phi))
        return self.inverse_stft(sum(spectra[1:], start=spectra[0]) * prior)

    def excitation(self, inputs: contract.Inputs) -> Tensor:
        """(B, bins, F) complex: the spectrum of a pulse train of the inputs' F0."""
        audio = self.audio
        pulses = pulse_train(
            inputs["f0"][:, 0], inputs["phase"][:, 0], audio.hop_length, audio.sample_rate, audio.f_max
        )
        return self.forward_stft(pulses) / (audio.n_fft / 4)

    def f0_loss(self, mel: Tensor, f0: Tensor) -> Tensor:
        assert self.f0_head is not None
        return self.f0_head.loss(scaled(mel), f0)
