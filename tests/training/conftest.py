import pytest
import torch

from ganray.gan.run import Run
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.worker import Worker


@pytest.fixture
def alone(dataset, tiny_run, tmp_path):
    """alone(name, *overrides, around=…, data=…) -> (run, result): the worker's loop, without Ray around it."""

    def train(name, *overrides, around=None, data=dataset):
        torch.set_num_threads(1)
        path = tmp_path / name
        if not (path / "run.yaml").exists():
            Run.create(path, tiny_run(*overrides), {"path": str(data), "digest": "0"})
        result = train_loop(Job(str(path), str(data)), Worker(), around or Surroundings())
        return Run.open(path), result

    return train
