"""The page of a sweep: who won and how sure that is, curves, what the keys did, players, what it cost."""

import itertools
from pathlib import Path
from typing import Any

import soundfile

from ganray.audio import read
from ganray.blind.heard import ab_of
from ganray.config import RunConfig
from ganray.config.sweep import SweepConfig
from ganray.metrics import plots
from ganray.metrics.intervals import student
from ganray.metrics.page import Clip, Link, Page, Picture, Players, Table, Take
from ganray.tuning.board import Board, Row
from ganray.tuning.front import front
from ganray.tuning.importance import importance
from ganray.tuning.trials import Sample
from ganray.tuning.view import short

FEWEST = 3
"""Trials with a score that say something of the keys."""
SCALE = {"recording": "the recordings", "griffin_lim": "Griffin-Lim copies"}
"""Rows of the scale, as they are told."""


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
    budget = " and ".join(f"{value:g} {name}" for name, value in sweep.budget.model_dump().items() if value)
    curves = {f"trial {row.id}": tuple(zip(*row.history, strict=True)) for row in board.rows if row.history}
    sections: list[Any] = [*_confirmed(board, scale), _table(board, scale)]
    if curves:
        png = plots.lines(curves, y_label=board.metric)  # type: ignore[arg-type]
        caption = f"{board.metric} on held-out clips; {better} is better. A line that ends early was stopped."
        sections.append(Picture("Curves", png, caption))
    sections += [*_lineage(board), *_front(sweep, board), *_keys(board), *_heard(board)]
    if blind:
        note = "Without names and in another order for each listener; ganray listen analyse DIR says what it came to."
        sections.append(Link("Listen without knowing", blind, "The same trials as a blind test", note))
    sections.append(_spent(sweep, run, board))
    return Page(
        f"Sweep {sweep.name}",
        [
            f"{len(board.rows)} trials of {sweep.recipe} on {dataset['path']}, each with at most {budget}, judged by "
            f"{board.metric} on the same {run.validation.clips} held-out clips: {better} is better.",
        ],
        sections,
    )


def cost(sweep: SweepConfig, run: RunConfig, board: Board) -> dict[str, float]:
    """What the sweep took: cores and GPUs times hours, what of a trial was no training, and what early stops spared."""
    resources = sweep.resources or run.resources
    workers, ended = resources.max_workers, [row for row in board.rows if row.took_s]
    hours = sum(row.took_s for row in ended) / 3600
    trained = [row for row in ended if 0 < row.trained_s <= row.took_s]  # of a resumed one, only the last part is known
    overhead = sum(row.took_s - row.trained_s for row in trained) / max(len(trained), 1)
    whole = (sweep.budget.steps or 0) * sum(row.status in ("finished", "stopped") for row in board.rows)
    done = sum(row.step for row in board.rows if row.status in ("finished", "stopped"))
    return {
        "cpu_hours": round(hours * workers * resources.cpus_per_worker, 4),
        "gpu_hours": round(hours * workers * resources.gpus_per_worker, 4),
        "overhead_s_per_trial": round(overhead, 2),
        "spared_percent": round(100 * (1 - done / whole), 1) if whole else 0.0,
    }


def _spent(sweep: SweepConfig, run: RunConfig, board: Board) -> Table:
    its = cost(sweep, run, board)
    return Table(
        "Cost",
        ["what", "how much"],
        [
            ["core hours", f"{its['cpu_hours']:.2f}"],
            *([["GPU hours", f"{its['gpu_hours']:.2f}"]] if its["gpu_hours"] else []),
            ["start and end of a trial that finished", f"{its['overhead_s_per_trial']:.0f} s"],
            ["updates that early stops spared", f"{its['spared_percent']:.0f} %"],
        ],
    )  # fmt: skip


def _confirmed(board: Board, scale: dict[str, dict[str, float]]) -> list[Any]:
    """What was trained once more: how sure the winner is."""
    tried = board.tried("confirm")
    if not tried:
        return []
    own = next((one for one in tried if not one.config), None)
    rows = []
    for one in tried:
        pairs = [] if own is None or one is own else _pairs(one.rows, own.rows, board.metric)
        rows.append(
            [
                _values(one.config) or "the recipe's own values",
                str(one.values and student(one.values)),
                ", ".join(f"{value:.3f}" for value in one.values),
                str(student(pairs)) if len(pairs) > 1 else "–",
            ]
        )
    rows += [[SCALE[name], f"{its[board.metric]:.3g}", "", ""] for name, its in scale.items() if board.metric in its]
    return [
        Table(
            "How sure is it",
            ["values", f"{board.metric}, mean and 95 %", "each seed", "more than the recipe's own"],
            rows,
            note="Trained once more with seeds that the search had not seen, for the whole budget; the difference is "
            "taken seed by seed. An interval that holds 0 says: this sweep does not know.",
            highlight=0,
        )
    ]


def _pairs(ours: list[Row], theirs: list[Row], metric: str) -> list[float]:
    other = {row.seed: row.scores[metric] for row in theirs if metric in row.scores}
    return [row.scores[metric] - other[row.seed] for row in ours if metric in row.scores and row.seed in other]


def _values(sample: Sample) -> str:
    return ", ".join(f"{key} = {_shown(value)}" for key, value in sample.items())


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(board: Board, scale: dict[str, dict[str, float]]) -> Table:
    keys = list(dict.fromkeys(key for row in board.rows for key in row.config))
    seeded = any(row.seed is not None for row in board.rows)
    rows = [
        [
            row.id,
            *(_shown(row.config[key]) if key in row.config else "–" for key in keys),
            *(["–" if row.seed is None else str(row.seed)] if seeded else []),
            f"{row.step:,}",
            f"{row.scores[board.metric]:.4f}" if board.metric in row.scores else "–",
            f"{row.status}: {row.message}" if row.message else row.status,
        ]
        for row in board.rows
    ]
    empty = [""] * (len(keys) + seeded + 1)
    rows += [
        [SCALE[name], *empty, f"{its[board.metric]:.4f}", ""] for name, its in scale.items() if board.metric in its
    ]
    best = board.best
    return Table(
        "Trials",
        ["trial", *(short(key, keys) for key in keys), *(["seed"] if seeded else []), "step", board.metric, "status"],
        rows,
        note="The score is the best of each trial's validations.",
        highlight=board.rows.index(best) if best else None,
    )


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
            plots.front([(p[a], p[b]) for p in points], chosen, labels=[row.id for row in rows], axes=(first, second)),
            "Ringed: no trial is better in every measure.",
        )
        for (a, first), (b, second) in itertools.combinations(enumerate(names), 2)
    ]
    table = Table(
        "Nothing beats these in all measures",
        ["trial", *names, "values"],
        [[rows[i].id, *(f"{value:.3f}" for value in points[i]), _values(rows[i].config)] for i in chosen],
    )
    return [*pictures, table]


def _keys(board: Board) -> list[Any]:
    """What the keys did: parallel coordinates, slices, importance."""
    scored = [r for r in board.rows if board.metric in r.scores and r.part == "search" and not r.moves[1:]]
    if len(scored) < FEWEST:
        return []
    tried, scores = [row.config for row in scored], [row.scores[board.metric] for row in scored]
    best = scored.index(board.best) if board.best in scored else None
    panels = {
        key: ([sample.get(key) for sample in tried], scores) for key in dict.fromkeys(k for s in tried for k in s)
    }
    partial = [place for place, row in enumerate(scored) if row.status != "finished"]
    shares = importance(tried, scores)
    return [
        Picture(
            "Every trial, from its values to its score",
            plots.parallel(tried, scores, label=board.metric, higher=board.mode == "max"),
            "Darker is better.",
        ),
        Picture(
            f"{board.metric} over each key",
            plots.slices(panels, y_label=board.metric, best=best, partial=partial),
            "The best trial is ringed. Hollow: stopped early, with the score it had by then.",
        ),
        Table(
            "Which keys matter",
            ["key", "share of the variance"],
            [[key, f"{100 * share:.0f} %"] for key, share in shares.items()],
            note=f"Between thirds of a key's values, less what chance gives (ε²). {len(scored)} trials: a first look.",
        ),
    ]


def _heard(board: Board) -> list[Any]:
    """The best, the middle and the worst trial on the same clips, where their runs left sounds."""
    chosen = _contestants(board)
    sounds: dict[str, list[Take]] = {}
    for name, row in chosen.items():
        for clip, path in _last_samples(Path(row.run) / "samples").items():
            info = soundfile.info(str(path))
            score = f"{board.metric} {row.scores[board.metric]:.3f}"
            take = Take(f"{name}: trial {row.id}", path.read_bytes(), "audio/wav", info.duration, note=score)
            sounds.setdefault(clip, []).append(take)
    clips = [Clip(clip, "", takes) for clip, takes in sorted(sounds.items())]
    return (
        [Players("Listen", clips, note="Each trial's newest validation, on the same held-out clips.")] if clips else []
    )


def _contestants(board: Board) -> dict[str, Row]:
    """The best, the middle and the worst trial of the search."""
    ranked = sorted(
        (r for r in board.rows if board.metric in r.scores and r.part == "search"),
        key=lambda r: board.sign * r.scores[board.metric],
    )
    return {"best": ranked[0], "middle": ranked[len(ranked) // 2], "worst": ranked[-1]} if ranked else {}


def blind_test(board: Board, folder: Path) -> Path | None:
    """Write an A/B test of those trials, each once, and of what was confirmed beside the recipe's own values if it was.

    Returns:
        Its page; None where fewer than two trials left sounds of a clip.
    """
    rows = {f"trial {row.id}": row for row in _contestants(board).values()}
    confirmed = board.tried("confirm")
    own = next((one for one in confirmed if not one.config), None)
    if own is not None and confirmed[0] is not own:
        rows = {"the best, confirmed": confirmed[0].rows[0], "the recipe's own values": own.rows[0]}
    sounds = {
        name: {clip: read(path) for clip, path in _last_samples(Path(row.run) / "samples").items()}
        for name, row in rows.items()
    }
    sounds = {name: its for name, its in sounds.items() if its}
    ab_of(sounds, folder, title="Which do you prefer?")
    page = folder / "index.html"
    return page if page.is_file() else None


def _last_samples(folder: Path) -> dict[str, Path]:
    """Clip → the newest sound that a run left of it: files are called step-STEP-CLIP.wav."""
    return {path.stem.split("-", 2)[2]: path for path in sorted(folder.glob("step-*-*.wav"))}
