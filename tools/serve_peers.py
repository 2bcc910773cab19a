"""ganray's service and Piper's own server under the same listeners: python tools/serve_peers.py PYTHON MODEL.onnx

PYTHON is the interpreter of an environment with `piper-tts[http]`, MODEL a voice of Piper's. Both servers are up all
the time, and each level of load is put on one and then on the other.
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from typing import Any

import aiohttp

from ganray.config.serve import ServeConfig
from ganray.serving import start
from ganray.serving.load import SENTENCES, Heard, closed, listen, summary

HEADER_BYTES = 44


async def of_piper(session: aiohttp.ClientSession, url: str, number: int, bytes_per_s: float) -> Heard:
    """A sentence from Piper's server, which sends the whole at once."""
    heard, begin = Heard(sentence=number % len(SENTENCES)), time.monotonic()
    async with session.post(url, json={"text": SENTENCES[heard.sentence]}) as response:
        heard.status, size = response.status, 0
        async for chunk in response.content.iter_any():
            heard.first_s = heard.first_s or time.monotonic() - begin
            size += len(chunk)
    heard.audio_s = (size - HEADER_BYTES) / bytes_per_s
    heard.seconds = time.monotonic() - begin
    return heard


async def measure(
    ours: str, theirs: str, bytes_per_s: float, levels: list[int], seconds: float
) -> list[dict[str, Any]]:
    """Rows of both at every level."""
    rows = []
    limits = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=limits) as session:
        asks = {
            "ganray": lambda number: listen(session, ours, "default", number, None),
            "piper": lambda number: of_piper(session, theirs, number, bytes_per_s),
        }
        for ask in asks.values():
            for number in range(len(SENTENCES)):
                await ask(number)
        for level in levels:
            for name, ask in asks.items():
                begin = time.monotonic()
                heard = await closed(ask, level, seconds)
                row = {"server": name, "streams": level, **summary(heard, time.monotonic() - begin, {})}
                if name == "piper":
                    del row["corrupted"]  # its noise differs from one time to the next
                rows.append(row)
                print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python")
    parser.add_argument("model")
    parser.add_argument("--streams", type=int, action="append")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--replicas", type=int, default=2)
    given = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(f"{given.model}.json", encoding="utf-8") as file:
        bytes_per_s = 2 * json.load(file)["audio"]["sample_rate"]
    command = [given.python, "-m", "piper.http_server", "-m", given.model, "--host", "127.0.0.1", "--port", str(port)]
    piper = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scaling = {"min_replicas": given.replicas, "max_replicas": given.replicas}
    config = ServeConfig.model_validate({"voices": {"english": "english"}, "autoscaling": scaling})
    try:
        with start(config, port=0) as endpoint:
            _until_up(port)
            theirs = f"http://127.0.0.1:{port}/synthesize"
            levels = given.streams or [1, 4, 16, 64]
            print(json.dumps(asyncio.run(measure(endpoint.url, theirs, bytes_per_s, levels, given.seconds))))
    finally:
        piper.terminate()


def _until_up(port: int) -> None:
    for _ in range(120):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(1)
    raise SystemExit("Piper's server does not come up")


if __name__ == "__main__":
    main()
