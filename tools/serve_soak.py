"""A service under load for a long time: does its memory stay as it is?  python tools/serve_soak.py [--minutes 30]

Requests at random times (Poisson), at a share of what the service says alone, which is measured first. Twice a minute
the memory of the replicas, the front, the proxy and the controller is read; answers are compared with the first ones.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import numpy as np
import ray
from serve_processes import CONTROLLER, GENERATOR, INGRESS, PROXY_MANAGER, memory_mb, pids, proxies

from ganray.config.serve import ServeConfig
from ganray.serving import start
from ganray.serving.load import SENTENCES, Heard, closed, listen, opened, summary

ACTORS = {"replica": GENERATOR, "front": INGRESS, "proxy's manager": PROXY_MANAGER, "controller": CONTROLLER}
EVERY_S = 30.0


def measured() -> dict[str, float]:
    """Resident memory of each part, of several the sum."""
    found = {part: pids(name) for part, name in ACTORS.items()} | {"proxy": proxies()}
    return {part: sum(map(memory_mb, those)) for part, those in found.items()}


async def soak(url: str, share: float, seconds: float) -> dict[str, Any]:
    """The load, and the memory beside."""
    expected: dict[int, str] = {}
    seen: list[tuple[float, dict[str, float]]] = []
    begin = time.monotonic()

    async def look() -> None:
        while True:
            seen.append((time.monotonic() - begin, await asyncio.to_thread(measured)))
            print(f"{seen[-1][0]:5.0f} s", {k: round(v) for k, v in seen[-1][1].items()}, file=sys.stderr, flush=True)
            await asyncio.sleep(EVERY_S)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(number: int) -> Heard:
            return await listen(session, url, "default", number, None)

        summary([await ask(number) for number in range(len(SENTENCES))], 1.0, expected)
        most = summary(await closed(ask, 4, 15.0), 15.0, expected)["requests_per_s"]
        begin = time.monotonic()
        looking = asyncio.create_task(look())
        heard = await opened(ask, share * most, seconds)
        if looking.done():
            looking.result()  # why it looked no more
        looking.cancel()
    told = {"requests_per_s_at_most": most, "share": share, **summary(heard, time.monotonic() - begin, expected)}
    told["memory_mb"] = {part: _flat([(at, found[part]) for at, found in seen]) for part in seen[0][1]}
    return told


def _flat(seen: list[tuple[float, float]]) -> dict[str, float]:
    """First, last, and how much it grows in an hour by its second half."""
    half = seen[len(seen) // 2 :]
    slope = float(np.polyfit(*zip(*half, strict=True), 1)[0]) if len(half) > 2 else 0.0
    return {"first": round(seen[0][1], 1), "last": round(seen[-1][1], 1), "grows_an_hour": round(3600 * slope, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--share", type=float, default=0.8)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    scaling = {"min_replicas": 1, "max_replicas": 1}
    config = ServeConfig.model_validate({"voices": {"english": "english"}, "autoscaling": scaling})
    with start(config, port=0) as endpoint:
        found = asyncio.run(soak(endpoint.url, given.share, 60 * given.minutes))
    ray.shutdown()
    print(json.dumps(found) if given.json else found)


if __name__ == "__main__":
    main()
