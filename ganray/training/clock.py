"""Seconds of a run, and of what."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

PHASES = ("data", "generate", "discriminator", "generator", "sync")


class Clock:
    """Seconds of a run, and of its parts.

    Args:
        before: Seconds of the run's earlier parts.
    """

    def __init__(self, before: float) -> None:
        self._started, self._before = time.monotonic(), before
        self._parts: dict[str, float] = {}
        self._steps = 0

    @property
    def seconds(self) -> float:
        """Of the whole run so far."""
        return self._before + time.monotonic() - self._started

    @property
    def stepping(self) -> float:
        """Seconds of this part of the run without validations and checkpoints."""
        besides = self._parts.get("validation", 0.0) + self._parts.get("checkpoint", 0.0)
        return time.monotonic() - self._started - besides

    def count(self) -> None:
        """One more update."""
        self._steps += 1

    def rate(self, amount: float) -> float:
        """`amount` a step in amounts a second."""
        return self._steps * amount / max(self.stepping, 1e-9)

    def percents(self) -> dict[str, float]:
        """Share of the stepping time by phase. The networks' own hold their syncs too."""
        return {f"perf/{p}_percent": 100 * self._parts.get(p, 0.0) / max(self.stepping, 1e-9) for p in PHASES}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """`with clock.part(name):` counts the time inside. On a GPU it is that of launching the work."""
        entered = time.monotonic()
        try:
            yield
        finally:
            self._parts[name] = self._parts.get(name, 0.0) + time.monotonic() - entered
