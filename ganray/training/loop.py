"""The training loop of one worker. Pure PyTorch but for the report to Ray: it also runs alone, without a cluster."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ganray.data import Dataset, Split
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.errors import DivergedError
from ganray.gan import GanState, GanStep
from ganray.gan.run import Run
from ganray.training.board import Pin
from ganray.training.journal import Journal
from ganray.training.validation import better, measures_of, validate
from ganray.training.worker import Worker, native_precision

Report = Callable[[dict[str, float]], None]


@dataclass(frozen=True)
class Job:
    """What a worker is sent.

    Attributes:
        run: Absolute path of the run's folder, which all workers see.
        dataset: Absolute path of the dataset.
        board: Handle of the board, or None.
    """

    run: str
    dataset: str
    board: Any = None


def train_loop(job: Job, worker: Worker, report: Report) -> dict[str, Any]:
    """Train until the schedule ends or someone asks to stop, from the newest checkpoint if there is one.

    Args:
        job: Which run, on what.
        worker: This one and its relation to the others.
        report: Called by every worker after each validation, with its scores.

    Returns:
        {"step", "ended", "best", "audio_seconds_per_s"}.

    Raises:
        DivergedError: A loss is no number any more.
    """
    return _Loop(job, worker, report).run_through()


class _Loop:
    def __init__(self, job: Job, worker: Worker, report: Report) -> None:
        self.worker, self.report, self.pin = worker, report, Pin(job.board if worker.rank == 0 else None)
        self.run = Run.open(job.run)
        config = self.config = self.run.config
        torch.use_deterministic_algorithms(config.deterministic)
        self.state = GanState(config, worker.device)
        if self.run.steps():
            self.state.load_state_dict(self.run.load(self.run.steps()[-1], worker.device))
        precision = config.precision
        if precision == "auto":  # one slow worker decides for all, so that all do the same
            precision = "bf16" if worker.lowest(native_precision(worker.device) == "bf16") else "fp32"
        self.update = GanStep(config, precision, worker.add_gradients).to(worker.device)
        dataset = Dataset.open(job.dataset)
        split = dataset.split(config.data.split)
        self.held_out: Split | None = dataset.split("validation") if "validation" in dataset.splits else None
        sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
        self.batches = load_batches(
            split,
            sampler,
            config.audio,
            segment_length=config.data.segment_length,
            batch_size=config.data.batch_size,
            position=self.state.consumed,
            rank=worker.rank,
            world_size=worker.size,
        )
        self.journal = None
        if worker.rank == 0:
            self.journal = Journal(self.run.path, self.state.step, config.audio.sample_rate)
        self.saved = self.validated = self.state.step
        self.clock = Clock(self.state.seconds)

    def run_through(self) -> dict[str, Any]:
        config, state, stopping = self.config, self.state, False
        try:
            while state.progress < 1 and not stopping:
                self.one_step()
                if state.step % config.validation.every_steps == 0:
                    self.validate()
                if state.step % config.checkpoint.every_steps == 0:
                    self.save()
                state.seconds, stop = self.worker.agree(self.clock.seconds, self.pin.stopping)
                stopping = bool(stop)
            if self.validated < state.step and not stopping:
                self.validate()
            if self.saved < state.step:
                self.save()
        finally:
            self.batches.close()  # type: ignore[attr-defined]
            if self.journal:
                self.journal.close()
        return {
            "step": state.step,
            "ended": "stopped" if stopping else "finished",
            "best": state.best,
            "audio_seconds_per_s": self.clock.rate(self.audio_seconds_a_step),
        }

    @property
    def audio_seconds_a_step(self) -> float:
        return self.config.data.batch_size * self.config.data.segment_length / self.config.audio.sample_rate

    def one_step(self) -> None:
        with self.clock.part("data"):
            batch = next(self.batches).to(self.worker.device)
        measured = self.state.measures_all
        losses = self.update(self.state, batch)
        self.state.consumed += self.config.data.batch_size
        self.clock.count()
        if not measured:
            return
        means = self.worker.mean(losses, batch.share)
        if not all(math.isfinite(value) for value in means.values()):
            bad = ", ".join(name for name, value in means.items() if not math.isfinite(value))
            raise DivergedError(
                f"step {self.state.step}: {bad} is no number",
                mend="lower the learning rates, or clip gradients harder; the last checkpoint is whole",
            )
        metrics = means | {
            "perf/audio_seconds_per_s": self.clock.rate(self.audio_seconds_a_step),
            "perf/data_percent": self.clock.percent("data"),
            "perf/sync_percent": 100 * self.worker.sync_seconds / max(self.clock.stepping, 1e-9),
            "lr/generator": self.state.generator_optimiser.param_groups[0]["lr"],
        }
        if self.journal:
            self.journal.tell(self.state.step, metrics)
        self.pin.tell(step=self.state.step, progress=self.state.progress, seconds=self.clock.seconds, metrics=metrics)

    def validate(self) -> None:
        with self.clock.part("validation"):
            scores, samples = validate(self.state, self.held_out, self.worker)
        state, step = self.state, self.state.step
        self.validated = step
        measure, higher = self.config.checkpoint.measure, better(self.config) == "higher"
        if scores and (state.best is None or (scores[measure] > state.best["scores"][measure]) == higher):
            state.best = {"step": step, "scores": scores}
            self.save()  # the best one is kept, wherever the next regular one would be
        told = {f"val/{name}": scores[name] for name in measures_of(self.config) if name in scores}
        if self.journal:
            self.journal.keep(step, samples)
            if told:
                self.journal.tell(step, told)
                self.run.enter(step, scores)
        self.pin.tell(validation={"step": step, "scores": scores, "best": state.best})
        self.report({"step": step, **told})

    def save(self) -> None:
        if self.saved == self.state.step:
            return
        self.saved = self.state.step
        self.state.seconds = self.worker.agree(self.clock.seconds)[0]
        if self.worker.rank == 0:
            with self.clock.part("checkpoint"):
                self.run.save(self.state)
                self.run.remove_old(better(self.config))
        self.pin.tell(saved=self.state.step)


class Clock:
    """Seconds of a run, and of what.

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

    def percent(self, part: str) -> float:
        """Share of the stepping time that a part took."""
        return 100 * self._parts.get(part, 0.0) / max(self.stepping, 1e-9)

    def part(self, name: str) -> "_Part":
        """`with clock.part(name):` counts the time inside."""
        return _Part(self._parts, name)


class _Part:
    def __init__(self, parts: dict[str, float], name: str) -> None:
        self._parts, self._name = parts, name

    def __enter__(self) -> None:
        self._entered = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._parts[self._name] = self._parts.get(self._name, 0.0) + time.monotonic() - self._entered
