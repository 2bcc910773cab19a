"""How something is to be said."""

from dataclasses import dataclass
from typing import Any

Array = Any
"""numpy's or torch's, or a number."""


@dataclass(frozen=True)
class Manner:
    """What a text generator is asked for, besides the text. Arrays are (1, P), or one number for all symbols.

    Attributes:
        rate: Times the voice's own speed.
        pitch: Semitones above the voice's own.
        volume: Decibels over the voice's own.
        frames: Frames that a symbol lasts; 0: the voice's own choice.
        pitch_range: Times the voice's own range of F0.
        melody: (1, F) F0 in Hz, 0 where unvoiced, whose course is followed in the voice's own register; None: its own.
        energy: (1, P), as the generator's `copy_manner` gives it, whose course is followed; None: its own.
        labels: (1, N) weights of the generator's `labels`: who speaks, in what language and style; None: the first
            speaker in their own language.
    """

    rate: Array = 1.0
    pitch: Array = 0.0
    volume: Array = 0.0
    frames: Array = 0
    pitch_range: float = 1.0
    melody: Array | None = None
    energy: Array | None = None
    labels: Array | None = None
