"""The driver of a sweep: trials that are whole trainings, as many at once as the cluster holds, judged as they go."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune as ray_tune
from ray.tune.integration.ray_train import TuneReportCallback
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from ganray.config import RunConfig
from ganray.config.sweep import SweepConfig
from ganray.data import Dataset
from ganray.errors import DataError, DivergedError, GanrayError, Problem, UsageError
from ganray.provisioning.connect import connect
from ganray.training import TrainResult, train
from ganray.training import resume as go_on
from ganray.tuning import outcome
from ganray.tuning.board import Board, Row
from ganray.tuning.placement import DRIVER, concurrency
from ganray.tuning.reaper import Reaper
from ganray.tuning.trials import load_sweep, samples, summed, trial_run
from ganray.tuning.view import View

_ENVIRONMENT = {
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial's last word holds how it ended, not a score
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the runs keep their own diaries
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        document: `sweep`, `trials`, `best`, `best_recipe`, `report`, as --json prints it.
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
        UsageError: The name is taken.
        PlacementError: The cluster can never hold a trial.
        DivergedError: Every trial diverged.
        GanrayError: No trial has a score; what each one said. The sweep's folder is written all the same.
    """
    sweep, run = load_sweep(source, overrides)
    data = _judging(dataset, run)
    folder = Path(storage).absolute() / (name or f"{sweep.name}-{secrets.token_hex(2)}")
    if folder.exists():
        raise UsageError(f"there is a sweep at {folder} already", mend="give another --name, or go on with --resume")
    tried = samples(sweep)
    rows = [Row(f"{i:02}", sample, str(folder / "trials" / f"{i:02}")) for i, sample in enumerate(tried)]
    return _run(folder, sweep, run, Board(rows, sweep.score, sweep.mode), data, address, quiet, trainer)


def resume(
    folder: str | Path,
    dataset: str | Path | None = None,
    *,
    address: str | None = None,
    quiet: bool = False,
    trainer: Callable[..., TrainResult] = train,
) -> SweepResult:
    """Take up a sweep that was interrupted: ended trials stay as they are, others go on from their checkpoints.

    Early stopping compares the trials that go on with one another alone.

    Args:
        folder: Of the sweep.
        dataset: Where the dataset is now, if it was moved.

    Raises:
        DataError: There is no sweep, or the dataset is another one.
        UsageError: Nothing of it is left to do.
    """
    folder = Path(folder).absolute()
    sweep, run, rows, about = outcome.read(folder)
    data = _judging(dataset or about["path"], run)
    if data.digest != about["digest"]:
        raise DataError(
            f"{data.path} is not the dataset of the sweep",
            got=data.digest,
            want=about["digest"],
            mend="give the old dataset by --data, or start a new sweep",
        )
    if not any(row.goes_on for row in rows):
        raise UsageError(f"the sweep at {folder} is finished", mend=f"see {folder / 'report' / 'index.html'}")
    for row in rows:
        row.run = str(folder / "trials" / row.id)
        if row.goes_on:
            row.status, row.message = "waiting", ""
    return _run(folder, sweep, run, Board(rows, sweep.score, sweep.mode), data, address, quiet, trainer)


def _judging(dataset: str | Path, run: RunConfig) -> Dataset:
    data = Dataset.open(dataset)
    data.audio.must_equal(run.audio, ours=f"dataset {data.path}", theirs=f"recipe {run.name}")
    if "validation" not in data.splits or not len(data.split("validation")):
        raise DataError(f"{data.path} has no validation split to judge trials by", mend="prepare it with one")
    return data


def _run(
    folder: Path,
    sweep: SweepConfig,
    run: RunConfig,
    board: Board,
    data: Dataset,
    address: str | None,
    quiet: bool,
    trainer: Callable[..., TrainResult],
) -> SweepResult:
    """The trials that wait."""
    runs = {int(row.id): trial_run(sweep, run, row.config) for row in board.rows if row.status == "waiting"}
    about = {"path": str(data.path.absolute()), "digest": data.digest}
    ours = connect(address)
    try:
        most = min(len(runs), sweep.concurrency or len(runs))
        at_once = concurrency(next(iter(runs.values())).resources, ray.nodes(), most)
        folder.mkdir(parents=True, exist_ok=True)
        outcome.keep(folder, sweep, run, board, about)
        tuner = _tuner(sweep, runs, board, folder, at_once, {"dataset": about["path"], "trainer": trainer})
        with _environment(), Reaper() as reaper, contextlib.nullcontext() if quiet else View(board):
            board.on_end = reaper.look
            board.on_change = _seldom(lambda: outcome.keep(folder, sweep, run, board, about))
            tuner.fit()
    finally:
        if ours:
            ray.shutdown()
    board.close()
    document = outcome.write(folder, sweep, run, board, about)
    if board.best is None:
        raise _nothing(board, document["report"])
    return SweepResult(document, board)


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


def _tuner(
    sweep: SweepConfig, runs: dict[int, RunConfig], board: Board, folder: Path, at_once: int, parameters: dict[str, Any]
) -> ray_tune.Tuner:
    documents = {number: run.model_dump(mode="json") for number, run in runs.items()}
    # Tune takes up by itself what has its name: each time has a folder of its own.
    before = len(list(folder.glob(".ray*")))
    storage, weights = str(folder / "trials"), {} if isinstance(sweep.metric, str) else sweep.metric
    trainable = ray_tune.with_parameters(_trial, documents=documents, storage=storage, weights=weights, **parameters)
    minutes = sweep.budget.total_minutes
    driver = {name.replace("CPU", "cpu"): amount for name, amount in DRIVER.items()}
    return ray_tune.Tuner(
        ray_tune.with_resources(trainable, driver),
        param_space={"number": ray_tune.grid_search(list(runs))},
        tune_config=ray_tune.TuneConfig(
            scheduler=_scheduler(sweep),
            max_concurrent_trials=at_once,
            time_budget_s=minutes and 60 * minutes,
            trial_name_creator=lambda trial: f"trial-{trial.config['number']:02}",
            trial_dirname_creator=lambda trial: f"{trial.config['number']:02}",
        ),
        run_config=ray_tune.RunConfig(name=f".ray-{before}", storage_path=str(folder), callbacks=[board], verbose=0),
    )


def _trial(
    config: dict[str, Any],
    documents: dict[int, dict[str, Any]],
    dataset: str,
    storage: str,
    weights: dict[str, float],
    trainer: Callable[..., TrainResult],
) -> None:
    """One trial: a whole training, each of whose validations Tune hears of. Runs in a process of its own."""
    number = int(config["number"])
    run, folder = RunConfig.model_validate(documents[number]), Path(storage) / f"{number:02}"
    try:
        tell = [_Tell(weights)]
        if (folder / "run.yaml").is_file():  # of a sweep that is taken up again
            result = go_on(folder, dataset=dataset, callbacks=tell, quiet=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            result = trainer(run, dataset, storage=storage, name=folder.name, callbacks=tell, quiet=True)
    except DivergedError as error:
        ray_tune.report({"ended": "diverged", "message": str(error)})
    except Exception as error:  # one line in the table, not the end of the sweep
        ray_tune.report({"ended": "failed", "message": f"{error}"})
    else:
        ray_tune.report({"ended": result.ended, "step": result.step})


class _Tell(TuneReportCallback):
    """Tells Tune of every validation, with the weighted sum where several measures judge."""

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        self.weights = weights

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        super().after_report(run_context, [metrics[0] | summed(metrics[0], self.weights)], checkpoint)


class _Median(MedianStoppingRule):
    """Ray's, for trials whose last word is how they ended, not a score: of that one, Ray's takes no mean."""

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        if self._metric in result:
            super().on_trial_complete(tune_controller, trial, result)


def _scheduler(sweep: SweepConfig) -> TrialScheduler:
    if sweep.scheduler.type == "fifo":
        return FIFOScheduler()
    budget = sweep.budget
    attribute, most = ("step", budget.steps) if budget.steps else ("time_total_s", 60 * (budget.minutes or 0))
    grace = max(sweep.scheduler.grace_ratio * most, 1e-9)
    if sweep.scheduler.type == "median":
        return _Median(time_attr=attribute, metric=sweep.score, mode=sweep.mode, grace_period=grace)
    return ASHAScheduler(
        time_attr=attribute,
        metric=sweep.score,
        mode=sweep.mode,
        grace_period=grace,
        # A hair below the budget: a rung at its very end would save nothing, and cut the last checkpoint.
        max_t=max(most * (1 - 1e-6), grace),
        reduction_factor=sweep.scheduler.reduction_factor,
        stop_last_trials=False,
    )


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Tune's switches, for as long as the sweep runs."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
