"""`bench_train`: one document with everything that was measured."""

import json
import math
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import ray
import torch

from ganray.config import RunConfig
from ganray.data import Dataset
from ganray.errors import GanrayError, UsageError
from ganray.gan.run import Run, write_text
from ganray.metrics.benches import machine
from ganray.models import load_run
from ganray.provisioning.connect import connect, free_port
from ganray.training.bench.loops import bare, in_ray
from ganray.training.bench.segments import make_dataset
from ganray.training.bench.turns import FAILED, Spent, Turns
from ganray.training.bench.updates import ratios

BLOCK_SECONDS = 2.0
LEAST_PAIRS, MOST_PAIRS = 3, 25
NEVER = 10**9


def bench_train(
    config: RunConfig,
    data: str | Path | None = None,
    *,
    seconds: float = 60.0,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Measure how fast a recipe trains on this machine.

    Args:
        config: Resolved. Its discriminators take part from the first update on, whatever it says.
        data: A dataset; without it, one of the right shape is made up.
        seconds: Of measuring, half for either comparison; three repetitions are done however long they take.
        tell: Hears what is going on.

    Returns:
        audio_seconds_per_s: Seconds of segments learned from a second, by the loop inside Ray Train.
        ray_ratio: Its speed over that of the same loop without Ray.
        plain_ratio: Speed of the engine's update over that of a plain one.
        phases_ms: Where an update's time goes, by phase; they add up to `step_ms`.
        losses: Those of the second update, the engine's beside the plain one's, and whether they agree.
        ray_ratios, plain_ratios: Of every pair of blocks, by seconds on the clock and by seconds of a core.
        More keys say how all this was measured.

    Raises:
        UsageError: The recipe has no discriminators.
        AudioContractError: Dataset and recipe disagree.
        GanrayError: A measuring process died; with its words.
    """
    if not config.discriminators:
        raise UsageError(f"{config.name} has no discriminators: there is no adversarial update to measure")
    with tempfile.TemporaryDirectory(prefix="ganray-bench-") as name:
        folder = Path(name)
        if data is None:
            dataset = make_dataset(folder / "dataset", config)
        else:
            dataset = Path(data).absolute()
            Dataset.open(dataset).audio.must_equal(config.audio, ours=f"dataset {data}", theirs=f"recipe {config.name}")
        return _measure(config, folder, dataset, seconds, tell) | {"data": str(data) if data else "made up"}


def _measure(
    config: RunConfig, folder: Path, dataset: Path, seconds: float, tell: Callable[[str], None]
) -> dict[str, Any]:
    alone = _changed(config, f"log.every_steps={NEVER}")
    settings = {
        "folder": str(folder),
        "dataset": str(dataset),
        "config": alone.model_dump(mode="json"),
        "port": free_port(),
        "seconds": seconds / 2,
    }
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=bare, args=(r, settings)) for r in range(config.resources.max_workers)]
    try:
        for process in processes:
            process.start()
        tell("the engine's update and a plain one, in turn")
        updates = _wait_for(folder / "updates.json", processes)
        count, log_steps = _block(updates["step_ms"] / 1e3, config.log.every_steps)
        pairs = int(seconds / 2 / (2 * count * updates["step_ms"] / 1e3))
        turns = Turns(str(folder), min(count, 2), count, max(LEAST_PAIRS, min(pairs, MOST_PAIRS)))
        again = _changed(config, f"log.every_steps={log_steps}", f"schedule.max_steps={turns.steps}")
        runs = [Run.create(folder / side, again, {"path": str(dataset), "digest": ""}) for side in ("ray", "bare")]
        write_text(folder / "plan.json", json.dumps(asdict(turns)))
        tell("the loop inside Ray Train and the same loop without, in turn")
        inside = _inside(runs[0], turns)["blocks"]
        outside = _wait_for(folder / "bare.json", processes)["blocks"]
        for process in processes:
            process.join(60)
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
    return _document(config, updates, inside, outside, turns)


def _inside(run: Run, turns: Turns) -> dict[str, Any]:
    resources = run.config.resources
    needed = math.ceil(resources.max_workers * resources.cpus_per_worker)
    ours = connect("local", num_cpus=max(needed, multiprocessing.cpu_count()))
    try:
        return in_ray(run, turns)
    except ray.train.TrainingFailedError as error:
        turns.tell(FAILED)
        raise GanrayError(f"the loop inside Ray Train failed: {error}") from error
    finally:
        if ours:
            ray.shutdown()


def _document(
    config: RunConfig, updates: dict[str, Any], inside: Sequence[Spent], outside: Sequence[Spent], turns: Turns
) -> dict[str, Any]:
    segment_seconds = config.data.segment_length / config.audio.sample_rate
    within, without = (statistics.median(clock for clock, _ in side) for side in (inside, outside))
    of_ray, of_plain = ratios(inside, outside), updates["plain_ratios"]
    return {
        "recipe": config.name,
        "audio_seconds_per_s": config.data.batch_size * segment_seconds * turns.count / within,
        "ray_ratio": statistics.median(of_ray["clock"]),
        "plain_ratio": statistics.median(of_plain["clock"]),
        "step_ms": updates["step_ms"],
        "phases_ms": updates["phases_ms"],
        "plain_step_ms": updates["plain_step_ms"],
        "ray_step_ms": 1e3 * within / turns.count,
        "bare_step_ms": 1e3 * without / turns.count,
        "losses": updates["losses"],
        "ray_ratios": of_ray,
        "plain_ratios": of_plain,
        "updates_a_block": turns.count,
        "workers": config.resources.max_workers,
        "batch_size": config.data.batch_size,
        "segment_length": config.data.segment_length,
        "precision": updates["precision"],
        "machine": _machine(config),
    }


def _machine(config: RunConfig) -> dict[str, Any]:
    gpu = torch.cuda.get_device_name() if config.resources.gpus_per_worker else None
    return {
        **machine(),
        "amx": torch.cpu._is_amx_tile_supported(),
        "gpu": gpu,
        "torch": torch.__version__,
        "ray": ray.__version__,
    }


def _changed(config: RunConfig, *more: str) -> RunConfig:
    """The run as it is in the middle of its training, without anything but updates."""
    sets = [
        "optim.discriminator.start_step=0",
        "schedule.max_minutes=null",
        f"schedule.max_steps={NEVER}",
        f"validation.every_steps={NEVER}",
        "validation.clips=1",
        "validation.measures=[mel]",
        "checkpoint.measure=mel",
        f"checkpoint.every_steps={NEVER}",
        "healing.loss_jump=0",
        "healing.pinned_steps=0",
        "healing.silence_dbfs=-1000",
    ]
    return load_run(config.model_dump(mode="json"), [*sets, *more])


def _block(step_seconds: float, log_steps: int) -> tuple[int, int]:
    """(updates in a block of some two seconds, updates from one log line to the next): all blocks log alike."""
    count = max(1, round(BLOCK_SECONDS / step_seconds))
    if count < log_steps:
        return count, count
    return math.ceil(count / log_steps) * log_steps, log_steps


def _wait_for(path: Path, processes: Sequence[BaseProcess]) -> dict[str, Any]:
    while not path.exists():
        time.sleep(0.05)
        failed = path.with_name(FAILED)
        if failed.exists() or (any(process.exitcode for process in processes) and not path.exists()):
            words = failed.read_text().strip().splitlines() if failed.exists() else []
            raise GanrayError(f"a measuring process ended: {words[-1] if words else 'without a word'}")
    return json.loads(path.read_text())
