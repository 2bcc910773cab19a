"""The page of a sweep: who won and how sure that is, curves, what the keys did, players, what it cost."""

import itertools
from typing import Any

from ganray.config import RunConfig
from ganray.config.sweep import SweepConfig
from ganray.metrics.page import Link, Page, Picture, Table
from ganray.metrics.plots import front as picture_of
from ganray.tuning import plots
from ganray.tuning.board import WITH_THE_SWEEP, Board
from ganray.tuning.front import front
from ganray.tuning.heard import players
from ganray.tuning.importance import importance
from ganray.tuning.verdict import SCALE, figure, measures, told, verdict
from ganray.tuning.view import short

FEWEST = 3
"""Trials with a score that say something of the keys."""


def page(
    sweep: SweepConfig,
    run: RunConfig,
    board: Board,
    dataset: dict[str, str],
    scale: dict[str, dict[str, float]],
    blind: str | None = None,
) -> Page:
    """The whole page; `blind` is where, relative to it, the listening test of its trials lies."""
    better = "lower" if board.mode == "min" else "higher"
    sections: list[Any] = [*verdict(sweep, board, scale), _table(board, scale), *_curves(board)]
    sections += [*_lineage(board), *_front(sweep, board), *_keys(board), *players(board)]
    if blind:
        note = "Without names and in another order for each listener; ganray listen analyse DIR says what it came to."
        sections.append(Link("Listen without knowing", blind, "The same trials as a blind test", note))
    sections.append(_spent(sweep, run, board))
    return Page(
        f"Sweep {sweep.name}",
        [
            f"{len(board.rows)} trials of {sweep.recipe} on {dataset['path']}, judged by {_judged(sweep)} on the same "
            f"{run.validation.clips} held-out clips: {better} is better.",
            _budget(sweep),
        ],
        sections,
    )


def _budget(sweep: SweepConfig) -> str:
    """What every trial may use, and what the whole sweep."""
    its = sweep.budget
    each = [f"{its.steps:,} updates"] if its.steps else []
    each += [f"{its.minutes:g} minutes of training"] if its.minutes else []
    whichever = ", whichever comes first" if len(each) > 1 else ""
    told = f"The same budget for each: at most {' or '.join(each)}{whichever}."
    return told + (f" The whole sweep: {its.total_minutes:g} minutes." if its.total_minutes else "")


def _judged(sweep: SweepConfig) -> str:
    """The measure, or the sum of measures, that judges."""
    if isinstance(sweep.metric, str):
        return sweep.metric
    parts = " + ".join(f"{weight:g} · {name}" for name, weight in sweep.weights.items())
    return f"{sweep.score} = {parts.replace('+ -', '- ')}"


def _curves(board: Board) -> list[Any]:
    """Every trial's score over its updates, and where the ones that were stopped ended."""
    rows = {f"trial {row.id}": row for row in board.rows if row.history}
    if not rows:
        return []
    better = "lower" if board.mode == "min" else "higher"
    png = plots.curves(
        {name: row.history for name, row in rows.items()},
        y_label=board.metric,
        best=next((name for name, row in rows.items() if row is board.best), None),
        stopped=[n for n, row in rows.items() if row.status == "stopped" and row.message != WITH_THE_SWEEP],
        wrong=[name for name, row in rows.items() if row.status in ("diverged", "failed")],
    )
    caption = f"{board.metric} on held-out clips; {better} is better. Thick: the best. ○: stopped early. ×: went wrong."
    return [Picture("Learning curves", png, caption)]


def cost(sweep: SweepConfig, run: RunConfig, board: Board) -> dict[str, float]:
    """What the sweep took: cores and GPUs times hours, what of a trial was no training, and what early stops spared."""
    resources = sweep.resources or run.resources
    workers, ended = resources.max_workers, [row for row in board.rows if row.took_s]
    hours = sum(row.took_s for row in ended) / 3600
    trained = [row for row in ended if 0 < row.trained_s <= row.took_s]  # of a resumed one, only the last part is known
    overhead = sum(row.took_s - row.trained_s for row in trained) / max(len(trained), 1)
    counted = [row for row in board.rows if row.status in ("finished", "stopped")]
    if sweep.budget.steps:
        whole, done = float(sweep.budget.steps * len(counted)), float(sum(row.step for row in counted))
    else:  # of a trial that was stopped, its process's time is known, not its training's
        each = 60 * (sweep.budget.minutes or 0)
        whole = each * len(counted)
        done = sum(max(0.0, row.took_s - overhead) if row.status == "stopped" else each for row in counted)
    return {
        "cpu_hours": round(hours * workers * resources.cpus_per_worker, 4),
        "gpu_hours": round(hours * workers * resources.gpus_per_worker, 4),
        "overhead_s_per_trial": round(overhead, 2),
        "spared_percent": round(100 * (1 - done / whole), 1) if whole else 0.0,
    }


def _spent(sweep: SweepConfig, run: RunConfig, board: Board) -> Table:
    its, unit = cost(sweep, run, board), "updates" if sweep.budget.steps else "minutes"
    return Table(
        "Cost",
        ["what", "how much"],
        [
            ["core hours", f"{its['cpu_hours']:.2f}"],
            *([["GPU hours", f"{its['gpu_hours']:.2f}"]] if its["gpu_hours"] else []),
            ["of each trial, what was no training: start, end, Ray", f"{its['overhead_s_per_trial']:.0f} s"],
            [f"{unit} that early stops spared", f"{its['spared_percent']:.0f} %"],
        ],
    )  # fmt: skip


def _table(board: Board, scale: dict[str, dict[str, float]]) -> Table:
    keys = list(dict.fromkeys(key for row in board.rows for key in row.config))
    seeded, names = any(row.seed is not None for row in board.rows), measures(board)
    rows = [
        [
            row.id,
            *(_shown(row.config[key]) if key in row.config else "–" for key in keys),
            *(["–" if row.seed is None else str(row.seed)] if seeded else []),
            f"{row.step:,}",
            *(figure(row.scores, name) for name in names),
            f"{row.status}: {row.message}" if row.message else row.status,
        ]
        for row in board.rows
    ]
    empty = [""] * (len(keys) + seeded + 1)
    rows += [[SCALE[name], *empty, *(figure(its, one) for one in names), ""] for name, its in scale.items()]
    best = board.best
    return Table(
        "Trials",
        ["trial", *(short(key, keys) for key in keys), *(["seed"] if seeded else []), "step", *names, "status"],
        rows,
        note=f"The scores are those of each trial's best validation by {board.metric}.",
        highlight=board.rows.index(best) if best else None,
    )


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _lineage(board: Board) -> list[Any]:
    """Of a population: who went on from whom, and how the values moved."""
    if not any(row.moves for row in board.rows):
        return []
    png = plots.lineage(
        {row.id: row.history for row in board.rows}, {row.id: row.moves for row in board.rows}, y_label=board.metric
    )
    return [Picture("Lineage", png, "A dotted line is a copy: the worse member goes on where the better one stands.")]


def _front(sweep: SweepConfig, board: Board) -> list[Any]:
    """Of several measures: the trials that no other one beats in all of them."""
    if len(sweep.weights) < 2:
        return []
    names = list(sweep.weights)
    rows = [row for row in board.rows if all(name in row.scores for name in names) and row.status != "diverged"]
    if len(rows) < FEWEST:
        return []
    lower = [(sweep.mode == "min") == (weight > 0) for weight in sweep.weights.values()]
    points = [[row.scores[name] for name in names] for row in rows]
    chosen = front(points, lower)
    pictures = [
        Picture(
            f"{first} and {second}",
            picture_of([(p[a], p[b]) for p in points], chosen, labels=[row.id for row in rows], axes=(first, second)),
            "Ringed: no trial is better in every measure.",
        )
        for (a, first), (b, second) in itertools.combinations(enumerate(names), 2)
    ]
    table = Table(
        "Nothing beats these in all measures",
        ["trial", *names, "values"],
        [[rows[i].id, *(f"{value:.3f}" for value in points[i]), told(rows[i].config)] for i in chosen],
    )
    return [*pictures, table]


def _keys(board: Board) -> list[Any]:
    """What the keys did: parallel coordinates, slices, importance."""
    scored = [r for r in board.rows if board.metric in r.scores and r.part == "search" and not r.moves[1:]]
    if len(scored) < FEWEST:
        return []
    tried, scores = [row.config for row in scored], [row.scores[board.metric] for row in scored]
    best = scored.index(board.best) if board.best in scored else None
    partial = [place for place, row in enumerate(scored) if row.status != "finished"]
    shares = importance(tried, scores)
    return [
        Picture(
            "Every trial, from its values to its score",
            plots.parallel(tried, scores, label=board.metric, higher=board.mode == "max"),
            "Darker is better.",
        ),
        *(
            Picture(
                f"{name} over each key",
                plots.slices(
                    {key: ([one.get(key) for one in tried], [row.scores[name] for row in scored]) for key in shares},
                    y_label=name,
                    best=best,
                    partial=partial,
                ),
                "The best trial is ringed. Hollow: stopped early, with the score it had by then.",
            )
            for name in measures(board)
            if all(name in row.scores for row in scored)
        ),
        Table(
            "Which keys matter",
            ["key", "share of the variance"],
            [[key, f"{100 * share:.0f} %"] for key, share in shares.items()],
            note=f"Between thirds of a key's values, less what chance gives (ε²). {len(scored)} trials: a first look.",
        ),
    ]
