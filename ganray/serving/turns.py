"""Who is served next: one thread that does the most urgent piece of work first.

A stream's next block is due when its listener has heard all that was made (earliest deadline first, Liu & Layland
1973): a stream that is far ahead of its playback waits for one that has not begun. Where too many come, that rule
alone would make all of them late; so whoever listens already and soon has nothing left goes before all who have heard
nothing yet: a late beginning is a wait, a late block a gap.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
SOON_S = 0.15
"""Of sound left, a stream is in need: about what a block takes to be made and to reach its listener under full load."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """Work that waits."""

    due: float
    number: int
    playing: bool
    outcome: Future
    work: Callable[[], Any]


class Turns:
    """One thread for many streams. Work on equal terms is done in the order in which it came."""

    def __init__(self) -> None:
        self.busy_s = 0.0
        """Seconds that the thread has worked, over its life."""
        self._waiting: list[_Piece] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="turns", daemon=True).start()

    async def take(self, due: float, work: Callable[[], T], *, playing: bool = False) -> T:
        """Run `work` in the thread when nothing goes before it. Who is cancelled while waiting is left out.

        Args:
            due: When its outcome is needed, on `time.monotonic`'s clock.
            work: Takes as long as one block.
            playing: Whether somebody listens to what came before it.
        """
        outcome: Future[T] = Future()
        with self._changed:
            self._waiting.append(_Piece(due, next(self._order), playing, outcome, work))
            self._changed.notify()
        return await asyncio.wrap_future(outcome)

    def _next(self) -> _Piece:
        """Taken out of those that wait."""
        soon = time.monotonic() + SOON_S
        piece = min(self._waiting, key=lambda one: (not (one.playing and one.due < soon), one.due, one.number))
        self._waiting.remove(piece)
        return piece

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                piece = self._next()
            outcome, work = piece.outcome, piece.work
            if not outcome.set_running_or_notify_cancel():
                continue
            begin = time.perf_counter()
            try:
                made = work()
            except BaseException as error:
                self.busy_s += time.perf_counter() - begin
                outcome.set_exception(error)
            else:
                self.busy_s += time.perf_counter() - begin
                outcome.set_result(made)
            del piece, outcome, work  # or the last stream's voice would live until the next comes


class Playback:
    """A listener who plays a stream from its first block on.

    Args:
        patience_s: How long the first block may take.
    """

    def __init__(self, patience_s: float) -> None:
        self.asked = time.monotonic()
        self.began: float | None = None
        self.made_s = 0.0
        """Seconds of audio made so far."""
        self.dry_s = 0.0
        """The longest that the listener waited for a block, in seconds, after the first."""
        self._patience_s = patience_s

    @property
    def due(self) -> float:
        """When the next block is needed."""
        return self.asked + self._patience_s if self.began is None else self.began + self.made_s

    def add(self, seconds: float) -> None:
        """A block was made."""
        now = time.monotonic()
        if self.began is None:
            self.began = now
        else:
            self.dry_s = max(self.dry_s, now - self.due)
        self.made_s += seconds

    @property
    def first_audio_s(self) -> float | None:
        """From the request to the first block; None: it is not there yet."""
        return None if self.began is None else self.began - self.asked
