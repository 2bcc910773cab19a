"""The driver of a sweep: trials that are whole trainings, as many at once as the cluster holds, judged as they go."""

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray

from ganray.config import RunConfig
from ganray.data import Dataset
from ganray.errors import DataError, DivergedError, GanrayError, Problem, UsageError
from ganray.provisioning.connect import connect
from ganray.training import TrainResult, train
from ganray.tuning import scale
from ganray.tuning.board import Board
from ganray.tuning.loading import load_sweep
from ganray.tuning.placement import concurrency
from ganray.tuning.population import evolve
from ganray.tuning.reaper import Reaper
from ganray.tuning.search import the_library
from ganray.tuning.stage import Stage
from ganray.tuning.study import Study
from ganray.tuning.trials import summed
from ganray.tuning.view import View
from ganray.tuning.writer import only_writer


@dataclass(frozen=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        document: As `Study.write` gives it and --json prints it.
        board: Every trial.
    """

    document: dict[str, Any]
    board: Board


def tune(
    source: str | Path,
    dataset: str | Path,
    *,
    overrides: Sequence[str] = (),
    storage: str | Path = "sweeps",
    name: str | None = None,
    address: str | None = None,
    quiet: bool = False,
    trainer: Callable[..., TrainResult] = train,
) -> SweepResult:
    """Run a sweep.

    Args:
        source: YAML file of a `SweepConfig`.
        dataset: Folder of the dataset, which all workers see.
        overrides: `--set` texts for the sweep's keys.
        storage: Folder that holds the sweep's folder, which all workers see.
        name: Of the sweep's folder; the config's name and four random digits without it.
        address: Of the Ray cluster; without it, one is started inside this process.
        quiet: No live view.
        trainer: What a trial does; called as `ganray.training.train` is.

    Raises:
        ConfigError: The sweep is wrong, or its recipe refuses a value.
        DataError: The dataset can't be used.
        AudioContractError: Dataset and recipe disagree.
        UsageError: The name is taken, or what the search needs is not installed.
        PlacementError: The cluster can never hold a trial.
        DivergedError: Every trial diverged.
        GanrayError: No trial has a score; what each one said. The sweep's folder is written all the same.
    """
    sweep, run = load_sweep(source, overrides)
    if sweep.search in ("tpe", "pareto"):
        the_library()
    data = _judging(dataset, run)
    folder = Path(storage).absolute() / (name or f"{sweep.name}-{secrets.token_hex(2)}")
    if folder.exists():
        raise _taken(folder)
    about = {"path": data.where, "digest": data.digest}
    return _run(Study.new(folder, sweep, run, about), address, quiet, trainer, new=True)


def resume(
    folder: str | Path,
    dataset: str | Path | None = None,
    *,
    address: str | None = None,
    quiet: bool = False,
    trainer: Callable[..., TrainResult] = train,
) -> SweepResult:
    """Take up a sweep that was interrupted: ended trials stay as they are, others go on from their checkpoints.

    Early stopping compares the trials that go on with one another alone, and `budget.total_minutes` begins anew.

    Args:
        folder: Of the sweep.
        dataset: Where the dataset is now, if it was moved.

    Raises:
        DataError: There is no sweep, or the dataset is another one.
        UsageError: Nothing of it is left to do, or another driver is at it.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise DataError(f"there is no sweep at {folder}", mend="give a folder that ganray tune made")
    with only_writer(folder):
        return _run(_taken_up(folder, dataset), address, quiet, trainer)


def _taken_up(folder: Path, dataset: str | Path | None) -> Study:
    """What a sweep's folder holds, with its unfinished trials waiting."""
    study = Study.read(folder)
    about = study.dataset
    data = _judging(dataset or about["path"], study.run)
    if data.digest != about["digest"]:
        raise DataError(
            f"{data.path} is not the dataset of the sweep",
            got=data.digest,
            want=about["digest"],
            mend="give the old dataset by --data, or start a new sweep",
        )
    study.dataset = about | {"path": data.where}
    if study.finished:
        raise UsageError(f"the sweep at {folder} is finished", mend=f"see {folder / 'report' / 'index.html'}")
    for row in study.board.rows:
        row.run = str(study.trials / row.id)
        if row.goes_on:
            row.status, row.message = "waiting", ""
    return study


def _judging(dataset: str | Path, run: RunConfig) -> Dataset:
    data = Dataset.open(dataset)
    data.audio.must_equal(run.audio, ours=f"dataset {data.path}", theirs=f"recipe {run.name}")
    if "validation" not in data.splits or not len(data.split("validation")):
        raise DataError(f"{data.path} has no validation split to judge trials by", mend="prepare it with one")
    return data


def _run(
    study: Study, address: str | None, quiet: bool, trainer: Callable[..., TrainResult], *, new: bool = False
) -> SweepResult:
    """All that is left of a sweep; the folder of a `new` one is made when it is sure that the cluster holds it."""
    with contextlib.ExitStack() as held:
        begin = partial(_begin, study.folder, held) if new else lambda: None
        return _drive(study, address, quiet, trainer, begin)


def _begin(folder: Path, held: contextlib.ExitStack) -> None:
    """Make a sweep's folder, which is ours as long as the sweep runs."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise _taken(folder) from None
    held.enter_context(only_writer(folder))


def _taken(folder: Path) -> UsageError:
    return UsageError(f"there is a sweep at {folder} already", mend="give another --name, or go on with --resume")


def _drive(
    study: Study,
    address: str | None,
    quiet: bool,
    trainer: Callable[..., TrainResult],
    begin: Callable[[], None],
) -> SweepResult:
    sweep, board = study.sweep, study.board
    ours = connect(address)
    try:
        resources = sweep.resources or study.run.resources
        stage = Stage(study, concurrency(resources, ray.nodes(), sweep.concurrency or sweep.num_trials), trainer)
        begin()
        study.keep()
        told = None if study.scale else scale.measured.remote(study.run.model_dump(mode="json"), study.dataset["path"])
        with Reaper() as reaper, contextlib.nullcontext() if quiet else View(board):
            board.on_end, board.on_change = reaper.look, _seldom(study.keep)
            if sweep.scheduler.type == "pbt":
                evolve(stage)
            else:
                _search_and_confirm(stage)
        if told is not None:
            weights = {} if isinstance(sweep.metric, str) else sweep.weights
            study.scale = {name: its | summed(its, weights) for name, its in _scale(told).items()}
    finally:
        if ours:
            ray.shutdown()
    document = study.write()
    if board.best is None:
        raise _nothing(board, document["report"])
    return SweepResult(document, board)


def _search_and_confirm(stage: Stage) -> None:
    """The search; then, unless Ctrl-C ended it, the best once more beside the recipe's own values."""
    study = stage.study
    minutes, began = study.sweep.budget.total_minutes, time.monotonic()
    whole = True
    if any(row.goes_on and row.part == "search" for row in study.board.rows):
        whole = stage.run(early=True, minutes=minutes)
    over = minutes is not None and time.monotonic() - began >= 60 * minutes
    if study.sweep.confirm is None or not (whole or over) or not study.board.tried("search"):
        return
    study.to_confirm()
    if any(row.status == "waiting" and row.part == "confirm" for row in study.board.rows):
        stage.run()


def _scale(told: Any) -> dict[str, dict[str, float]]:
    """A scale that can't be measured is no reason to lose a sweep."""
    try:
        return ray.get(told, timeout=600)
    except Exception as error:
        logging.getLogger(__name__).warning("the table lacks the recordings and Griffin-Lim: %s", error)
        return {}


def _seldom(act: Callable[[], None], every_s: float = 1.0) -> Callable[[bool], None]:
    """`act`, but for mere scores not twice within `every_s`: hundreds of trials may tell some at once."""
    last = -every_s

    def maybe(status: bool) -> None:
        nonlocal last
        if status or time.monotonic() - last >= every_s:
            act()
            last = time.monotonic()

    return maybe


def _nothing(board: Board, report: str) -> GanrayError:
    """The error of a sweep without a score."""
    problems = [
        Problem(f"trial {row.id}", row.config, f"{row.status}: {row.message or 'no validation'}") for row in board.rows
    ]
    kind = DivergedError if all(row.status == "diverged" for row in board.rows) else GanrayError
    return kind(f"no trial of {len(board.rows)} has a score", problems=problems, mend=f"see {report}")
