"""The driver of a training: a run's folder, workers on the cluster, a live view, and what came of it.

result = train(load_run("source_filter_small", ["schedule.max_minutes=30"]), "data/kathleen")
"""

import contextlib
import json
import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ganray.config import RunConfig
from ganray.data.storage import inside, place
from ganray.errors import DataError, DivergedError, GanrayError, UsageError
from ganray.gan.lease import Lease
from ganray.gan.run import Run
from ganray.provisioning.connect import connect
from ganray.training.board import Board
from ganray.training.labelled import labelled
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.preflight import check_cluster, check_here, memory_is_told, of_one_worker
from ganray.training.validator import Validator
from ganray.training.view import View
from ganray.training.worker import Worker

MAY_CHANGE = ("schedule", "resources", "checkpoint", "validation", "healing", "log")
"""Groups of keys that a resumed run may change; the others would make it another run."""
COMES_AGAIN = (GanrayError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""Errors that trying again does not mend; a lost peer is a RuntimeError or an OSError."""
START_TIMEOUT = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
"""Seconds that workers may take to be placed before Ray Train looks again which nodes there are."""
ELASTIC_START_TIMEOUT_S = "5"
"""Of [min, max] workers, whose number follows what is there: they are placed at once or never. Right after a node is
lost its place still counts as free, and Ray's own 60 s would be waited for it."""
LOOK_FOR_NODES_S = 10.0
"""How often a training of [min, max] workers looks whether the cluster has grown."""
_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Where Ray tells a job's driver which one it is."""


@dataclass(frozen=True)
class TrainResult:
    """What came of a training.

    Attributes:
        run: The run's folder, or its URI.
        step: Updates done, over all parts of the run.
        ended: `finished`, or `stopped` by hand or at `until`.
        best: {"step", "scores"} of the best validation, None without one.
        audio_seconds_per_s: Seconds of recordings learned from a second, validations left out.
        seconds: Trained, over all parts of the run.
    """

    run: str
    step: int
    ended: str
    best: dict[str, Any] | None
    audio_seconds_per_s: float
    seconds: float = 0.0


def train(
    config: RunConfig,
    dataset: str | Path,
    *,
    storage: str | Path = "runs",
    name: str | None = None,
    address: str | None = None,
    callbacks: Sequence[Any] = (),
    quiet: bool = False,
    until: int | None = None,
    until_minutes: float | None = None,
    shown_by: Callable[[Run, Any], View] = View,
) -> TrainResult:
    """Start a run.

    Args:
        config: Resolved.
        dataset: Folder of the dataset, which all workers see.
        storage: What holds the run's folder: a folder that all workers see, or a URI as s3://bucket/runs.
        name: Of the run's folder; the config's name and four random digits without it.
        address: Of the Ray cluster; without it, one is started inside this process.
        callbacks: Ray Train callbacks; each report holds `step` and the held-out scores (`val/mel`, …).
        quiet: No live view, no Ctrl-C handling.
        until: Step to stop at, before the schedule's end.
        until_minutes: The same in minutes of training, over all parts of the run.
        shown_by: Makes the live view of a run and its board.

    Raises:
        UsageError: The name is taken.
        HeldError: Another training writes a run of this name.
        DataError: The dataset can't be used.
        AudioContractError: Dataset and config disagree.
        PlacementError: The cluster can never hold the workers, or their memory the batch.
        DivergedError: A loss was no number any more.
    """
    data = check_here(config, dataset)
    config = labelled(config, data)
    where = inside(place(storage), name or f"{config.name}-{secrets.token_hex(2)}")
    with _held(where, quiet) as lease, _cluster(address):
        check_cluster(config, data, place(storage))
        run = Run.create(where, config, {"path": data.where, "digest": data.digest})
        return _fit(run, lease, callbacks, quiet, (until, until_minutes), shown_by)


def resume(
    run: str | Path,
    *,
    changes: dict[str, Any] | None = None,
    dataset: str | Path | None = None,
    address: str | None = None,
    callbacks: Sequence[Any] = (),
    quiet: bool = False,
    until: int | None = None,
    until_minutes: float | None = None,
    shown_by: Callable[[Run, Any], View] = View,
) -> TrainResult:
    """Go on with a run from its newest checkpoint.

    Args:
        run: Its folder, or its URI.
        changes: Groups of the config to replace; only those of `MAY_CHANGE`.
        dataset: Where the dataset is now, if it was moved.
        until: Step to stop at, before the schedule's end.
        until_minutes: The same in minutes of training, over all parts of the run.
        shown_by: Makes the live view of a run and its board.

    Raises:
        DataError: There is no such run, or the dataset is another one.
        HeldError: Another training writes the run.
        UsageError: A change would make it another run.
    """
    opened = Run.open(run)
    refused = [key for key in changes or {} if key not in MAY_CHANGE]
    if refused:
        raise UsageError(
            f"a run that goes on can't change {', '.join(refused)}",
            mend=f"change only {', '.join(MAY_CHANGE)}, or start a new run",
        )
    if changes:
        opened.config = opened.config.model_copy(update=changes)
    data = check_here(opened.config, dataset or opened.dataset["path"])
    if data.digest != opened.dataset["digest"]:
        raise DataError(
            f"{data.path} is not the dataset that the run learned from",
            got=data.digest,
            want=opened.dataset["digest"],
            mend="give the old dataset by --data, or start a new run",
        )
    opened.dataset = {"path": data.where, "digest": data.digest}
    with _held(opened.where, quiet) as lease, _cluster(address):
        check_cluster(opened.config, data, opened.where)
        opened.write_config()
        return _fit(opened, lease, callbacks, quiet, (until, until_minutes), shown_by)


@contextlib.contextmanager
def _held(where: str, quiet: bool) -> Iterator[str]:
    """Inside, the run has no other writer; the lease's token.

    A sweep's trial is begun by the sweep alone: where one is left of before, on a machine that was lost, it takes over.
    """
    lease = Lease(where, _submission())
    trial = ray.is_initialized() and ray.get_runtime_context().worker.mode == ray.WORKER_MODE
    with lease.held(take_over=trial, tell=lambda line: None if quiet else print(line, file=sys.stderr)):
        yield lease.token


def _submission() -> str:
    """By which `ray job` knows this job; empty where it is none."""
    try:
        return str(json.loads(os.environ[_JOB_CONFIG])["metadata"]["job_submission_id"])
    except (KeyError, TypeError, ValueError):
        return ""


@contextlib.contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    ours = connect(address)
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def _fit(
    run: Run,
    lease: str,
    callbacks: Sequence[Any],
    quiet: bool,
    until: tuple[int | None, float | None],
    shown_by: Callable[[Run, Any], View],
) -> TrainResult:
    try:
        # Where the driver is they live as long as the run can; on another node they could be lost with it.
        here = {
            "scheduling_strategy": NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        }
        board = Board.options(**here).remote()  # type: ignore[attr-defined]
        validator = Validator.options(**here).remote(run.where, run.dataset["path"])  # type: ignore[attr-defined]
        job = Job(run.where, run.dataset["path"], board, validator, *until, lease)
        trainer = _trainer(run, job, callbacks)
        with _start_timeout(run.config), contextlib.nullcontext() if quiet else shown_by(run, board) as view:
            result = _wait(trainer, view) if view else trainer.fit()
        outcome: dict[str, Any] = result.return_value
        if "error" in outcome:
            raise outcome["error"]
        return TrainResult(run=run.where, **outcome)
    except ray.train.TrainingFailedError as error:
        raise _cause(error) from error


@contextlib.contextmanager
def _start_timeout(config: RunConfig) -> Iterator[None]:
    """Inside, the workers' start has its own timeout in the environment, from which Ray Train's controller takes it."""
    if isinstance(config.resources.num_workers, int) or START_TIMEOUT in os.environ:
        yield
        return
    os.environ[START_TIMEOUT] = ELASTIC_START_TIMEOUT_S
    try:
        yield
    finally:
        del os.environ[START_TIMEOUT]


def _trainer(run: Run, job: Job, callbacks: Sequence[Any]) -> TorchTrainer:
    resources = run.config.resources
    return TorchTrainer(
        _work,
        train_loop_config={"job": job, "reports": bool(callbacks)},
        torch_config=TorchConfig(backend="nccl" if resources.gpus_per_worker else "gloo"),
        scaling_config=ray.train.ScalingConfig(
            num_workers=resources.num_workers,
            use_gpu=resources.gpus_per_worker > 0,
            resources_per_worker=of_one_worker(run.config),
            elastic_resize_monitor_interval_s=LOOK_FOR_NODES_S,
        ),
        run_config=ray.train.RunConfig(
            name=run.path.name,
            storage_path=f"{run.away.storage.root if run.away else run.path}/.ray",
            storage_filesystem=run.away.storage.filesystem if run.away else None,
            callbacks=list(callbacks),
            failure_config=ray.train.FailureConfig(max_failures=resources.max_failures),
        ),
    )


def _work(settings: dict[str, Any]) -> dict[str, Any]:
    """What every worker does. An error that would come again is returned: Ray would try it max_failures times."""
    job: Job = settings["job"]
    if error := ray.get(job.board.given_up.remote()):
        return {"error": error}
    config = Run.open(job.run).config
    torch.set_num_threads(max(1, int(config.resources.cpus_per_worker)))
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
    report = ray.train.report if settings["reports"] else Surroundings.report
    around = Surroundings(report, lambda: ray.train.get_preemption_info() is not None)
    try:
        with memory_is_told(config):
            return train_loop(job, Worker(get_device()), around)
    except DivergedError as error:  # all workers see it in the same update
        return {"error": error}
    except COMES_AGAIN as error:  # maybe on this one alone: the others would wait for it
        ray.get(job.board.give_up.remote(error))
        raise


def _wait(trainer: TorchTrainer, view: View) -> Any:
    """Fit in a thread; show how it goes, and turn the first Ctrl-C into a checkpoint and an end."""
    outcome: dict[str, Any] = {}
    ended = threading.Event()  # a join that Ctrl-C interrupts takes the thread for dead

    def fit() -> None:
        try:
            outcome["result"] = trainer.fit()
        except BaseException as error:  # raised again in the caller's thread
            outcome["error"] = error
        finally:
            ended.set()

    threading.Thread(target=fit, name="fit", daemon=True).start()
    while not ended.is_set():
        try:
            ended.wait(0.5)
            view.update()
        except KeyboardInterrupt:
            if view.stopping:
                raise
            view.stop()
    view.update()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def _cause(error: BaseException) -> BaseException:
    """The worker's own GanrayError, where that is what ended the training; else one that names the first failure."""
    failures = list(getattr(error, "worker_failures", {}).values())
    for failure in failures:
        seen: BaseException | None = failure
        while seen is not None:
            inner = getattr(seen, "_base_exc", seen)
            if isinstance(inner, GanrayError):
                return inner
            seen = inner.__cause__ if inner is not seen else seen.__cause__
    first = str(failures[0]) if failures else str(error)
    return GanrayError(f"training failed: {first}", mend="the last checkpoint is whole: go on with --resume")
