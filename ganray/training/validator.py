"""Validation beside training: an actor that asks for no core of its own and steps back for those who have one."""

import os
from typing import Any

import ray
import torch

from ganray.gan.run import Run
from ganray.training.validation import Validation, validate


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=3)
class Validator:
    """Scores the checkpoints of one run, one after the other.

    Args:
        run: Path of the run's folder.
        dataset: Path of the dataset.
    """

    def __init__(self, run: str, dataset: str) -> None:
        os.nice(5)
        torch.set_num_threads(1)
        self.run, self.dataset = Run.open(run), dataset

    def validate(self, step: int, weights: dict[str, Any] | None = None) -> Validation:
        """The scores of a checkpoint, and some of its clips; `weights`: its averaged generator's, where at hand."""
        return validate(self.run, self.dataset, step, weights)
