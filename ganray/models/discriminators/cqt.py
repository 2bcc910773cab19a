"""Multi-scale sub-band constant-Q discriminator: judges of spectra whose resolution is that of hearing, fine in
frequency below and fine in time above, and whose octaves are brought into step by a convolution each (Gu et al. 2024).
BigVGAN v2 has it beside MPD.

Departs from the paper: octaves count down from half the sample rate instead of up from 32.7 Hz, so that nothing is
upsampled first and any rate will do; weights are initialised as all judges here.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ganray.config import AudioConfig, RunConfig
from ganray.errors import Problem
from ganray.models import contract
from ganray.models.discriminators.mpd import LEVEL
from ganray.models.snake import kaiser_sinc

Count = Annotated[int, Field(ge=1)]
DILATIONS = (1, 2, 4)
TAPS = 64
"""Of the low-pass filter before each halving of the rate."""


class Config(contract.ArchitectureConfig):
    """Sizes; the defaults are the paper's."""

    type: Literal["cqt"] = "cqt"
    hop_lengths: tuple[Count, ...] = Field((512, 256, 256), min_length=1)
    """Samples between the columns of each judge's spectrum; multiples of 2 ** (octaves - 1)."""
    bins_per_octave: tuple[Count, ...] = (24, 36, 48)
    """Of each judge; as many as hop_lengths."""
    octaves: int = Field(9, ge=1, le=9)
    """Below half the sample rate."""
    channels: Count = 32
    """Width of every convolution."""

    def rules(self, run: RunConfig) -> list[Problem]:
        problems, place, least = [], "discriminators", 2 ** (self.octaves - 1)
        if len(self.bins_per_octave) != len(self.hop_lengths):
            mend = f"give {len(self.hop_lengths)}"
            rule = "there must be as many as hop_lengths"
            problems.append(Problem(f"{place}.bins_per_octave", self.bins_per_octave, rule, mend))
        if any(hop % least for hop in self.hop_lengths):
            rule = f"with {self.octaves} octaves they must be multiples of {least}"
            near = [max(1, round(hop / least)) * least for hop in self.hop_lengths]
            problems.append(Problem(f"{place}.hop_lengths", self.hop_lengths, rule, f"try {near}, or fewer octaves"))
        return problems


class Discriminator(contract.Discriminator):
    """One judge a resolution."""

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        sizes = zip(config.hop_lengths, config.bins_per_octave, strict=True)
        self.judges = nn.ModuleList([ConstantQJudge(hop, bins, config.octaves, config.channels) for hop, bins in sizes])

    @property
    def ears(self) -> list[contract.Ear]:
        sizes = zip(self.config.hop_lengths, self.config.bins_per_octave, strict=True)
        octaves = self.config.octaves
        named = [f"constant Q {bins} at {hop}" for hop, bins in sizes]
        return [contract.Ear(f"{name}, {i}" if name in named[:i] else name, "octaves", octaves)
                for i, name in enumerate(named)]  # fmt: skip

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        told = [judge(waveform) for judge in self.judges]
        return [logits for logits, _ in told], [features for _, features in told]


class ConstantQJudge(nn.Module):
    """Two-dimensional convolutions over one constant-Q spectrum, (B, 2, columns, bins)."""

    def __init__(self, hop_length: int, bins: int, octaves: int, channels: int) -> None:
        super().__init__()
        self.transform = ConstantQ(hop_length, bins, octaves)
        self.octave_convolutions = nn.ModuleList([nn.Conv2d(2, 2, (3, 9), padding=(1, 4)) for _ in range(octaves)])
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(2, channels, (3, 9), padding=(1, 4)),
                *[nn.Conv2d(channels, channels, (3, 9), (1, 2), (d, 4), (d, 1)) for d in DILATIONS],
                nn.Conv2d(channels, channels, 3, padding=1),
            ]
        )
        self.out = nn.Conv2d(channels, 1, 3, padding=1)
        contract.prepare_judge(self)

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 1, T) to logits (B, columns, bins / 8) and features."""
        with torch.autocast(waveform.device.type, enabled=False):
            spectra = self.transform(LEVEL * waveform.float())
        in_step = [convolution(x) for convolution, x in zip(self.octave_convolutions, spectra, strict=True)]
        x, features = torch.cat(in_step, -1), []
        for convolution in self.convolutions:
            x = functional.leaky_relu(convolution(x), 0.1)
            features.append(x)
        return self.out(x)[:, 0], features


class ConstantQ(nn.Module):
    """Brown's constant-Q transform (1991), octave by octave at half the rate each (Schörkhuber & Klapuri 2010).

    Args:
        hop_length: Samples between columns.
        bins: An octave.
        octaves: Below half the sample rate.
    """

    def __init__(self, hop_length: int, bins: int, octaves: int) -> None:
        super().__init__()
        self.hop_length, self.bins, self.octaves = hop_length, bins, octaves
        self.register_buffer("kernels", _kernels(bins), persistent=False)
        self.register_buffer("low_pass", kaiser_sinc(0.25, 0.03, TAPS)[None, None], persistent=False)
        self.kernels: Tensor
        self.low_pass: Tensor

    def forward(self, waveform: Tensor) -> list[Tensor]:
        """(B, 1, T) to one (B, 2, columns, bins) an octave, real and imaginary, lowest octave first."""
        columns = -(-waveform.shape[-1] // self.hop_length)
        size, x, made = self.kernels.shape[-1], waveform, []
        for octave in range(self.octaves):
            hop = self.hop_length >> octave
            padded = functional.pad(x, (size // 2, max(0, (columns - 1) * hop + size - size // 2 - x.shape[-1])))
            # A product and no convolution: oneDNN's backward pass aborts where few steps meet a kernel of hundreds.
            spectrum = padded[:, 0].unfold(-1, size, hop)[:, :columns] @ self.kernels.T
            made.append(spectrum.unflatten(2, (2, self.bins)).transpose(1, 2) * 2 ** (octave / 2))
            if octave < self.octaves - 1:
                x = functional.conv1d(functional.pad(x, (TAPS // 2 - 1, TAPS // 2)), self.low_pass, stride=2)
        return made[::-1]


def _kernels(bins: int) -> Tensor:
    """(2 · bins, size): of the octave below half the rate: windowed waves of as many periods each; real parts first.

    Divided by the root of their length, so that noise is as loud in each; the octaves below, whose rate is lower, make
    up for it by the root of two.
    """
    periods = 1 / (2 ** (1 / bins) - 1)
    cycles = 2.0 ** (torch.arange(bins, dtype=torch.float64) / bins - 2)  # a sample: a quarter, up to nearly a half
    size = int(torch.ceil(periods / cycles[0])) | 1
    time = torch.arange(size, dtype=torch.float64) - size // 2
    length = (periods / cycles)[:, None]
    window = torch.where(time.abs() <= length / 2, 0.5 + 0.5 * (2 * torch.pi * time / length).cos(), 0.0)
    wave = torch.polar(window / length.sqrt(), 2 * torch.pi * cycles[:, None] * time)
    return torch.cat([wave.real, wave.imag]).float()
