"""What every generator and every discriminator promises. The contract tests hold each registered one to it.

Shapes: B batch, M mels, F frames, T samples, K channels of a frame-aligned input.
"""

from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import ConfigDict
from torch import Tensor, nn

from ganray.config import Architecture, AudioConfig, RunConfig
from ganray.data.script import Script
from ganray.errors import Problem
from ganray.models.alignment import Alignment
from ganray.text.labels import Labels
from ganray.text.manner import Manner

Inputs = dict[str, Tensor]
"""What a generator turns into a waveform: tensors (B, K, F), one column a frame. Every column is a function of its
absolute position, so a slice of columns is a block, and a block with its context gives the samples of the whole."""
OwnLosses = dict[str, Tensor]
"""Key of `objective.weights` → scalar: what a generator learns besides its waveform."""


class Ear(NamedTuple):
    """Where the logits of one sub-judge belong. Their last axis is time, evenly over the waveform, except for `whole`.

    Attributes:
        name: What a person calls it: `period 3`, `resolution 1024`.
        rows: What the axis before is. `hertz`: from 0 to the Nyquist frequency; `mel`: the contract's bands, upward;
            `phase`: nothing of frequency, rows are averaged; `whole`: one logit a waveform of `segment_length`;
            `octaves`: this axis comes after time, evenly over so many octaves below the Nyquist frequency.
        octaves: Of `octaves`.
    """

    name: str
    rows: Literal["hertz", "mel", "phase", "whole", "octaves"]
    octaves: int = 0


class Generator(nn.Module):
    """Inputs to waveforms.

    A module `ganray/models/generators/NAME.py` defines `Config` (an `Architecture`: the keys of a recipe's `generator`)
    and a subclass of this called `Generator`; that is all there is to adding one.

    Args:
        config: The architecture's own `Config`.
        audio: The audio contract; frames are its hop_length apart.
    """

    condition: ClassVar[Literal["noise", "mel", "text"]]
    begins_at_zero: ClassVar[tuple[str, ...]] = ()
    """Parameters that a smaller one may lack with which this one begins: zeros there change nothing."""

    def __init__(self, config: Any, audio: AudioConfig) -> None:
        super().__init__()
        self.config, self.audio = config, audio

    @property
    def has_f0_head(self) -> bool:
        """Whether `f0_loss` trains an F0 head inside the generator."""
        return False

    @property
    def symbols(self) -> tuple[str, ...] | None:
        """The inventory of the front-end whose phonemes it speaks, where `condition` is "text"."""
        return None

    @property
    def labels(self) -> Labels:
        """Speakers, languages and styles that it tells apart, where `condition` is "text"."""
        return Labels()

    @property
    def context_frames(self) -> int:
        """Frames on each side that a frame of output depends on."""
        raise NotImplementedError

    @property
    def context_length(self) -> int:
        """The same in samples."""
        return self.context_frames * self.audio.hop_length

    def prepare(self, mel: Tensor, key: Tensor, f0: Tensor | None = None) -> Inputs:
        """Everything that has memory over time, computed once for a whole utterance.

        Args:
            mel: (B, M, F) log-mel spectrogram.
            key: (B,) int64; all randomness of item b comes from key[b].
            f0: (B, F) in Hz, 0 where unvoiced; None: the generator's own estimate, where it uses one.

        Returns:
            Inputs, among them "mel".
        """
        return {"mel": mel}

    def forward(self, inputs: Inputs) -> Tensor:
        """Inputs of F frames to (B, 1, F · hop_length) in [-1, 1]."""
        raise NotImplementedError

    def learn(self, script: Script, clips: Tensor) -> tuple[Tensor, OwnLosses]:
        """What comes before the waveform, where `condition` is "text".

        Args:
            script: Whole clips and what is said in them.
            clips: (B, M, F) their log-mel.

        Returns:
            (B, M, F) log-mel as it follows from the script, in the recordings' time and F0, and the losses of it.
        """
        raise NotImplementedError

    def speak(self, symbols: Tensor, key: Tensor, manner: Manner | None = None) -> tuple[Inputs, Tensor]:
        """The inputs of `forward` for a text, where `condition` is "text".

        Args:
            symbols: (1, P) int64, places in `symbols`; the first and the last are silence, 0.
            key: (1,) int64; all randomness comes from it.
            manner: How to say it.

        Returns:
            The inputs, "mel" and "f0" among them, and the frames of each symbol, (1, P) int64.
        """
        raise NotImplementedError

    def copy_manner(self, symbols: Tensor, clip: Tensor, f0: Tensor) -> tuple[Manner, float]:
        """How a text is said in a recording, where `condition` is "text".

        Args:
            symbols: (1, P) as in `speak`.
            clip: (1, M, F) log-mel of the recording, F not below P.
            f0: (1, F) in Hz, 0 where unvoiced.

        Returns:
            The manner for `speak`, and how certain it is that this text is what is said, 0 to 1.
        """
        raise NotImplementedError

    def align(self, script: Script, clips: Tensor) -> Alignment:
        """Which frames of whole clips, (B, M, F) log-mel, say which symbol, where `condition` is "text"."""
        raise NotImplementedError

    def f0_loss(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Loss of the F0 head, a scalar, where `has_f0_head`. `mel` (B, M, F), `f0` (B, F) in Hz, 0 where unvoiced."""
        raise NotImplementedError


class Discriminator(nn.Module):
    """Waveforms to judgements.

    A module `ganray/models/discriminators/NAME.py` defines `Config` and a subclass of this called `Discriminator`.
    Items of a batch never influence each other, so real and fake can pass together.

    Args:
        config: The architecture's own `Config`.
        audio: The audio contract.
        segment_length: Samples of what is judged.
    """

    takes_key: ClassVar[bool] = False
    """Whether `forward` also takes `key`, (B,) int64, where all its randomness comes from; without one it has none."""

    def __init__(self, config: Any, audio: AudioConfig, segment_length: int) -> None:
        super().__init__()
        self.config, self.audio, self.segment_length = config, audio, segment_length

    @property
    def ears(self) -> list[Ear]:
        """What its sub-judges listen with, one a tensor of logits, for whoever lays these over a spectrogram."""
        raise NotImplementedError

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """(B, 1, T) → (logits, features): one tensor (B, …) of logits, and one list of inner features, a sub-judge."""
        raise NotImplementedError


def slice_frames(inputs: Inputs, start: int, stop: int) -> Inputs:
    """Columns [start, stop) of every input."""
    return {name: value[..., start:stop] for name, value in inputs.items()}


def cut_frames(values: Tensor, start: Tensor, length: int, fill: float) -> Tensor:
    """(B, K, F) to (B, K, length): item b from start[b], (B,), on; behind the end of all stands `fill`."""
    values = nn.functional.pad(values, (0, length), value=fill)
    index = (start[:, None] + torch.arange(length, device=start.device)).clamp_max(values.shape[-1] - 1)
    return values.gather(2, index[:, None].expand(-1, values.shape[1], -1))


def num_parameters(module: nn.Module) -> int:
    """How many numbers training moves."""
    return sum(parameter.numel() for parameter in module.parameters())


class ArchitectureConfig(Architecture):
    """Base of the `Config` of an architecture: unlike `Architecture`, it knows all its keys and refuses others."""

    model_config = ConfigDict(extra="forbid")

    def rules(self, run: RunConfig) -> list[Problem]:
        """What a run with this architecture breaks; an empty list when all holds."""
        return []


def remove_weight_norm(module: nn.Module) -> nn.Module:
    """Fold weight normalisation into plain weights, for inference."""
    for child in module.modules():
        if torch.nn.utils.parametrize.is_parametrized(child, "weight"):
            # Copies share the class that torch made of a layer, and torch takes the weight out of that class.
            its = type(child)
            child.__class__ = type(its.__name__, its.__bases__, dict(its.__dict__))
            torch.nn.utils.parametrize.remove_parametrizations(child, "weight")
    return module


def prepare_judge(module: nn.Module) -> None:
    """Initialise a judge's layers and give them weight normalisation (Salimans & Kingma 2016).

    He et al.'s initialisation keeps the size of what passes through leaky ReLUs. With torch's default a signal shrinks
    to a hundredth over six layers, and the first hundreds of updates only grow it again.
    """
    for child in list(module.modules()):
        if isinstance(child, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, a=0.1, nonlinearity="leaky_relu")
            if child.bias is not None:
                nn.init.zeros_(child.bias)
            nn.utils.parametrizations.weight_norm(child)
