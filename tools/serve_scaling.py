"""How the two autoscaling policies meet a step, a ramp and a spike: python tools/serve_scaling.py [--png FILE] [--json]

Requests come at random times (Poisson) at a rate that changes, as a share of what one replica can say alone, which is
measured first, once: both policies get the same requests. Every request, and the number of replicas four times a
second, are kept; each load begins with one.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
import ray
from ray import serve

from ganray.config.serve import ServeConfig
from ganray.serving import start
from ganray.serving.load import Heard, closed, listen

LOADS: dict[str, Callable[[float], float]] = {
    "step": lambda t: 0.3 if t < 15 else 1.3,
    "ramp": lambda t: 0.1 + 1.4 * t / 60,
    "spike": lambda t: 2.5 if 20 <= t < 30 else 0.2,
}
"""Share of one replica's rate, by second."""
SECONDS = 60.0
POLICIES = ("backlog", "requests")


async def drive(url: str, load: Callable[[float], float], rate: float) -> dict[str, Any]:
    """One load: each request's time, first audio and fate; the replicas beside."""
    draw, begin = random.Random(1), time.monotonic()
    asked: list[tuple[float, asyncio.Future[Heard]]] = []
    seen: list[tuple[float, int]] = []

    async def look() -> None:
        while True:
            status = await asyncio.to_thread(serve.status)
            states = status.applications["speech"].deployments["Generator"].replica_states
            seen.append((time.monotonic() - begin, int(states.get("RUNNING", 0))))
            await asyncio.sleep(0.25)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        looking = asyncio.create_task(look())
        at = 0.0
        while (at := at + draw.expovariate(rate * load(at))) < SECONDS:
            await asyncio.sleep(max(0.0, begin + at - time.monotonic()))
            asked.append((at, asyncio.ensure_future(listen(session, url, "default", len(asked), None))))
        heard = [(at, await task) for at, task in asked]
        looking.cancel()
    return {
        "requests": [
            {"at": round(at, 3), "first_ms": one.first_s and round(1000 * one.first_s, 1), "status": one.status}
            for at, one in heard
        ],
        "replicas": [[round(at, 2), count] for at, count in seen],
    }


def told(found: dict[str, Any]) -> dict[str, Any]:
    """What to compare: first audio, refusals, and how many replica-seconds that took."""
    first = [one["first_ms"] for one in found["requests"] if one["status"] == 200 and one["first_ms"]]
    times, counts = zip(*found["replicas"], strict=True)
    risen = next((at for at, count in found["replicas"] if count > 1), None)
    return {
        "requests": len(found["requests"]),
        "refused": sum(one["status"] in (429, 503) for one in found["requests"]),
        "failed": sum(one["status"] not in (200, 429, 503) for one in found["requests"]),
        "first_audio_ms": {f"p{q}": round(float(np.percentile(first, q)), 1) for q in (50, 95, 99)},
        "second_replica_after_s": risen,
        "replica_seconds": round(float(np.trapezoid(counts, times)), 1),
    }


def measure(policy: str, alone: float | None) -> dict[str, Any]:
    """Every load under one policy, at shares of `alone` requests a second; None: of what one replica does now."""
    scaling = {"policy": policy, "min_replicas": 1, "max_replicas": 2, "downscale_delay_s": 10}
    config = ServeConfig.model_validate({"voices": {"english": "english"}, "autoscaling": scaling})
    found = {}
    with start(config, port=0) as endpoint:
        alone = alone or asyncio.run(_alone(endpoint.url))
        for name, load in LOADS.items():
            while _replicas() != 1:
                time.sleep(0.5)
            found[name] = asyncio.run(drive(endpoint.url, load, alone))
            found[name] |= {"one_replica_requests_per_s": round(alone, 2), "told": told(found[name])}
            print(f"{policy}, {name}: {found[name]['told']}", file=sys.stderr, flush=True)
    ray.shutdown()
    return found


async def _alone(url: str) -> float:
    """Requests a second that one listener after the other gets."""
    async with aiohttp.ClientSession() as session:
        for number in range(8):
            await listen(session, url, "default", number, None)
        begin = time.monotonic()
        heard = await closed(lambda number: listen(session, url, "default", number, None), 1, 8.0)
        return len(heard) / (time.monotonic() - begin)


def _replicas() -> int:
    return int(serve.status().applications["speech"].deployments["Generator"].replica_states.get("RUNNING", 0))


def draw(found: dict[str, Any], path: str) -> None:
    """Loads side by side, first audio above and replicas below."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, len(LOADS), figsize=(12, 7), sharex=True, sharey="row", height_ratios=[1, 2, 1])
    for column, (name, load) in enumerate(LOADS.items()):
        times = np.linspace(0, SECONDS, 600)
        axes[0, column].plot(times, [load(t) for t in times], color="black")
        axes[0, column].set_title(name)
        for policy, colour in zip(found, ("tab:blue", "tab:orange"), strict=False):
            one = found[policy][name]
            whole = [(r["at"], r["first_ms"]) for r in one["requests"] if r["status"] == 200 and r["first_ms"]]
            axes[1, column].scatter(*zip(*whole, strict=True), s=6, color=colour, label=policy)
            refused = [r["at"] for r in one["requests"] if r["status"] in (429, 503)]
            axes[1, column].scatter(refused, [8000] * len(refused), marker="x", s=12, color=colour)
            axes[2, column].step(*zip(*one["replicas"], strict=True), where="post", color=colour)
        axes[1, column].set_yscale("log")
        axes[2, column].set_xlabel("seconds")
    for row, label in enumerate(("requests, of one\nreplica's rate", "first audio, ms\n(× refused)", "replicas")):
        axes[row, 0].set_ylabel(label)
    axes[1, 0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--png")
    parser.add_argument("--policies", default=",".join(POLICIES), help="one after the other")
    parser.add_argument("--rate", type=float, help="requests a second that one replica does, measured before")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    alone = given.rate
    for policy in given.policies.split(","):
        found[policy] = measure(policy, alone)
        alone = found[policy]["step"]["one_replica_requests_per_s"]
    if given.png:
        draw(found, given.png)
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
