"""Population-based training: after every generation the worse part goes on with copies of the better.

Tune's own PBT copies Tune checkpoints, which a nested training does not have. Here a generation is a stage of its own:
all members train to the same step, or for the same minutes, then whole runs are copied: both networks, the average,
both optimisers, the position in the data. Counted in steps there is no race: the same sweep gives the same lineage
whatever machine was faster, and members wait for the slowest. Counted in minutes nobody waits, and who is slow pays.

Source: Jaderberg et al., "Population Based Training of Neural Networks", arXiv:1711.09846.
"""

import os
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganray.config.sweep import SchedulerConfig, SweepConfig, Values
from ganray.gan.run import Run, write_text
from ganray.models import load_run
from ganray.tuning.board import Row
from ganray.tuning.stage import Stage
from ganray.tuning.trials import Sample, tuned


@dataclass(frozen=True)
class Mark:
    """Where a generation ends: after as many updates of each member, or after as many minutes of training.

    Attributes:
        until: As `ganray.training.train` takes it.
    """

    until: dict[str, float]

    @classmethod
    def of(cls, sweep: SweepConfig, generation: int) -> "Mark":
        """The end of a generation, counted from 1, of equal parts of the budget."""
        part = generation / sweep.scheduler.generations
        if sweep.budget.steps is not None:
            return cls({"until": round(sweep.budget.steps * part)})
        return cls({"until_minutes": (sweep.budget.minutes or 0) * part})

    def is_behind(self, row: Row) -> bool:
        """Whether a member has come so far."""
        if "until" in self.until:
            return row.step >= self.until["until"]
        return row.trained_s >= 60 * self.until["until_minutes"]


def evolve(stage: Stage) -> bool:
    """Train a population, from where its study stands.

    Returns:
        Whether it came to its end; not so after Ctrl-C, when `budget.total_minutes` are over, or where nobody of a
        generation has a score.
    """
    study = stage.study
    its, rows, began = study.sweep.scheduler, study.board.rows, time.monotonic()
    for row in rows:
        row.moves = row.moves or [{"step": 0, "from": None, "config": row.config}]
    while study.generation < its.generations:
        mark = Mark.of(study.sweep, study.generation + 1)
        for row in rows:
            if row.status == "stopped" and not mark.is_behind(row):
                row.status, row.message = "waiting", ""
        if any(row.status == "waiting" for row in rows):
            total = study.sweep.budget.total_minutes
            left = None if total is None else total - (time.monotonic() - began) / 60
            if (left is not None and left <= 0) or not stage.run(minutes=left, until=mark.until):
                return False
        if not any(_score(row) is not None for row in rows):
            return False
        study.generation += 1
        if study.generation < its.generations:
            for loser, donor, config in exploits(study.sweep, rows, study.generation):
                copy(loser, donor, config)
        study.keep()
    return True


def exploits(sweep: SweepConfig, rows: Sequence[Row], generation: int) -> list[tuple[Row, Row, Sample]]:
    """Who goes on with a copy of whom, and with which values: (loser, donor, values).

    Members without a score where they stand, which diverged or failed, always copy.
    """
    sign = 1 if sweep.mode == "min" else -1
    scores = {row.id: score for row in rows if (score := _score(row)) is not None}
    ranked = sorted((row for row in rows if row.id in scores), key=lambda row: sign * scores[row.id])
    part = max(1, int(len(rows) * sweep.scheduler.quantile))
    donors, worst = ranked[:part], ranked[max(len(ranked) - part, part) :]
    found = []
    for row in [*worst, *(row for row in rows if row.id not in scores)]:
        chance = random.Random(f"{sweep.seed} {generation} {row.id}")
        donor = chance.choice(donors)
        found.append((row, donor, perturbed(donor.config, sweep.space, sweep.scheduler, chance)))
    return found


def perturbed(config: Sample, space: dict[str, Values], scheduler: SchedulerConfig, chance: random.Random) -> Sample:
    """Values near those of `config`, or drawn anew."""
    anew = {key: chance.random() < scheduler.resample for key in config}
    return {
        key: space[key].draw(chance) if anew[key] else _near(value, space[key], scheduler, chance)
        for key, value in config.items()
    }


def _near(value: Any, values: Values, scheduler: SchedulerConfig, chance: random.Random) -> Any:
    up = chance.random() < 0.5
    if values.choice is not None:
        ordered = sorted(values.choice) if all(isinstance(v, int | float) for v in values.choice) else values.choice
        place = list(ordered).index(value) + (1 if up else -1)
        return ordered[min(max(place, 0), len(ordered) - 1)]
    low, high = getattr(values, values.form)
    moved = value * scheduler.factor if up else value / scheduler.factor
    return values.rounded(min(max(moved, low), high))


def copy(loser: Row, donor: Row, config: Sample) -> None:
    """Let a member's run stand where the donor's stands, with values of its own. Done twice, it is the same."""
    theirs, step = Run.open(donor.run), donor.step
    folder, run = Path(loser.run), load_run(tuned(theirs.config, config))
    if not (folder / "run.yaml").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        Run.create(folder, run, theirs.dataset)
    ours = Run.open(folder)
    ours.config = run
    beside = ours.path / "checkpoints" / f".copy.{os.getpid()}"
    shutil.copyfile(theirs.checkpoint(step), beside)
    beside.rename(ours.checkpoint(step))
    for old in ours.steps():
        if old != step:
            ours.checkpoint(old).unlink(missing_ok=True)
    board = theirs.path / "leaderboard.json"
    write_text(ours.path / "leaderboard.json", board.read_text(encoding="utf-8"))
    ours.write_config()
    loser.config, loser.scores, loser.step, loser.trained_s = config, dict(donor.scores), step, donor.trained_s
    loser.history = [point for point in loser.history if point[0] <= step]  # a slower donor has done fewer updates
    loser.status, loser.message = "stopped", ""
    loser.moves.append({"step": step, "from": donor.id, "config": config})


def _score(row: Row) -> float | None:
    """What a member's validation where it stands gave; None for one that went wrong before."""
    if row.status in ("diverged", "failed"):
        return None
    return next((value for at, value in reversed(row.history) if at == row.step), None)
