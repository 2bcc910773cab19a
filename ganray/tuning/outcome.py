"""What a sweep leaves behind: `sweep.json`, `best_recipe.yaml` and a page with the curves."""

import json
import os
from pathlib import Path
from typing import Any

import soundfile

from ganray.config import RunConfig
from ganray.config.documents import dump_yaml
from ganray.config.sweep import SweepConfig
from ganray.errors import DataError
from ganray.metrics import plots
from ganray.metrics.page import Clip, Page, Picture, Players, Table, Take
from ganray.models import load_run
from ganray.tuning.board import Board, Row
from ganray.tuning.importance import importance
from ganray.tuning.trials import tuned

VERSION = 1
"""Schema of `sweep.json`."""
FEWEST = 3
"""Trials with a score that say something of the keys."""


def write(folder: Path, sweep: SweepConfig, run: RunConfig, board: Board, dataset: dict[str, str]) -> dict[str, Any]:
    """Write a sweep's folder.

    Args:
        folder: Of the sweep.
        sweep: What was asked.
        run: The recipe that the trials varied, with the sweep's `set`.
        board: What the trials gave.
        dataset: {"path", "digest"}.

    Returns:
        The document: `sweep`, `trials`, `best`, `best_recipe`, `report`.
    """
    best, recipe = board.best, None
    if best is not None:
        recipe = folder / "best_recipe.yaml"
        _write(recipe, best_recipe(sweep, run, board, folder))
    page = report(sweep, board, dataset).write(folder / "report" / "index.html")
    document = {
        "sweep": str(folder),
        "trials": [row.document() for row in board.rows],
        "best": best and best.document(),
        "best_recipe": recipe and str(recipe),
        "report": str(page),
    }
    keep(folder, sweep, run, board, dataset, document)
    return document


def keep(
    folder: Path,
    sweep: SweepConfig,
    run: RunConfig,
    board: Board,
    dataset: dict[str, str],
    document: dict[str, Any] | None = None,
) -> None:
    """Write `sweep.json`: all that is known so far, from which the sweep can be taken up again."""
    kept = {
        "schema_version": VERSION,
        "config": sweep.model_dump(mode="json"),
        "recipe": run.model_dump(mode="json"),
        "dataset": dataset,
        "trials": [row.document() for row in board.rows],
    }
    _write(folder / "sweep.json", json.dumps(kept | (document or {}), indent=1, ensure_ascii=False) + "\n")


def read(folder: Path) -> tuple[SweepConfig, RunConfig, list[Row], dict[str, str]]:
    """Sweep, recipe, trials and dataset of a sweep's folder.

    Raises:
        DataError: There is no sweep, or it is of another ganray.
    """
    try:
        document = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
        if document.get("schema_version") != VERSION or "recipe" not in document:
            raise DataError(f"the sweep at {folder} is of another ganray", mend="start it anew")
        rows = [Row(**trial) for trial in document["trials"]]
        for row in rows:
            row.history = [(int(step), float(value)) for step, value in row.history]
        sweep = SweepConfig.model_validate(document["config"])
        return sweep, load_run(document["recipe"]), rows, document["dataset"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"there is no sweep at {folder}: {error}", mend="give a folder that ganray tune made"
        ) from error


def best_recipe(sweep: SweepConfig, run: RunConfig, board: Board, folder: Path) -> str:
    """The best trial as a recipe: every key written out, the length of training that of the sweep's own recipe."""
    best = board.best
    assert best is not None, "asked for the best of a sweep without scores"
    document = load_run(tuned(run, best.config) | {"name": f"{sweep.name}-best"}).model_dump(mode="json")
    tried = ", ".join(f"{key} = {value}" for key, value in best.config.items())
    budget = " and ".join(f"{value:g} {name}" for name, value in sweep.budget.model_dump().items() if value is not None)
    header = [
        f"{sweep.name}-best: {sweep.recipe} with the best values of a sweep of {len(board.rows)} trials.",
        "",
        f"From:      {folder}, trial {best.id}",
        f"Tried:     {tried}",
        f"Gave:      {board.metric} {best.scores[board.metric]:.4f} at best, within {budget}",
        "Departs:   schedule and resources are the recipe's, not the sweep's budget",
        "Command:   ganray train best_recipe.yaml --data DATASET",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in header) + dump_yaml(document)


def report(sweep: SweepConfig, board: Board, dataset: dict[str, str]) -> Page:
    """The page: all trials, their curves, and the metric over every key that is a number."""
    better = "lower" if board.mode == "min" else "higher"
    curves = {f"trial {row.id}": tuple(zip(*row.history, strict=True)) for row in board.rows if row.history}
    sections: list[Any] = [_table(board)]
    if curves:
        png = plots.lines(curves, y_label=board.metric)  # type: ignore[arg-type]
        caption = f"{board.metric} on held-out clips; {better} is better. A line that ends early was stopped."
        sections.append(Picture("Curves", png, caption))
    sections += _keys(board)
    sections += _heard(board)
    return Page(
        f"Sweep {sweep.name}",
        [
            f"{len(board.rows)} trials of {sweep.recipe} on {dataset['path']}, judged by {board.metric}: "
            f"{better} is better.",
        ],
        sections,
    )


def _keys(board: Board) -> list[Any]:
    """What the keys did: parallel coordinates, slices, importance."""
    scored = [row for row in board.rows if board.metric in row.scores]
    if len(scored) < FEWEST:
        return []
    tried, scores = [row.config for row in scored], [row.scores[board.metric] for row in scored]
    best = scored.index(board.best) if board.best in scored else None
    panels = {
        key: ([sample.get(key) for sample in tried], scores) for key in dict.fromkeys(k for s in tried for k in s)
    }
    shares = importance(tried, scores)
    return [
        Picture(
            "Every trial, from its values to its score",
            plots.parallel(tried, scores, label=board.metric, higher=board.mode == "max"),
            "Darker is better.",
        ),
        Picture(
            f"{board.metric} over each key",
            plots.slices(panels, y_label=board.metric, best=best),
            "The best trial is ringed. Trials that were stopped early stand with what they had.",
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
    sign = 1 if board.mode == "min" else -1
    ranked = sorted((r for r in board.rows if board.metric in r.scores), key=lambda r: sign * r.scores[board.metric])
    if not ranked:
        return []
    chosen = {"best": ranked[0], "middle": ranked[len(ranked) // 2], "worst": ranked[-1]}
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


def _last_samples(folder: Path) -> dict[str, Path]:
    """Clip → the newest sound that a run left of it: files are called step-STEP-CLIP.wav."""
    return {path.stem.split("-", 2)[2]: path for path in sorted(folder.glob("step-*-*.wav"))}


def _table(board: Board) -> Table:
    keys = list(dict.fromkeys(key for row in board.rows for key in row.config))
    rows = [
        [
            row.id,
            *(f"{value:.3g}" if isinstance(value := row.config.get(key), float) else str(value) for key in keys),
            f"{row.step:,}",
            f"{row.scores[board.metric]:.4f}" if board.metric in row.scores else "–",
            f"{row.status}: {row.message}" if row.message else row.status,
        ]
        for row in board.rows
    ]
    best = board.best
    return Table(
        "Trials",
        ["trial", *keys, "step", board.metric, "status"],
        rows,
        note="The score is the best of each trial's validations.",
        highlight=board.rows.index(best) if best else None,
    )


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.rename(path)
