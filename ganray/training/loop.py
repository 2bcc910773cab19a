"""The training loop of one worker. Pure PyTorch but for the report to Ray: it also runs alone, without a cluster."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ganray.data import Dataset
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.errors import DivergedError
from ganray.gan import GanState, GanStep
from ganray.gan.fence import Fence
from ganray.gan.run import Run
from ganray.gan.warm_start import warm_start
from ganray.training.chronicle import Chronicle
from ganray.training.clock import Clock
from ganray.training.device import fitted, settle
from ganray.training.health import collapse, not_a_number, suspicious_steps
from ganray.training.validation import Validation, Validations, better
from ganray.training.worker import Worker, native_precision

REHEARSED = ("cuda",)
"""Kinds of devices whose memory a batch may not fit."""
LOOK_OUT_S = 10.0
"""Seconds between two looks for news that all workers must take part in."""


@dataclass(frozen=True)
class Job:
    """What a worker is sent.

    Attributes:
        run: Absolute path of the run's folder, which all workers see.
        dataset: Absolute path of the dataset.
        board: Handle of the board, or None.
        validator: Handle of a `Validator`; None: training waits for its validations.
        until: Step after which this part of the run ends; None: the schedule's end.
        until_minutes: The same in minutes of training, over all parts of the run.
        lease: Token of the lease that the training holds on the run; empty without one.
    """

    run: str
    dataset: str
    board: Any = None
    validator: Any = None
    until: int | None = None
    until_minutes: float | None = None
    lease: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What the loop tells to and hears from what it runs in. All workers call both the same number of times.

    Attributes:
        report: Takes {"step", "val/…"} of every validation; scores on the first worker only.
        preempted: Whether a node is about to be taken away.
    """

    report: Callable[[dict[str, float]], None] = lambda scores: None
    preempted: Callable[[], bool] = lambda: False


def train_loop(job: Job, worker: Worker, around: Surroundings) -> dict[str, Any]:
    """Train until the schedule ends or someone asks to stop, from the newest checkpoint if there is one.

    Returns:
        {"step", "ended", "best", "audio_seconds_per_s", "seconds"}.

    Raises:
        DivergedError: It went wrong more often than healing.max_rollbacks allows.
    """
    return _Loop(job, worker, around).run_through()


class _Loop:
    def __init__(self, job: Job, worker: Worker, around: Surroundings) -> None:
        self.job, self.worker, self.around = job, worker, around
        self.first = worker.rank == 0
        self.spoilt: set[int] = set()  # clips that this worker came across
        self.told_spoilt: set[int] = set()
        self.told_trouble = False
        fence = Fence(job.run, job.lease) if self.first else None  # nobody else adds a checkpoint from here on
        self.run = Run.open(job.run)
        if fence:
            self.run.guard(fence)
        self.chronicle = Chronicle(self.run, job.board, self.first)
        if self.run.away and self.first:
            self.run.away.tell = self.chronicle.event
        config = self.config = self.run.config
        settle(worker.device, config)
        precision = config.precision
        if precision == "auto":  # one slow worker decides for all, so that all do the same
            precision = "bf16" if worker.lowest(native_precision(worker.device) == "bf16") else "fp32"
        self.dataset = Dataset.open(job.dataset)
        self.validations = (
            Validations(self.run, job.dataset, self.chronicle.event, job.validator) if self.first else None
        )
        [newest] = worker.agree(max(self.run.steps(), default=0))
        self.stand_at(int(newest))
        if worker.device.type in REHEARSED:
            self.rehearse(GanStep(config, precision, worker.add_gradients).to(worker.device), int(newest))
        self.clock = Clock(self.state.seconds)
        self.update = GanStep(config, precision, worker.add_gradients, self.clock.part).to(worker.device)
        self.looked_out = self.state.seconds  # not this worker's clock: all must look out in the same update
        if newest and self.first:
            several = "s" if worker.size > 1 else ""
            self.chronicle.event(f"went on from step {int(newest):,} with {worker.size} worker{several}")
            self.ask_again()

    def stand_at(self, step: int) -> None:
        """Take everything from the checkpoint of a step; 0: from the beginning."""
        config = self.config
        self.state = fitted(GanState(config, self.worker.device), config)
        if step:
            self.state.load_state_dict(self.run.load(step, self.worker.device))
        else:
            warm_start(self.state, config.init, better(config))
        split = self.split = self.dataset.split(config.data.split)
        self.batches = load_batches(
            split,
            SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed),
            config.audio,
            segment_length=config.data.segment_length,
            batch_size=config.data.batch_size,
            position=self.state.consumed,
            rank=self.worker.rank,
            world_size=self.worker.size,
            symbols=self.state.generator.symbols,
            labels=self.state.generator.labels,
            pin=self.worker.device.type == "cuda",
        )
        self.saved = self.validated = step
        self.chronicle.begin(step)

    def rehearse(self, update: GanStep, step: int) -> None:
        """Do the heaviest update, and forget it: what does not fit is told now, not when the discriminators start."""
        optim = self.config.optim
        together = math.lcm(optim.generator.every_steps, optim.discriminator.every_steps)
        self.state.step = math.ceil(optim.discriminator.start_step / together) * together
        update(self.state, next(self.batches).to(self.worker.device))
        self.leave()
        self.stand_at(step)

    def run_through(self) -> dict[str, Any]:
        config, stopping = self.config, False
        try:
            while not self.at_end and not stopping:
                self.one_step()
                if self.state.step % config.validation.every_steps == 0:
                    self.validate()
                if self.state.step % config.checkpoint.every_steps == 0:
                    self.save()
                stopping = self.look_out()
            self.tell_spoilt()
            if self.validated < self.state.step and not stopping:
                self.validate()
            self.save()
            done = self.validations.done(wait=True) if self.validations else []
            self.enter(done, *self.worker.agree(len(done)))
            if self.first:
                self.run.remove_old(better(config))
        finally:
            self.leave()
            self.run.close()
        return {
            "step": self.state.step,
            "ended": "finished" if self.state.progress >= 1 else "stopped",
            "best": self.best() if self.first else None,
            "audio_seconds_per_s": self.clock.rate(self.audio_seconds_a_step),
            "seconds": self.clock.seconds,
        }

    @property
    def at_end(self) -> bool:
        """Whether the schedule, or the part of it that this job is to do, is done."""
        steps, minutes = self.job.until, self.job.until_minutes
        return (
            self.state.progress >= 1
            or (steps is not None and self.state.step >= steps)
            or (minutes is not None and self.state.seconds >= 60 * minutes)
        )

    def leave(self) -> None:
        self.batches.close()  # type: ignore[attr-defined]
        self.chronicle.close()

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
        self.chronicle.step = self.state.step
        self.spoilt.update(batch.spoilt)
        # Norms are of the sums over workers: all see the same, and none has to ask.
        trouble = not_a_number({name: float(value) for name, value in losses.items() if name.startswith("norm/")})
        if measured:
            self.tell_spoilt()
        suspicious = 0
        if measured and not trouble:
            metrics = self.worker.mean(losses, batch.share)
            trouble = not_a_number(metrics)
            if not trouble:
                self.tell_metrics(metrics)
                trouble, suspicious = collapse(self.state, metrics, self.config), suspicious_steps(self.config)
        if self.config.log.ledger:
            keys = [key for part in self.worker.gather(batch.key.tolist()) for key in part]
            self.chronicle.ledger(self.worker.size, keys)
        if trouble:
            self.heal(trouble, suspicious)

    def tell_metrics(self, metrics: dict[str, float]) -> None:
        metrics = metrics | {
            "perf/audio_seconds_per_s": self.clock.rate(self.audio_seconds_a_step),
            **self.clock.percents(),
            "perf/sync_percent": 100 * self.worker.sync_seconds / max(self.clock.stepping, 1e-9),
            "lr/generator": self.state.generator_optimiser.param_groups[0]["lr"],
            "lr/discriminator": self.state.discriminator_optimiser.param_groups[0]["lr"],
        }
        self.chronicle.metrics(metrics, progress=self.state.progress, seconds=self.clock.seconds)

    def tell_spoilt(self) -> None:
        """Tell of the clips that any worker came across; all agree on what was told, and the first one tells it."""
        if self.first and self.split.trouble and not self.told_trouble:
            self.told_trouble = True
            self.chronicle.event(self.split.trouble)
        for index in sorted({*chain(*self.worker.gather(self.spoilt))} - self.told_spoilt):
            self.told_spoilt.add(index)
            if self.first:
                clip = self.split.ids[index]
                self.chronicle.event(f"clip {clip} can't be read, or holds what is no number: silence stands for it")

    def heal(self, trouble: str, suspicious: int) -> None:
        """Go back to the newest checkpoint that can be trusted, with smaller steps from there on."""
        config, lost, rollbacks = self.config.healing, self.state.step, self.state.rollbacks + 1
        if rollbacks > config.max_rollbacks:
            raise DivergedError(
                f"step {lost:,}: {trouble}; {config.max_rollbacks} rollbacks did not mend it",
                mend="lower optim.*.lr or optim.*.clip_norm; metrics.jsonl and events.jsonl tell what came first",
            )
        good = [step for step in self.run.steps() if step <= lost - suspicious] if self.first else []
        [back] = self.worker.agree(max(good, default=0))
        self.leave()
        self.stand_at(int(back))
        self.state.rollbacks = rollbacks
        self.worker.agree(0)  # all have read; what is left of the lost part may go
        if self.first and self.validations:
            self.run.forget(after=int(back))
            self.validations.forget(after=int(back))
            self.chronicle.event(
                f"step {lost:,}: {trouble}; back to step {int(back):,} with learning rates × {config.lr_factor:g} and "
                f"clip norms × {config.clip_factor:g} ({rollbacks} of {config.max_rollbacks} rollbacks)"
            )

    def look_out(self) -> bool:
        """Hear what is new: whether to stop, which validations are done, and whether a node is about to go."""
        done = self.validations.done() if self.validations else []
        self.state.seconds, stop, count = self.worker.agree(self.clock.seconds, self.chronicle.stopping, len(done))
        self.enter(done, count)
        if self.state.seconds - self.looked_out > LOOK_OUT_S:
            self.looked_out = self.state.seconds
            self.run.hold()
            if self.around.preempted():
                self.save()
                if self.first:
                    self.chronicle.event("a node is about to be taken away: checkpoint written")
        return bool(stop)

    def validate(self) -> None:
        self.save()
        self.validated = self.state.step
        if self.validations:
            with self.clock.part("validation"):
                self.validations.ask(self.state.step)

    def ask_again(self) -> None:
        """Validate what the run's last part had saved and not yet scored."""
        if not self.validations:
            return
        scored = {row["step"] for row in self.run.leaderboard()}
        for step in self.run.steps():
            if step not in scored and step % self.config.validation.every_steps == 0:
                self.validations.ask(step)

    def enter(self, done: Sequence[Validation], count: float) -> None:
        """Write down the validations that are done, which the first worker has, and report all `count` of them."""
        for place in range(int(count)):
            its = done[place] if self.first else Validation(self.state.step)
            if self.first:
                if its.scores:
                    self.run.enter(its.step, its.scores)
                self.chronicle.validation(its, self.best())
            self.around.report({"step": its.step, **{f"val/{name}": value for name, value in its.scores.items()}})

    def best(self) -> dict[str, Any] | None:
        """The leaderboard's first row."""
        measure, higher = self.config.checkpoint.measure, better(self.config) == "higher"
        rows = [row for row in self.run.leaderboard() if measure in row["scores"]]
        return (max if higher else min)(rows, key=lambda row: row["scores"][measure], default=None)

    def save(self) -> None:
        if self.saved == self.state.step:
            return
        self.saved = self.state.step
        self.state.seconds = self.worker.agree(self.clock.seconds)[0]
        if self.first and self.validations:
            with self.clock.part("checkpoint"):
                self.run.save(self.state)
                self.run.remove_old(better(self.config), keep=self.validations.pending)
            self.chronicle.saved()
