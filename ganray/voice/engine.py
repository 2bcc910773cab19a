"""What computes a voice: torch, or ONNX Runtime."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ganray.config import AudioConfig
from ganray.text.labels import Labels
from ganray.text.manner import Manner

Inputs = Mapping[str, Any]
"""Arrays (1, K, F) of the engine's own kind, one column a frame: as `ganray.models.Inputs`."""


class Engine(Protocol):
    """A generator that takes and gives numpy's arrays.

    Attributes:
        audio: The audio contract.
        labels: Speakers, languages and styles that it tells apart.
        context_frames: Frames on each side that a frame of output depends on.
    """

    audio: AudioConfig
    labels: Labels
    context_frames: int

    def plan(self, symbols: np.ndarray, seed: int, number: int, manner: Manner) -> tuple[Inputs, np.ndarray]:
        """What a text becomes before its waveform.

        Args:
            symbols: (1, P) int64, as `ganray.models.Generator.speak` takes them.
            seed: Of the noise.
            number: Of the sentence in its text: each has noise of its own.
            manner: How to say it.

        Returns:
            The inputs of `render`, and the frames of each symbol, (P,) int64.
        """

    def render(self, inputs: Inputs) -> np.ndarray:
        """Inputs of F frames to (F · hop_length,) float32 in [-1, 1]."""
