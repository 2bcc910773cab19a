"""What a waveform hangs on: which cells of the mel spectrogram carry it, and which sounds which phonemes make."""

from dataclasses import dataclass

import numpy as np
import torch

from ganray.audio import log_mel
from ganray.audio.mel import silence
from ganray.insight.giveaway import quadrature
from ganray.models import Generator
from ganray.models.contract import Inputs
from ganray.text.manner import Manner

STEPS = 32


@dataclass(frozen=True)
class Carriers:
    """Attribution of a waveform to the mel cells it was made of.

    Attributes:
        cells: (M, F) share of the waveform's power that hangs on each; they add up to `whole - nothing`.
        whole: Projection of the waveform on itself: 1.
        nothing: Of what a silent mel gives with the same pitch and noise.
    """

    cells: np.ndarray
    whole: float
    nothing: float

    @property
    def completeness(self) -> float:
        """Sum of the attributions over what they explain: 1 where the integral is exact."""
        return float(self.cells.sum() / (self.whole - self.nothing))


def carried_by(generator: Generator, inputs: Inputs, steps: int = STEPS) -> Carriers:
    """Which mel cells carry the waveform that a generator makes of `inputs` (of one item).

    What is attributed is the waveform of a part of the mel, projected on the waveform of the whole: 1 where they are
    equal, 0 where they have nothing in common. The way leads from silence; pitch, phase and noise stay.

    Source: integrated gradients, Sundararajan, Taly and Yan, ICML 2017.
    """
    mel, quiet = _ends(inputs, generator)
    wanted = _of(generator, inputs, mel)
    gradient = torch.zeros_like(mel)
    for place, weight in quadrature(steps):
        point = (quiet + place * (mel - quiet)).requires_grad_()
        made = generator({**inputs, "mel": point})
        gradient += torch.autograd.grad((made * wanted).sum() / wanted.square().sum(), point)[0] * weight
    nothing = projected(generator, inputs, quiet[0].numpy())
    return Carriers(((mel - quiet) * gradient)[0].numpy(), 1.0, nothing)


def projected(generator: Generator, inputs: Inputs, mel: np.ndarray) -> float:
    """Projection on the waveform of `inputs` of the one that another mel, (M, F), gives with the rest unchanged."""
    whole = _of(generator, inputs, inputs["mel"])
    part = _of(generator, inputs, torch.from_numpy(np.ascontiguousarray(mel, np.float32))[None])
    return float((part * whole).sum() / whole.square().sum())


def without(inputs: Inputs, cells: np.ndarray, generator: Generator) -> np.ndarray:
    """The mel of `inputs`, (M, F), silent in the cells, (M, F) bool, that are chosen."""
    mel, quiet = _ends(inputs, generator)
    return torch.where(torch.from_numpy(cells), quiet[0], mel[0]).numpy()


@dataclass(frozen=True)
class Sounds:
    """Attribution of a spoken text's sound to its phonemes.

    Attributes:
        frames: (P,) that each symbol lasts.
        changes: (P, P) mean change of the log-mel of the waveform, in its units, at symbol q when symbol p is silenced
            and keeps its time.
    """

    frames: np.ndarray
    changes: np.ndarray

    def within(self, neighbours: int) -> np.ndarray:
        """(P,) of all change that silencing a symbol makes, the share in its and so many neighbours' own time."""
        change = self.changes * self.frames
        near = np.abs(np.subtract.outer(np.arange(len(change)), np.arange(len(change)))) <= neighbours
        return (change * near).sum(1) / np.maximum(change.sum(1), 1e-9)


def sounds_of(generator: Generator, symbols: torch.Tensor, key: torch.Tensor, manner: Manner) -> Sounds:
    """Which sound each symbol of (1, P) makes, by leaving it out: silence takes its place, for as long.

    Args:
        generator: Of condition `text`.
        symbols: As for `speak`; 0 is silence.
        key: Of the noise.
        manner: Its `frames` say how long each symbol lasts.

    Source: occlusion, Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    """
    with torch.inference_mode():
        inputs, durations = generator.speak(symbols, key, manner)
        frames = durations[0].numpy()
        whole = log_mel(generator(inputs)[0, 0].numpy(), generator.audio)
        ends = np.cumsum(frames)
        changes = np.zeros((len(frames), len(frames)))
        for place in range(len(frames)):
            if not int(symbols[0, place]):
                continue
            less = symbols.clone()
            less[0, place] = 0
            made, _ = generator.speak(less, key, manner)
            apart = np.abs(log_mel(generator(made)[0, 0].numpy(), generator.audio) - whole).mean(0)
            changes[place] = [apart[end - n : end].mean() for end, n in zip(ends, frames, strict=True)]
    return Sounds(frames, changes)


def _ends(inputs: Inputs, generator: Generator) -> tuple[torch.Tensor, torch.Tensor]:
    mel = inputs["mel"].detach()
    return mel, torch.full_like(mel, silence(generator.audio))


def _of(generator: Generator, inputs: Inputs, mel: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return generator({**inputs, "mel": mel})
