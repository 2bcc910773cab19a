"""What thousands of slow connections do to a listener: python tools/serve_slow.py [--connections 10000] [--json]

A service, and clients that begin a request's body and send a byte of it every two seconds; a listener asks for a
sentence all the while. Needs two file descriptors a connection (`ulimit -n`).
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from ganray.config.serve import ServeConfig
from ganray.serving import start
from ganray.serving.load import listen

HEAD = b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"


def trickle(url: str, count: int, seconds: float, told: Connection) -> None:
    """Hold `count` connections, and tell what became of each."""
    where = urlsplit(url)
    held = [socket.create_connection((where.hostname, where.port or 80), timeout=30) for _ in range(count)]
    for connection in held:
        connection.sendall(HEAD)
        connection.setblocking(False)
    told.send("open")
    answers, until, next_byte = Counter[str](), time.monotonic() + seconds, time.monotonic() + 2
    while held and time.monotonic() < until:
        time.sleep(0.5)
        due = time.monotonic() > next_byte
        next_byte += 2 if due else 0
        held = [connection for connection in held if _stays(connection, answers, due)]
    told.send(dict(answers) | {"held to the end": len(held)})


def _stays(connection: socket.socket, answers: Counter[str], send: bool) -> bool:
    try:
        answer = connection.recv(4096)
    except BlockingIOError:
        if send:
            with suppress(OSError):
                connection.send(b" ")
        return True
    except OSError:
        answer = b""
    answers[answer.split(b"\r\n")[0].decode() or "closed"] += 1
    connection.close()
    return False


async def ask(url: str) -> dict[str, Any]:
    """One listener's request."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        heard = await listen(session, url, "default", 0, None)
    return {"status": heard.status, "seconds": round(heard.seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    config = ServeConfig.model_validate({"voices": {"english": "english"}, "autoscaling": {"max_replicas": 1}})
    with start(config, port=0) as endpoint:
        before = asyncio.run(ask(endpoint.url))
        spawn = multiprocessing.get_context("spawn")
        mine, theirs = spawn.Pipe()
        arguments = (endpoint.url, given.connections, given.seconds, theirs)
        crowd = spawn.Process(target=trickle, args=arguments, daemon=True)
        crowd.start()
        mine.recv()
        meanwhile = []
        while not mine.poll(1.0):
            meanwhile.append(asyncio.run(ask(endpoint.url)))
            print(meanwhile[-1], file=sys.stderr, flush=True)
        found: dict[str, Any] = {"before": before, "meanwhile": meanwhile, "crowd": mine.recv()}
        found["after"] = asyncio.run(ask(endpoint.url))
    print(json.dumps(found, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
