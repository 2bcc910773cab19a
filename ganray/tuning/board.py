"""What is known of every trial, gathered from Tune as it happens."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ray import tune

from ganray.tuning.trials import Sample

WITH_THE_SWEEP = "with the sweep"
"""Message of a trial that could have gone on."""


@dataclass
class Row:
    """One trial.

    Attributes:
        id: `00`, `01`, …: the name of its run's folder.
        config: What it tries.
        scores: Its held-out scores where the sweep's metric was best.
        step: Updates done.
        status: `waiting`, `running`, `finished`, `stopped` (early), `diverged`, `failed`.
        message: Why it failed.
        run: Its run's folder.
        history: (step, value of the metric) of every validation.
    """

    id: str
    config: Sample
    run: str
    scores: dict[str, float] = field(default_factory=dict)
    step: int = 0
    status: str = "waiting"
    message: str = ""
    history: list[tuple[int, float]] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        """Whether a sweep that is taken up again has still to do with it."""
        return self.status in ("waiting", "running") or self.message == WITH_THE_SWEEP

    def document(self) -> dict[str, Any]:
        """As JSON shows it."""
        return asdict(self)


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

    @property
    def best(self) -> Row | None:
        """The trial with the best score; None where none has one. A diverged trial is never the best."""
        scored = [row for row in self.rows if self.metric in row.scores and row.status != "diverged"]
        sign = 1 if self.mode == "min" else -1
        return min(scored, key=lambda row: sign * row.scores[self.metric], default=None)

    def close(self) -> None:
        """The sweep is over: what still ran was stopped with it."""
        for row in self.rows:
            if row.status == "running":
                row.status, row.message = "stopped", WITH_THE_SWEEP

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        self._row(trial).status = "running"
        self.on_change(True)

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict[str, Any], **info: Any) -> None:
        row = self._row(trial)
        row.step = max(row.step, int(result.get("step", 0)))
        if "ended" in result:
            row.status, row.message = result["ended"], result.get("message", "")
            self.on_change(True)
        value = result.get(self.metric)
        if value is None or not math.isfinite(value):
            return
        row.history.append((row.step, float(value)))
        if self.metric not in row.scores or (value < row.scores[self.metric]) == (self.mode == "min"):
            row.scores = {name: float(score) for name, score in result.items() if name.startswith("val/")}
        self.on_change(False)

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        row = self._row(trial)
        if row.status == "running":
            row.status = "stopped"
        self.on_change(True)
        self.on_end()

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        row = self._row(trial)
        row.status, row.message = "failed", row.message or "its process ended: the machine was lost, or its memory full"
        self.on_change(True)
        self.on_end()

    def _row(self, trial: Any) -> Row:
        return self.rows[int(trial.config["number"])]
