"""What a replica has promised, and whether it can promise more: who would hear gaps is told to come again instead."""

import math
import time
from collections import deque
from dataclasses import dataclass, field

from ganray.serving.errors import OverloadedError

CHARACTERS_PER_S = 15.0
"""Of English read at an ordinary pace, for a text whose length is not known before it is planned."""
HEADROOM = 0.9
"""Of the speed that was measured: what may be promised."""
LATELY_S = 5.0
"""Waits that are longer ago say nothing of now."""
_SMOOTHING = 0.1


@dataclass(eq=False)
class Promise:
    """A stream that was taken on: audio seconds still to make, those made, the seconds of work in them; its voice, and
    when it came."""

    left_s: float
    made_s: float = 0.0
    work_s: float = 0.0
    voice: str = ""
    came: float = field(default_factory=time.monotonic)


@dataclass
class Backlog:
    """The streams of one replica.

    Attributes:
        most_wait_s: How long a new stream may have to wait for its first block.
        speed: Audio seconds made in a second of work, smoothed; None: not measured yet.
        first_s: Seconds of work until a stream's first block, smoothed.
    """

    most_wait_s: float
    speed: float | None = None
    first_s: float = 0.0
    promises: set[Promise] = field(default_factory=set)
    _waits: deque[tuple[float, float]] = field(default_factory=deque)
    """When first blocks were made, and how long their turn was waited for, the latest last."""

    @property
    def seconds(self) -> float:
        """Audio seconds promised and not made."""
        return sum(promise.left_s for promise in self.promises)

    @property
    def wait_s(self) -> float:
        """How long a stream that comes now has to wait: for the first blocks that are due before its own, and where as
        many play as can play at once, until what is promised is made."""
        wait_s = self.first_s * sum(promise.made_s == 0 for promise in self.promises)
        if self.speed and len(self.promises) + 1 > self.speed * HEADROOM:
            wait_s = max(wait_s, self.seconds / self.speed)
        return wait_s

    @property
    def waited_s(self) -> float:
        """How long listeners wait for their turn now, their first block's own work left out: the longest of the last
        seconds but for a twentieth, and of those who wait still."""
        now = time.monotonic()
        while self._waits and self._waits[0][0] < now - LATELY_S:
            self._waits.popleft()
        waits = sorted(wait for _, wait in self._waits)
        still = [now - promise.came - self.first_s for promise in self.promises if promise.made_s == 0]
        return max([0.0, *waits[: math.ceil(0.95 * len(waits))][-1:], *still])

    @property
    def by_voice(self) -> dict[str, tuple[int, float]]:
        """Streams, and audio seconds promised and not made, of every voice that has any."""
        found: dict[str, tuple[int, float]] = {}
        for promise in self.promises:
            streams, seconds = found.get(promise.voice, (0, 0.0))
            found[promise.voice] = streams + 1, seconds + promise.left_s
        return found

    def take(self, seconds: float, voice: str = "") -> Promise:
        """Take a stream of so many audio seconds on.

        Raises:
            OverloadedError: It would wait too long, or make those wait who listen already; with when to come again.
        """
        if self.speed and self.promises and self.wait_s > self.most_wait_s:
            raise OverloadedError(max(1, math.ceil(self.seconds / self.speed)))
        promise = Promise(seconds, voice=voice)
        self.promises.add(promise)
        return promise

    def made(self, promise: Promise, audio_s: float, work_s: float) -> None:
        """A block of `audio_s` took `work_s`."""
        if promise.made_s == 0:
            self.first_s = _smoothed(self.first_s or None, work_s)
            now = time.monotonic()
            self._waits.append((now, max(0.0, now - promise.came - work_s)))
        promise.made_s += audio_s
        promise.work_s += work_s
        promise.left_s = max(promise.left_s - audio_s, 0.0)

    def drop(self, promise: Promise) -> None:
        """The stream has ended, or nobody listens any more."""
        self.promises.discard(promise)
        if promise.work_s > 0:
            self.speed = _smoothed(self.speed, promise.made_s / promise.work_s)


def _smoothed(before: float | None, now: float) -> float:
    return now if before is None else before + _SMOOTHING * (now - before)
