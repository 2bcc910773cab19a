"""A part of a sweep on Tune: all rows that wait, as many at once as the cluster holds."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from ganray.config.sweep import SweepConfig
from ganray.provisioning import pools
from ganray.training import TrainResult
from ganray.tuning.placement import DRIVER
from ganray.tuning.search import Waiting
from ganray.tuning.study import Study
from ganray.tuning.trial import trial

_ENVIRONMENT = {
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial's last word holds how it ended, not a score
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the runs keep their own diaries
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # the study keeps the sweep; Tune writes all it ever heard, again and again
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True)
class Stage:
    """How rows are run.

    Attributes:
        study: The sweep.
        at_once: Most trials at the same time.
        trainer: What a trial does; called as `ganray.training.train` is.
    """

    study: Study
    at_once: int
    trainer: Callable[..., TrainResult]

    def run(self, *, early: bool = False, minutes: float | None = None, until: dict[str, float] | None = None) -> bool:
        """Run all rows that wait.

        Args:
            early: Whether the sweep's scheduler may stop some early.
            minutes: After which those that still run are stopped.
            until: Where each stops for now, as `train` takes it: {"until": STEP} or {"until_minutes": M}.

        Returns:
            Whether all of them came to their end; not so after Ctrl-C, or when time was over.
        """
        study = self.study
        rows = [row for row in study.board.rows if row.status == "waiting"]
        resources = study.sweep.resources or study.run.resources
        # Tune takes up by itself what has its name: each stage has a folder of its own.
        before = len(list(study.folder.glob(".ray*")))
        trainable = tune.with_parameters(
            trial,
            sweep=study.sweep.model_dump(mode="json"),
            recipe=study.run.model_dump(mode="json"),
            dataset=study.dataset["path"],
            storage=str(study.trials),
            trainer=self.trainer,
        )
        tuner = tune.Tuner(
            tune.with_resources(
                trainable,
                {name.replace("CPU", "cpu"): amount for name, amount in DRIVER.items()} | pools.share("tune"),
            ),
            tune_config=tune.TuneConfig(
                search_alg=Waiting(study.sweep, study.board, until),
                scheduler=_scheduler(study.sweep) if early else FIFOScheduler(),
                num_samples=len(rows),
                max_concurrent_trials=min(self.at_once, len(rows)),
                time_budget_s=minutes and 60 * minutes,
                # One process for many trials, where all run to their end: who is stopped must take its training along.
                reuse_actors=minutes is None and not (early and study.sweep.scheduler.type in ("asha", "median")),
                trial_name_creator=lambda trial: f"trial-{trial.config['number']:02}",
                trial_dirname_creator=lambda trial: f"{trial.config['number']:02}",
            ),
            run_config=tune.RunConfig(
                name=f".ray-{before}",
                storage_path=str(study.folder),
                callbacks=[study.board],
                verbose=0,
                # Of a trial's own process, lost with its machine; another one goes on with the run where it was.
                failure_config=tune.FailureConfig(max_failures=resources.max_failures),
            ),
        )
        with _environment():
            tuner.fit()
        study.board.close()
        return not any(row.goes_on for row in rows)


class _Median(MedianStoppingRule):
    """Ray's, for trials whose last word is how they ended, not a score: of that one, Ray's takes no mean."""

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        if self._metric in result:
            super().on_trial_complete(tune_controller, trial, result)


def _scheduler(sweep: SweepConfig) -> TrialScheduler:
    if sweep.scheduler.type not in ("asha", "median"):
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
    """Tune's switches, for as long as a stage runs."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
