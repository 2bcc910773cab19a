"""What a tracker is: the one seam between a run and the tools that show it."""

import json
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np


class Sample(NamedTuple):
    """A held-out clip as a run says it.

    Attributes:
        made: (T,) synthesised.
        recorded: (T,) as it was recorded; None for a generator of noise.
    """

    made: np.ndarray
    recorded: np.ndarray | None = None


class Tracker(Protocol):
    """Shows one run. Whatever it raises leaves it out of the rest of the run, which goes on."""

    def config(self, document: dict[str, Any]) -> None:
        """The resolved config, once."""

    def scalars(self, step: int, metrics: dict[str, float]) -> None:
        """One point of every curve."""

    def audio(self, step: int, name: str, waveform: np.ndarray, sample_rate: int) -> None:
        """A sound, (T,) in [-1, 1]."""

    def image(self, step: int, name: str, png: bytes) -> None:
        """A picture."""

    def close(self) -> None:
        """Write everything out. Nothing comes afterwards."""


class Ids:
    """What a run is called by its trackers, so that a resumed run goes on in the same place: trackers.json.

    Args:
        folder: The run's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "trackers.json"

    def get(self, name: str) -> dict[str, str]:
        """What a tracker has kept; empty at first."""
        kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else {}
        return kept.get(name, {})

    def keep(self, name: str, **values: str) -> None:
        """Keep something for the run's next part."""
        kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path.is_file() else {}
        beside = self._path.with_name(f".{self._path.name}")
        beside.write_text(json.dumps(kept | {name: values}, indent=1), encoding="utf-8")
        beside.rename(self._path)
