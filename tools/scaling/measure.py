"""Measure what a network between two workers costs an update, on one Linux machine, as root.

Two network namespaces stand for two hosts; the link between them is shaped by tc to 1 Gbit/s and 100 Mbit/s. In each of
them one process trains on one core with gloo, by every way of adding up gradients in turn (tools/scaling/reducers.py).
It wants a quiet machine with two cores at least; the large recipe is left out behind the slow link, and by `--small`.

Example:
    .venv/bin/python tools/scaling/measure.py docs/scaling.json
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SPACES = ("grscale0", "grscale1")
LINKS_MBIT = (1000, 100)
BUCKETS = [["fp32", 1], ["fp32", 4], ["bf16", 1], ["bf16", 4]]
SMALL = {"name": "source_filter_small", "items": 4, "updates": 2, "repetitions": 4, "buckets": BUCKETS}
LARGE = {"name": "hifigan_v1", "items": 1, "updates": 1, "repetitions": 2, "buckets": [["fp32", 25], ["bf16", 25]]}


def main() -> None:
    """Measure behind both links; write one document."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave no namespaces behind
    out = Path(sys.argv[1])
    small = "--small" in sys.argv
    told = {
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "threads_a_worker": 1},
        "links": {str(mbit): _behind(mbit, [SMALL] if small or mbit < 1000 else [SMALL, LARGE]) for mbit in LINKS_MBIT},
    }
    beside = out.with_name(f".{out.name}")
    beside.write_text(json.dumps(told, indent=1) + "\n")
    beside.rename(out)


def _behind(mbit: int, recipes: list[dict[str, Any]]) -> dict[str, Any]:
    with _hosts(mbit), tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "told.json"
        processes = []
        for rank, space in enumerate(SPACES):
            settings = {"rank": rank, "meet": "tcp://10.98.7.1:29511", "out": str(out), "recipes": recipes}
            processes.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", space, sys.executable, str(HERE / "worker.py"), json.dumps(settings)],
                    env=os.environ | {"GLOO_SOCKET_IFNAME": "gr0", "OMP_NUM_THREADS": "1"},
                )
            )
        try:
            for process in processes:
                if process.wait():
                    raise SystemExit(f"a worker ended with {process.returncode}")
        finally:
            for process in processes:
                process.kill()
        return json.loads(out.read_text())


@contextlib.contextmanager
def _hosts(mbit: int) -> Iterator[None]:
    """Two namespaces with a shaped link, called gr0 on both sides."""
    first, second = SPACES
    # A token bucket must hold what comes between two ticks of the kernel, and one large segment.
    burst = max(128_000, mbit * 1000)
    try:
        _ip(f"netns add {first}", f"netns add {second}")
        _ip(f"link add gr0 netns {first} type veth peer name gr0 netns {second}")
        for place, space in enumerate(SPACES):
            _ip(f"-n {space} addr add 10.98.7.{place + 1}/24 dev gr0")
            _ip(f"-n {space} link set gr0 up", f"-n {space} link set lo up")
            shape = f"qdisc add dev gr0 root tbf rate {mbit}mbit burst {burst} latency 50ms"
            subprocess.run(["tc", "-n", space, *shape.split()], check=True)
        yield
    finally:
        for space in SPACES:
            subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)


def _ip(*commands: str) -> None:
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
