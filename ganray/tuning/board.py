"""What is known of every trial, gathered from Tune as it happens."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any, Literal

from ray import tune

from ganray.tuning.trials import Sample

WITH_THE_SWEEP = "with the sweep"
"""Message of a trial that could have gone on."""
Part = Literal["search", "confirm"]


@dataclass
class Row:
    """One trial.

    Attributes:
        id: `00`, `01`, …: the name of its run's folder.
        config: What it tries; empty until a search that learns has chosen it.
        run: Its run's folder.
        seed: What it trains with; None: the recipe's own.
        part: `search`, or `confirm` of what was trained once more.
        scores: Its held-out scores where the sweep's metric was best.
        step: Updates done.
        status: `waiting`, `running`, `finished`, `stopped` (early), `diverged`, `failed`.
        message: Why it failed.
        history: (step, value of the metric) of every validation.
        moves: Of a population: {"step", "from", "config"} of every copy, the first one its beginning.
        took_s: From the start of its process to its end.
        trained_s: Of that, the training itself, as it told with every validation.
    """

    id: str
    config: Sample
    run: str
    seed: int | None = None
    part: Part = "search"
    scores: dict[str, float] = field(default_factory=dict)
    step: int = 0
    status: str = "waiting"
    message: str = ""
    history: list[tuple[int, float]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    took_s: float = 0.0
    trained_s: float = 0.0

    @property
    def goes_on(self) -> bool:
        """Whether a sweep that is taken up again has still to do with it."""
        return self.status in ("waiting", "running") or self.message == WITH_THE_SWEEP

    def document(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)


@dataclass(frozen=True)
class Tried:
    """One sample, and all trials of it, which differ in their seed."""

    config: Sample
    rows: list[Row]
    metric: str

    @property
    def values(self) -> list[float]:
        """The score of every trial that has one and did not diverge."""
        return [r.scores[self.metric] for r in self.rows if self.metric in r.scores and r.status != "diverged"]

    @property
    def mean(self) -> float:
        """Of the scores; NaN without one."""
        return fmean(self.values) if self.values else math.nan


class Board(tune.Callback):
    """All trials of a sweep.

    Args:
        rows: One a trial, in the order of their numbers.
        metric: What they are judged by.
        mode: `min` or `max`.

    Attributes:
        on_end: Called whenever a trial has ended.
        on_change: Called whenever something is known anew, with whether it is a trial's status.
    """

    def __init__(self, rows: list[Row], metric: str, mode: str) -> None:
        self.rows, self.metric, self.mode = rows, metric, mode
        self.on_end: Callable[[], None] = lambda: None
        self.on_change: Callable[[bool], None] = lambda status: None
        self._began: dict[str, tuple[float, float]] = {}

    def __reduce__(self) -> tuple[type["Board"], tuple[list[Row], str, str]]:
        """Tune writes its callbacks down; who listens stays here."""
        return Board, (self.rows, self.metric, self.mode)

    @property
    def sign(self) -> int:
        """What a score is multiplied by for the least to be the best."""
        return 1 if self.mode == "min" else -1

    def tried(self, part: Part) -> list[Tried]:
        """The samples of a part of the sweep that have a score, the best first."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.part == part:
                groups.setdefault(json.dumps(row.config, sort_keys=True), []).append(row)
        found = [Tried(rows[0].config, rows, self.metric) for rows in groups.values()]
        # With one of its seeds it went wrong: as good as the others are, it is not to be trusted.
        return sorted(
            (one for one in found if one.values),
            key=lambda one: (any(row.status == "diverged" for row in one.rows), self.sign * one.mean),
        )

    @property
    def winner(self) -> Tried | None:
        """The best sample: of those that were confirmed, if any were; None where none has a score."""
        return next(iter(self.tried("confirm") or self.tried("search")), None)

    @property
    def best(self) -> Row | None:
        """The winner's best trial. A diverged trial is never the best."""
        if not self.winner:
            return None
        scored = [row for row in self.winner.rows if self.metric in row.scores and row.status != "diverged"]
        return min(scored, key=lambda row: self.sign * row.scores[self.metric])

    def close(self) -> None:
        """The sweep is over, or a part of it: what still ran was stopped with it."""
        for row in self.rows:
            if row.status == "running":
                row.status, row.message = "stopped", WITH_THE_SWEEP
                self._clock_off(row)

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        row = self._row(trial)
        row.status, row.message = "running", ""
        self._began[row.id] = (time.monotonic(), row.took_s)
        self.on_change(True)

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict[str, Any], **info: Any) -> None:
        row = self._row(trial)
        row.step = max(row.step, int(result.get("step", 0)))
        row.trained_s = max(row.trained_s, float(result.get("trained_s", 0)))
        if "ended" in result:
            row.status, row.message = result["ended"], result.get("message", "")
            self.on_change(True)
        value = result.get(self.metric)
        if value is None or not math.isfinite(value):
            return
        row.history.append((int(result["step"]), float(value)))
        if self.metric not in row.scores or (value < row.scores[self.metric]) == (self.mode == "min"):
            row.scores = {name: float(score) for name, score in result.items() if name.startswith("val/")}
        self.on_change(False)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        row = self._row(trial)
        if row.status == "running":
            row.status = "stopped"
        self._ended(row)

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        row = self._row(trial)
        row.status, row.message = "failed", row.message or "its process ended: the machine was lost, or its memory full"
        self._ended(row)

    def on_trial_recover(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Its process ended, and another one will go on with its run."""
        self._ended(self._row(trial))

    def _ended(self, row: Row) -> None:
        self._clock_off(row)
        self.on_change(True)
        self.on_end()

    def _clock_off(self, row: Row) -> None:
        began, before = self._began.pop(row.id, (time.monotonic(), row.took_s))
        row.took_s = before + time.monotonic() - began

    def _row(self, trial: Any) -> Row:
        return self.rows[int(trial.config["number"])]
