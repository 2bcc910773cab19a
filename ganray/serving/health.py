"""How a voice does in what it really says: kept by each front, from the streams that pass through it."""

import uuid
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

CLIPPED = 0.999
"""A sample that is as loud as can be."""
SILENT = 10 ** (-60 / 20)
"""A stream that never gets louder says nothing."""


@dataclass
class Sound:
    """One stream, as it sounds."""

    samples: int = 0
    clipped: int = 0
    peak: float = 0.0

    def hear(self, waveform: np.ndarray) -> None:
        """A block passes."""
        if not len(waveform):
            return
        loudness = np.abs(waveform)
        self.samples += len(waveform)
        self.clipped += int((loudness >= CLIPPED).sum())
        self.peak = max(self.peak, float(loudness.max()))

    @property
    def is_clipped(self) -> bool:
        """More than one sample in a thousand."""
        return self.clipped > self.samples / 1000

    @property
    def is_silent(self) -> bool:
        """Nothing is heard."""
        return self.peak < SILENT


@dataclass
class Health:
    """Streams of one voice, counted.

    Attributes:
        streams: That have ended.
        failed: With an error after they were taken on; NaN counts as one.
        left: Because the client went away.
        silent: That said nothing.
        clipped: That were too loud.
        first_audio_s: Their mean.
    """

    streams: int = 0
    failed: int = 0
    left: int = 0
    silent: int = 0
    clipped: int = 0
    first_audio_s: float = 0.0


class Ward:
    """The health of every voice, at one front."""

    def __init__(self) -> None:
        self._front = uuid.uuid4().hex[:12]
        self._of: defaultdict[str, Health] = defaultdict(Health)

    def note(self, voice: str, end: str, sound: Sound, first_audio_s: float | None) -> None:
        """A stream has ended: `whole`, `failed` or `left`."""
        health = self._of[voice]
        health.streams += 1
        health.failed += end == "failed"
        health.left += end == "left"
        health.silent += end == "whole" and sound.is_silent
        health.clipped += sound.is_clipped
        if first_audio_s is not None:
            health.first_audio_s += (first_audio_s - health.first_audio_s) / health.streams

    def of(self, voice: str) -> dict[str, Any]:
        """As JSON, with the front's own name: several fronts count each for itself."""
        return {"id": voice, "object": "voice.health", "front": self._front, **asdict(self._of[voice])}
