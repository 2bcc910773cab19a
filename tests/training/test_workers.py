"""Any number of workers, one result: real process groups, the same first gradients and the same curves."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ganray.data import Dataset
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.gan import GanState, GanStep
from ganray.models import load_run
from ganray.training.worker import Worker

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster


def _first_updates(rank, size, port, document, dataset, out):
    """What one of `size` workers does: two updates; the first one keeps gradients and losses."""
    torch.set_num_threads(1)
    if size > 1:
        dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=size)
    config, worker = load_run(document), Worker()
    gradients = []

    def reduce(parameters):
        worker.add_gradients(parameters)
        gradients.append([p.grad.clone() for p in parameters])

    state, step = GanState(config), GanStep(config, reduce=reduce)
    split = Dataset.open(dataset).split("train")
    sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
    batches = load_batches(
        split, sampler, config.audio, segment_length=config.data.segment_length, batch_size=config.data.batch_size,
        rank=rank, world_size=size,
    )  # fmt: skip
    losses = []
    for _ in range(2):
        batch = next(batches)
        losses.append(worker.mean(step(state, batch), batch.share))
    if rank == 0:
        torch.save({"gradients": gradients[:2], "losses": losses, "weights": state.generator.state_dict()}, out)
    if size > 1:
        dist.barrier()
        dist.destroy_process_group()


def run_on(size, config, dataset, tmp_path):
    from ganray.provisioning.connect import free_port

    out = tmp_path / f"{size}.pt"
    document = config.model_dump(mode="json")
    if size == 1:
        _first_updates(0, 1, 0, document, dataset, out)
    else:
        mp.spawn(_first_updates, (size, free_port(), document, dataset, out), nprocs=size)
    return torch.load(out)


@pytest.mark.parametrize("recipe", ["source_filter_small", "article"])
def test_two_and_three_workers_give_the_gradients_of_one(recipe, dataset, tiny_run, tmp_path):
    if recipe == "article":
        overrides = ["generator.channels=16", "discriminators.0.channels=[4,8]", "data.batch_size=4"]
        config = load_run(recipe, [*overrides, "log.every_steps=1"])
    else:
        config = tiny_run("log.every_steps=1")
    one = run_on(1, config, dataset, tmp_path)
    for size in (2, 3):  # four items on three workers: shares of 2, 1 and 1
        several = run_on(size, config, dataset, tmp_path)
        for network in (0, 1):
            for whole, shared in zip(one["gradients"][network], several["gradients"][network], strict=True):
                scale = whole.abs().max().clamp_min(1e-7)
                assert (whole - shared).abs().max() / scale < 5e-3
        for first, other in zip(one["losses"], several["losses"], strict=True):
            for name in first:
                if name.startswith("loss/"):
                    assert other[name] == pytest.approx(first[name], rel=2e-3, abs=1e-5), name
