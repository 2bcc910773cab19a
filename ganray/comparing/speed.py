"""What a voice costs: multiplications, seconds and memory, each measured in a process of its own."""

import resource
import time
from typing import Any

import numpy as np
import ray

from ganray.errors import PlacementError

SECONDS = 4.0
"""Of the mel that is spoken."""
ROUNDS = 3
"""The median of so many is told."""


def cost_of(voice: str, threads: tuple[int, ...] = (1, 2)) -> dict[str, Any]:
    """Of a voice folder: `gmac_per_s` of audio, `times_real_time` on each number of threads, `memory_mb`.

    A number of threads that no node of the cluster has is left out.
    """
    cores = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    told = {
        count: ray.get(_measured.options(num_cpus=count).remote(voice, count)) for count in threads if count <= cores
    }
    if not told:
        raise PlacementError("no node of the cluster has a core to speak on")
    one = next(iter(told.values()))
    return {
        "gmac_per_s": one["gmac_per_s"],
        "memory_mb": one["memory_mb"],
        "times_real_time": {str(count): its["times_real_time"] for count, its in told.items()},
    }


@ray.remote(max_calls=1)
def _measured(path: str, threads: int) -> dict[str, float]:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ganray.voice import Voice

    torch.set_num_threads(threads)
    voice = Voice.load(path)
    frames = round(SECONDS * voice.audio.frame_rate_hz)
    mel = np.random.default_rng(0).normal(-4, 1.5, (voice.audio.n_mels, frames)).astype(np.float32)
    with FlopCounterMode(display=False) as counter:  # and the first pass, which is slower
        made = voice.vocode(mel)
    seconds, took = len(made) / voice.audio.sample_rate, []
    # Of one thread its own seconds: what waits for a busy machine is no cost of the voice.
    clock = time.process_time if threads == 1 else time.perf_counter
    for _ in range(ROUNDS):
        began = clock()
        voice.vocode(mel)
        took.append(clock() - began)
    return {
        "times_real_time": round(seconds / float(np.median(took)), 2),
        "gmac_per_s": round(counter.get_total_flops() / 2e9 / seconds, 4),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
