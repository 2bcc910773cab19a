"""Any number of workers, one result: real process groups, the same first gradients and the same curves."""

import datetime
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ganray.data import Dataset
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.gan import GanState, GanStep
from ganray.gan.run import Run
from ganray.models import load_run
from ganray.provisioning.connect import free_port
from ganray.training import loop
from ganray.training.clock import Clock
from ganray.training.worker import Worker

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster


def _first_updates(rank, size, port, document, dataset, out):
    """What one of `size` workers does: two updates; the first one keeps gradients and losses.

    In double precision: L1 losses turn on signs, and rounding to single precision flips some of them.
    """
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
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
        rank=rank, world_size=size, symbols=state.generator.symbols,
    )  # fmt: skip
    losses = []
    for _ in range(2):
        batch = _doubled(next(batches))
        losses.append(worker.mean(step(state, batch), batch.share))
    batches.close()
    if rank == 0:
        torch.save({"gradients": gradients[:2], "losses": losses, "weights": state.generator.state_dict()}, out)
    if size > 1:
        dist.barrier()
        dist.destroy_process_group()


def _doubled(batch):
    script = batch.script and replace(batch.script, padded=batch.script.padded.double(), f0=batch.script.f0.double())
    return replace(batch, padded=batch.padded.double(), f0=batch.f0.double(), script=script)


def run_on(size, config, dataset, tmp_path):
    out = tmp_path / f"{size}.pt"
    document = config.model_dump(mode="json")
    # One alone is a process too: what it changes in torch must not reach other tests.
    mp.spawn(_first_updates, (size, free_port(), document, dataset, out), nprocs=size)
    return torch.load(out)


@pytest.mark.parametrize("recipe", ["source_filter_small", "article", "text_small"])
def test_two_and_three_workers_give_the_gradients_of_one(recipe, dataset, tiny_run, tiny_text_run, tmp_path):
    if recipe == "article":
        overrides = ["generator.channels=16", "discriminators.0.channels=[4,8]", "data.batch_size=4"]
        config = load_run(recipe, [*overrides, "log.every_steps=1"])
    else:
        config = (tiny_text_run if recipe == "text_small" else tiny_run)("log.every_steps=1")
    one = run_on(1, config, dataset, tmp_path)
    for size in (2, 3):  # four items on three workers: shares of 2, 1 and 1
        several = run_on(size, config, dataset, tmp_path)
        for whole, shared in zip(one["gradients"], several["gradients"], strict=True):
            largest = max(gradient.abs().max() for gradient in whole)
            for one_, other_ in zip(whole, shared, strict=True):
                # Rounding is of what is added up: where that all but cancels, it is not small beside the sum.
                assert (one_ - other_).abs().max() < 1e-6 * one_.abs().max() + 1e-9 * largest
        for first, other in zip(one["losses"], several["losses"], strict=True):
            for name in first:
                if name.startswith("loss/"):
                    assert other[name] == pytest.approx(first[name], rel=1e-6, abs=1e-9), name


def _looks_out(rank, size, port, run, dataset, out):
    """A worker whose clock is not the other's, as on another machine; it tells when it looked for news."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=size, timeout=datetime.timedelta(seconds=60)
    )
    loop.LOOK_OUT_S, seconds = 0.5, Clock.seconds.fget
    Clock.seconds = property(lambda clock: seconds(clock) + 0.7 * rank)
    worker, looked = Worker(), []

    def preempted():
        looked.append(len(worker.gather(rank)))  # all take part in every look, or all wait for ever
        return False

    loop.train_loop(loop.Job(run, dataset), worker, loop.Surroundings(preempted=preempted))
    torch.save(looked, f"{out}-{rank}")
    dist.destroy_process_group()


def test_workers_with_other_clocks_look_for_news_in_the_same_updates(dataset, tiny_run, tmp_path):
    run = Run.create(tmp_path / "run", tiny_run("schedule.max_steps=12"), {"path": str(dataset), "digest": "0"})
    mp.spawn(_looks_out, (2, free_port(), str(run.path), str(dataset), str(tmp_path / "looked")), nprocs=2)
    looked = [torch.load(tmp_path / f"looked-{rank}") for rank in (0, 1)]
    assert looked[0] == looked[1]
    assert looked[0]  # it did look
