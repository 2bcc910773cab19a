"""Killed anywhere, by SIGKILL, and resumed: the same bits as a run that nobody disturbed."""

import itertools
import multiprocessing
import os
import random
import signal
import time

import pytest
import torch
import torch.distributed as dist

from ganray.gan.run import Run
from ganray.provisioning.connect import free_port
from ganray.training.lines import Lines
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.worker import Worker
from tests.bits import same

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster

EVERYTHING = (
    "generator", "discriminators", "average", "generator_optimiser", "discriminator_optimiser",
    "random", "step", "consumed", "rollbacks", "signals",
)  # fmt: skip
STEPS = 20
OVERRIDES = (
    f"schedule.max_steps={STEPS}", "checkpoint.every_steps=2", "validation.every_steps=1000", "log.every_steps=1",
)  # fmt: skip


def die_while_saving(monkeypatch_at: int) -> None:
    """Let this process write half of its checkpoint number `monkeypatch_at`, then kill it."""
    save, count = torch.save, itertools.count(1)

    def half(content, file):
        if next(count) == monkeypatch_at:
            file.write(b"half a checkpoint")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        save(content, file)

    torch.save = half


def work(run: str, dataset: str, rank: int, size: int, port: int, die_at: int) -> None:
    """One worker, in a process of its own."""
    torch.set_num_threads(1)
    if die_at:
        die_while_saving(die_at)
    if size > 1:
        dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=size)
    train_loop(Job(run, dataset), Worker(), Surroundings())
    if size > 1:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def forks():
    """Processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch.utils.tensorboard", "torch._dynamo", "matplotlib.pyplot", "pytest", "ganray.metrics", "ganray.training"]
    )
    return context


@pytest.fixture
def start(forks, dataset, tiny_run, tmp_path):
    """start(name, size, die_at=0) -> processes of a run; it is made when it is not there."""

    def begin(name, size, die_at=0):
        path = tmp_path / name
        if not (path / "run.yaml").exists():
            Run.create(path, tiny_run(*OVERRIDES), {"path": str(dataset), "digest": "0"})
        port = free_port()
        processes = [
            forks.Process(target=work, args=(str(path), str(dataset), rank, size, port, die_at if rank == 0 else 0))
            for rank in range(size)
        ]
        for process in processes:
            process.start()
        return processes

    return begin


def finish(processes, timeout=120):
    for process in processes:
        process.join(timeout)
    return [process.exitcode for process in processes]


@pytest.mark.parametrize(("size", "kills"), [(1, 6), (2, 3)])
def test_killed_at_random_and_resumed_equals_never_killed(start, tmp_path, size, kills):
    """Anywhere in an update, a checkpoint or a start: some moments after a random update."""
    assert finish(start("whole", size)) == [0] * size
    dice, metrics = random.Random(size), tmp_path / "cut" / "metrics.jsonl"
    for _ in range(kills):
        processes = start("cut", size)
        step = dice.randint(1, STEPS - 8)
        while all(process.is_alive() for process in processes):
            if any(row["step"] >= step for row in Lines.read(metrics)):
                break
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.05))
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
        finish(processes)
        assert STEPS not in Run.open(tmp_path / "cut").steps(), "it was at its end before it was killed"
    assert finish(start("cut", size)) == [0] * size
    ours, theirs = Run.open(tmp_path / "cut").load(STEPS), Run.open(tmp_path / "whole").load(STEPS)
    assert [name for name in EVERYTHING if not same(ours[name], theirs[name])] == []


@pytest.mark.parametrize("die_at", [1, 3])
def test_killed_while_a_checkpoint_is_written(start, tmp_path, die_at):
    assert finish(start("whole", 1)) == [0]
    assert finish(start("cut", 1, die_at)) == [-signal.SIGKILL]
    run = Run.open(tmp_path / "cut")
    assert run.steps() == list(range(2, 2 * die_at, 2))[-2:]
    for step in run.steps():
        assert run.load(step)["step"] == step
    assert finish(start("cut", 1)) == [0]
    ours, theirs = run.load(STEPS), Run.open(tmp_path / "whole").load(STEPS)
    assert [name for name in EVERYTHING if not same(ours[name], theirs[name])] == []
    assert not list((tmp_path / "cut" / "checkpoints").glob(".*")), "half a checkpoint is left"


def test_resumed_on_other_numbers_of_workers_it_is_the_same_run(start, tmp_path):
    """Two workers, then one, then three: the curve of a run that had one all along, to rounding."""
    assert finish(start("whole", 1)) == [0]
    for size, die_at in ((2, 3), (1, 2), (3, 0)):
        processes = start("cut", size, die_at)
        processes[0].join(120)
        for process in processes[1:] if die_at else []:  # the others wait for the first one, which is dead
            os.kill(process.pid, signal.SIGKILL)
        assert finish(processes)[0] == (-signal.SIGKILL if die_at else 0)

    def curve(name):
        rows = Lines.read(tmp_path / name / "metrics.jsonl")
        return {row["step"]: row["loss/generator/total"] for row in rows if "loss/generator/total" in row}

    assert list(curve("cut")) == list(range(1, STEPS + 1))
    assert curve("cut") == pytest.approx(curve("whole"), rel=5e-3)
    ours, theirs = Run.open(tmp_path / "cut").load(STEPS), Run.open(tmp_path / "whole").load(STEPS)
    assert ours["consumed"] == theirs["consumed"]
