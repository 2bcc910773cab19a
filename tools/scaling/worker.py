"""One of two workers on either side of a link: updates with every way of adding up gradients, in turn.

Usage: worker.py SETTINGS (a JSON document), started by measure.py inside a network namespace.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from reducers import Buckets, Flat, Nothing
from torch import nn

from ganray.config import RunConfig
from ganray.data.batch import Batch
from ganray.gan import GanState, GanStep
from ganray.models import load_run
from ganray.training.bench.phases import MeasuredStep, Phases

MB = 2**20


class Chosen:
    """The way that is measured now, with the time that it keeps an update waiting."""

    def __init__(self) -> None:
        self.way: Any = Nothing()
        self.seconds = 0.0

    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        started = time.perf_counter()
        self.way(list(parameters))
        self.seconds += time.perf_counter() - started


def main() -> None:
    """Measure, and let the first worker write the document."""
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", settings["meet"], rank=settings["rank"], world_size=2)
    told = {"link": _link(), "recipes": {}}
    for recipe in settings["recipes"]:
        told["recipes"][recipe["name"]] = _recipe(recipe, settings)
    if settings["rank"] == 0:
        Path(settings["out"]).write_text(json.dumps(told))
    dist.barrier()
    dist.destroy_process_group()


def _link() -> dict[str, float]:
    """Seconds of the smallest all-reduce, and bytes a second that a large one carries each way."""
    small, large = torch.zeros(1), torch.zeros(4 * MB)
    seconds = {}
    for name, tensor, times in (("small", small, 50), ("large", large, 3)):
        dist.all_reduce(tensor)
        taken = []
        for _ in range(times):
            dist.barrier()
            started = time.perf_counter()
            dist.all_reduce(tensor)
            taken.append(time.perf_counter() - started)
        seconds[name] = statistics.median(taken)
    return {"latency_s": seconds["small"], "bytes_per_s": large.nbytes / (seconds["large"] - seconds["small"])}


def _recipe(recipe: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    config = load_run(recipe["name"], ["optim.discriminator.start_step=0", "log.every_steps=1000000"])
    chosen, state = Chosen(), GanState(config)
    step, batch = GanStep(config, "fp32", chosen), _batch(config, recipe["items"], settings["rank"])
    networks = [state.generator, state.discriminators]
    ways: list[Any] = [Nothing(), Flat(torch.float32), Flat(torch.bfloat16)]
    ways += [Buckets(networks, dtype, int(mb * MB)) for dtype, mb in _buckets(recipe)]
    rows: dict[str, list[tuple[float, float, float]]] = {way.name: [] for way in ways}
    for repetition in range(recipe["repetitions"] + 1):
        for way in ways:
            row = _block(step, state, batch, chosen, way, recipe["updates"])
            if repetition:  # the first one warms up
                rows[way.name].append(row)
    parameters = [sum(p.numel() for p in network.parameters()) for network in networks]
    return {
        "items": recipe["items"],
        "phases_s": _phases(config, state, batch, recipe["updates"]),
        "parameters": dict(zip(("generator", "discriminators"), parameters, strict=True)),
        "repetitions": recipe["repetitions"],
        "ways": {
            name: {
                "step_s": statistics.median(row[0] for row in its),
                "steps_s": [row[0] for row in its],
                "waiting_s": statistics.median(row[1] for row in its),
                "sent_bytes": statistics.median(row[2] for row in its),
            }
            for name, its in rows.items()
        },
    }


def _phases(config: RunConfig, state: GanState, batch: Batch, updates: int) -> dict[str, float]:
    """Where an update's time goes without a wire: under a network's backward pass its sums could be on their way."""
    phases = Phases()
    step = MeasuredStep(config, "fp32", Nothing(), phases)
    for _ in range(updates):
        step(state, batch)
    return {name: seconds / updates for name, seconds in phases.take().items()}


def _buckets(recipe: dict[str, Any]) -> list[tuple[torch.dtype, float]]:
    names = {"fp32": torch.float32, "bf16": torch.bfloat16}
    return [(names[dtype], mb) for dtype, mb in recipe["buckets"]]


def _block(
    step: GanStep, state: GanState, batch: Batch, chosen: Chosen, way: Any, updates: int
) -> tuple[float, float, float]:
    """Seconds of an update, seconds of it spent waiting for sums, and bytes sent in it, headers included."""
    chosen.way, chosen.seconds = way, 0.0
    way.active = True
    dist.barrier()
    sent, started = _sent_bytes(), time.perf_counter()
    for _ in range(updates):
        step(state, batch)
    dist.barrier()
    taken = time.perf_counter() - started
    way.active = False
    return taken / updates, chosen.seconds / updates, (_sent_bytes() - sent) / updates


def _sent_bytes() -> int:
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "gr0":
            return int(numbers.split()[8])
    raise LookupError("no interface gr0")


def _batch(config: RunConfig, items: int, rank: int) -> Batch:
    random, audio, length = np.random.default_rng(rank), config.audio, config.data.segment_length
    padded = 0.1 * random.standard_normal((items, length + 2 * audio.pad)).astype(np.float32)
    f0 = np.full((items, length // audio.hop_length), 150, np.float32)
    return Batch(torch.from_numpy(padded), torch.from_numpy(f0), torch.arange(items), 0.5, audio.pad)


if __name__ == "__main__":
    main()
