"""Scorers on a Ray cluster: one voice loaded per worker, clips handed to whoever is free, a dead worker replaced."""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from ganray.errors import GanrayError, PlacementError
from ganray.evaluating.scorer import ClipScores
from ganray.provisioning import pools
from ganray.provisioning.connect import connect

ATTEMPTS = 2
"""Workers that a clip may end before it counts as failed: a clip can crash a measure's C code, or a machine may go."""
Job = tuple[int, bool]
"""(index of a clip, whether it is shown)."""


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Be connected to `address`, else to `RAY_ADDRESS`, else to a Ray on this machine that ends with this.

    Where Ray is connected already, that cluster is used and left as it is.

    Raises:
        GanrayError: The cluster can't be reached.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local" and not ray.is_initialized():
        # Nothing here asks the dashboard, and it takes a gigabyte.
        ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        started = True
    else:
        started = connect(address)
    try:
        yield
    finally:
        if started:
            ray.shutdown()


class Worker:
    """One scorer in a process of its own."""

    def __init__(self, voice: str, dataset: str | None, split: str, options: dict[str, Any]) -> None:
        self._made_of = (voice, dataset, split, options)

    def ready(self) -> None:
        """Load the voice. Not in the constructor, whose errors reach the driver only as text."""
        import torch

        from ganray.evaluating.scorer import Scorer
        from ganray.evaluating.subject import opened

        torch.set_num_threads(1)
        voice, dataset, split, options = self._made_of
        subject, others = opened(voice, dataset, split), options["others"]
        beside = (others, subject.dataset.split(others.split)) if others and subject.dataset else None
        self._scorer = Scorer(subject.voice, subject.clips, **options | {"others": beside})

    def score(self, index: int, shown: bool) -> ClipScores:
        """Judge one clip."""
        return self._scorer(index, shown=shown)


class Pool:
    """Workers that judge clips.

    Args:
        size: How many workers.
        arguments: Of `worker`.
        worker: The class that judges.
    """

    def __init__(self, size: int, *arguments: Any, worker: type = Worker) -> None:
        self._make = ray.remote(num_cpus=1, resources=pools.share("evaluate"))(worker).remote
        self._arguments = arguments
        self._size = size

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[int, ClipScores | str]]:
        """Judge all clips; gives (index, scores, or why there are none) in the order in which they are ready.

        Raises:
            GanrayError: The voice or the dataset can't be opened, or a package is missing.
        """
        waiting, attempts = deque(jobs), Counter[int]()
        running = dict(self._start() for _ in range(min(self._size, len(jobs))))
        try:
            while running:
                (done,), _ = ray.wait(list(running), num_returns=1)
                worker, job = running.pop(done)
                try:
                    scores = ray.get(done)
                    if job is not None:
                        yield job[0], scores
                except RayTaskError as error:
                    # What the user has to mend (a missing package) ends it; a clip that can't be read doesn't.
                    if job is None or getattr(error.cause, "exit_code", 0) == 2:
                        raise _cause(error) from None
                    yield job[0], str(_cause(error))
                except RayActorError as error:
                    index = -1 if job is None else job[0]
                    attempts[index] += 1
                    if job is None and attempts[index] > self._size:
                        raise PlacementError(
                            f"workers die before they have loaded the voice: {str(error).splitlines()[0]}",
                            mend="a worker needs about 1.5 GB of memory",
                        ) from error
                    if job is not None and attempts[index] < ATTEMPTS:
                        waiting.append(job)
                    elif job is not None:
                        yield job[0], "the worker that judged it died, twice"
                    if waiting:
                        running |= dict([self._start()])
                    continue
                if waiting:
                    job = waiting.popleft()
                    running[worker.score.remote(*job)] = (worker, job)
        finally:
            for worker, _ in running.values():
                ray.kill(worker)

    def _start(self) -> tuple[ray.ObjectRef, tuple[Any, Job | None]]:
        worker = self._make(*self._arguments)
        return worker.ready.remote(), (worker, None)


def _cause(error: RayTaskError) -> Exception:
    cause = error.cause
    return cause if isinstance(cause, GanrayError) else GanrayError(f"{type(cause).__name__}: {cause}")
