"""What listeners notice when something dies under load: python tools/serve_faults.py [--only replica] [--json]

Two replicas, a verifying client of eight listeners; for each fault a load of 20 seconds, with the fault 5 seconds in.
An answer counts as corrupted when a byte differs from what was heard before, as failed when it breaks off or is a 5xx.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import ray
from ray import serve
from serve_processes import CONTROLLER, GENERATOR, children, pids, proxies

from ganray.config.bundled import located
from ganray.config.serve import ServeConfig
from ganray.provisioning import front
from ganray.provisioning.connect import free_port
from ganray.provisioning.start import LOST_NODE
from ganray.serving import Endpoint, start
from ganray.serving.load import SENTENCES, Heard, closed, listen, summary

AFTER_S = 5.0


def replica(endpoint: Endpoint, config: ServeConfig) -> None:
    """SIGKILL to one of two generators."""
    os.kill(pids(GENERATOR)[0], signal.SIGKILL)


def proxy(endpoint: Endpoint, config: ServeConfig) -> None:
    """SIGKILL to what holds every connection."""
    for pid in proxies():
        os.kill(pid, signal.SIGKILL)


def controller(endpoint: Endpoint, config: ServeConfig) -> None:
    """SIGKILL to Serve's controller."""
    os.kill(pids(CONTROLLER)[0], signal.SIGKILL)


def voice(endpoint: Endpoint, config: ServeConfig) -> None:
    """Another folder of the same voice takes the place of the one on the shelf."""
    shelf = Path(config.shelf or "")
    shutil.copytree(shelf / "live", shelf / ".new")
    (shelf / "live").rename(shelf / ".old")
    (shelf / ".new").rename(shelf / "live")


def update(endpoint: Endpoint, config: ServeConfig) -> None:
    """A rolling update: every replica is replaced."""
    changed = config.model_copy(update={"queue": config.queue.model_copy(update={"most_wait_s": 2.0})})
    start(changed, port=int(endpoint.url.rsplit(":", 1)[1]))


FAULTS: dict[str, Callable[[Endpoint, ServeConfig], None]] = {
    each.__name__: each for each in (replica, voice, update, controller, proxy)
}


async def suffer(endpoint: Endpoint, config: ServeConfig, fault: Callable, seconds: float) -> dict[str, Any]:
    """The load, with the fault in it."""
    expected: dict[int, str] = {}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(number: int) -> Heard:
            return await listen(session, endpoint.url, "live", number, None)

        summary([await ask(number) for number in range(len(SENTENCES))], 1.0, expected)
        timer = threading.Timer(AFTER_S, fault, (endpoint, config))
        timer.start()
        begin = time.monotonic()
        heard = await closed(ask, 8, seconds)
        row = summary(heard, time.monotonic() - begin, expected)
        timer.join()
        return row | {"slowest_first_audio_ms": 1000 * max((h.first_s or 0.0) for h in heard)}


def lost_node(seconds: float) -> dict[str, Any]:
    """A machine of two is gone at once, with one of two generators and one of two fronts."""
    from ray.cluster_utils import Cluster

    for name, value in (front.environment(free_port(), free_port()) | LOST_NODE).items():
        os.environ.setdefault(name, value)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    lost = cluster.add_node(num_cpus=1)
    scaling = {"min_replicas": 2, "max_replicas": 2}
    config = ServeConfig.model_validate(
        {"voices": {"live": "english"}, "autoscaling": scaling, "ingress": {"replicas": 2}}
    )

    def power_cut(endpoint: Endpoint, config: ServeConfig) -> None:
        raylet = lost.all_processes["raylet"][0].process.pid
        for pid in [raylet, *(child for child, _ in children(raylet))]:
            os.kill(pid, signal.SIGKILL)

    try:
        with start(config, port=0, address=cluster.address) as endpoint:
            return asyncio.run(suffer(endpoint, config, power_cut, seconds))
    finally:
        ray.shutdown()
        cluster.shutdown()


def tell(name: str, row: dict[str, Any]) -> None:
    """A line."""
    counts = ", ".join(f"{row[key]} {key}" for key in ("whole", "failed", "refused", "corrupted"))
    first = f"first audio {row['first_audio_ms']['p50']:.0f} ms, slowest {row['slowest_first_audio_ms']:.0f}"
    print(f"{name}: {counts}; {first}", *row["failures"], sep="\n    ", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*FAULTS, "node"], action="append")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(located("english"), Path(folder) / "live")
        scaling = {"min_replicas": 2, "max_replicas": 2}
        config = ServeConfig.model_validate({"voices": {"english": "english"}, "shelf": folder, "autoscaling": scaling})
        rows = {}
        with start(config, port=0) as endpoint:
            for name in [name for name in given.only or FAULTS if name != "node"]:
                rows[name] = row = asyncio.run(suffer(endpoint, config, FAULTS[name], given.seconds))
                tell(name, row)
                time.sleep(5)
            serve.status()
    ray.shutdown()
    if "node" in (given.only or ["node"]):
        rows["node"] = lost_node(given.seconds)
        tell("node", rows["node"])
    if given.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
