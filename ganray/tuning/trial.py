"""One trial, in a process of its own: a whole training, each of whose validations Tune hears of."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.integration.ray_train import TuneReportCallback

from ganray.config import RunConfig
from ganray.config.sweep import SweepConfig
from ganray.errors import DivergedError
from ganray.provisioning import pools
from ganray.training import TrainResult, resume
from ganray.tuning.trials import summed, trial_run


def trial(
    config: dict[str, Any],
    sweep: dict[str, Any],
    recipe: dict[str, Any],
    dataset: str,
    storage: str,
    trainer: Callable[..., TrainResult],
) -> None:
    """Train one sample, or go on with what there is of it.

    Args:
        config: {"number", "sample", "seed", "until"}, from Tune.
        sweep: Document of the `SweepConfig`.
        recipe: Document of the `RunConfig` that the sweep varies.
        dataset: Path.
        storage: Folder of all trials.
        trainer: Called as `ganray.training.train` is.
    """
    its = SweepConfig.model_validate(sweep)
    folder = Path(storage) / f"{int(config['number']):02}"
    more: dict[str, Any] = {"quiet": True} | (config["until"] or {})
    more["callbacks"] = [_Tell({} if isinstance(its.metric, str) else its.metric)]
    try:
        with pools.as_verb("tune"):
            if (folder / "run.yaml").is_file():  # of a sweep that is taken up again, or of a population
                result = resume(folder, dataset=dataset, **more)
            else:
                shutil.rmtree(folder, ignore_errors=True)
                run = trial_run(its, RunConfig.model_validate(recipe), config["sample"], config["seed"])
                result = trainer(run, dataset, storage=storage, name=folder.name, **more)
    except DivergedError as error:
        tune.report({"ended": "diverged", "message": str(error)})
    except Exception as error:  # one line in the table, not the end of the sweep
        tune.report({"ended": "failed", "message": f"{error}"})
    else:
        tune.report({"ended": result.ended, "step": result.step, "trained_s": result.seconds})


class _Tell(TuneReportCallback):
    """Tells Tune of every validation, with the weighted sum where several measures judge."""

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        self.weights = weights

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        super().after_report(run_context, [metrics[0] | summed(metrics[0], self.weights)], checkpoint)
