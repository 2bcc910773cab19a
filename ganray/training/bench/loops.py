"""The same training loop twice: in workers of Ray Train, and in plain processes that know nothing of Ray."""

import json
import logging
import traceback
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
import torch.distributed as dist
from ray.train.torch import TorchConfig, TorchTrainer, get_device

from ganray.config import RunConfig
from ganray.gan.run import Run, write_text
from ganray.models import load_run
from ganray.training.bench.turns import FAILED, Turns
from ganray.training.bench.updates import compare_updates
from ganray.training.board import Board
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.worker import Worker


def in_ray(run: Run, turns: Turns) -> dict[str, Any]:
    """Train a run inside Ray Train as `ganray train` does, at its turns.

    Returns:
        {"blocks": [what each took, see `Spent`]}.
    """
    resources = run.config.resources
    amounts = {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
    board = Board.remote()  # type: ignore[attr-defined]
    job = Job(str(run.path), run.dataset["path"], board)
    trainer = TorchTrainer(
        _in_ray,
        train_loop_config={"job": job, "turns": turns, "threads": int(resources.cpus_per_worker)},
        torch_config=TorchConfig(backend="nccl" if resources.gpus_per_worker else "gloo"),
        scaling_config=ray.train.ScalingConfig(
            num_workers=resources.max_workers,
            use_gpu=resources.gpus_per_worker > 0,
            resources_per_worker={name: amount for name, amount in amounts.items() if amount},
        ),
        run_config=ray.train.RunConfig(name=run.path.name, storage_path=str(run.path / ".ray")),
    )
    return trainer.fit().return_value


def _in_ray(settings: dict[str, Any]) -> dict[str, Any]:
    _quiet(settings["threads"])
    worker = Worker(get_device())
    with settings["turns"].paced("ray", worker) as blocks:
        around = Surroundings(preempted=lambda: ray.train.get_preemption_info() is not None)
        train_loop(settings["job"], worker, around)
    return {"blocks": blocks}


def bare(rank: int, settings: dict[str, Any]) -> None:
    """One of the processes without Ray: first the two kinds of update, then the loop at its turns.

    Leaves `updates.json`, and after `plan.json` has come, `bare.json` in settings["folder"].
    """
    folder, config = Path(settings["folder"]), load_run(settings["config"])
    try:
        worker = _grouped(rank, config, settings["port"])
        updates = compare_updates(config, settings["dataset"], worker, settings["seconds"])
        if rank == 0:
            write_text(folder / "updates.json", json.dumps(updates))
        Turns(str(folder), 0, 1, 0).wait("plan.json")
        turns = Turns(**json.loads((folder / "plan.json").read_text()))
        with turns.paced("bare", worker) as blocks:
            train_loop(Job(str(folder / "bare"), settings["dataset"]), worker, Surroundings())
        if rank == 0:
            write_text(folder / "bare.json", json.dumps({"blocks": blocks}))
    except BaseException:
        write_text(folder / FAILED, traceback.format_exc())
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _grouped(rank: int, config: RunConfig, port: int) -> Worker:
    """This process as a worker among others like it."""
    resources = config.resources
    _quiet(int(resources.cpus_per_worker))
    device = "cpu"
    if resources.gpus_per_worker:
        device = f"cuda:{rank % torch.cuda.device_count()}"
        torch.cuda.set_device(device)
    if resources.max_workers > 1:
        backend = "nccl" if resources.gpus_per_worker else "gloo"
        dist.init_process_group(backend, f"tcp://127.0.0.1:{port}", rank=rank, world_size=resources.max_workers)
    return Worker(device)


def _quiet(threads: int) -> None:
    torch.set_num_threads(max(1, threads))
    logging.getLogger("torch.distributed").setLevel(logging.ERROR)
