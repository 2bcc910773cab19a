"""Two training loops in processes of their own take turns: while one trains a block of updates, the other sleeps."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ganray.errors import GanrayError
from ganray.gan import Batch, GanState, GanStep, Losses
from ganray.training.worker import Worker

FAILED = "failed"
"""File that one side leaves when it dies, so that the other doesn't wait for it."""


Spent = tuple[float, float]
"""Seconds of a block on the clock, and seconds of a core that this process had in it. Where others keep the machine
busy, the second says more."""


class Watch:
    """Both kinds of seconds, since `start`."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin again."""
        self._since = time.perf_counter(), time.process_time()

    def spent(self) -> Spent:
        """So far."""
        return time.perf_counter() - self._since[0], time.process_time() - self._since[1]


@dataclass(frozen=True)
class Turns:
    """How the two share the machine.

    Attributes:
        folder: Both see it; turns are files in it.
        warmup: Updates before the first block.
        count: Updates in a block.
        pairs: Blocks of each.
    """

    folder: str
    warmup: int
    count: int
    pairs: int

    @property
    def steps(self) -> int:
        """Updates that each loop does: its last block ends where one more update begins."""
        return self.warmup + self.pairs * self.count + 1

    def tell(self, what: str) -> None:
        """Let the other side go on that waits for `what`."""
        (Path(self.folder) / what).touch()

    def wait(self, what: str, timeout_s: float = 900.0) -> None:
        """Sleep until the other side tells `what`.

        Raises:
            GanrayError: It died, or never did.
        """
        deadline = time.monotonic() + timeout_s
        while not (Path(self.folder) / what).exists():
            if (Path(self.folder) / FAILED).exists() or time.monotonic() > deadline:
                raise GanrayError("the other loop of the benchmark has ended", mend="its words are above")
            time.sleep(0.01)

    @contextlib.contextmanager
    def paced(self, side: Literal["ray", "bare"], worker: Worker) -> Iterator[list[Spent]]:
        """Inside, every `GanStep` of this process keeps to the turns; the list gets what each block took."""
        blocks: list[Spent] = []
        forward, watch = GanStep.forward, Watch()

        def keep(step: int) -> None:
            block, within = divmod(step - self.warmup, self.count)
            if block < 0 or within or block > self.pairs:
                return
            if worker.device.type == "cuda":
                torch.cuda.synchronize()
            if block:
                blocks.append(watch.spent())
            if worker.rank == 0:
                self.tell(f"{side}-{block}")
            if side == "ray":
                self.wait(f"bare-{block}")
            elif block < self.pairs:
                self.wait(f"ray-{block + 1}")
            watch.start()

        def at_its_turn(this: GanStep, state: GanState, batch: Batch) -> Losses:
            keep(state.step)
            return forward(this, state, batch)

        GanStep.forward = at_its_turn  # type: ignore[assignment, method-assign]
        try:
            yield blocks
        finally:
            GanStep.forward = forward  # type: ignore[method-assign]
