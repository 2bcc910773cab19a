"""Two services of one machine, each a process with a Ray of its own: nobody gets the other's answers."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

pytestmark = [pytest.mark.ray, pytest.mark.slow]
SERVICE = """
import sys
from ganray.config.serve import ServeConfig
from ganray.serving import start

config = ServeConfig.model_validate({"voices": {sys.argv[1]: sys.argv[2]}})
with start(config, port=0) as endpoint:
    print("up", endpoint.url, flush=True)
    for _ in sys.stdin:
        changed = config.model_copy(update={"queue": config.queue.model_copy(update={"most_wait_s": 2.0})})
        start(changed, port=int(endpoint.url.rsplit(":", 1)[1]))
        print("up", endpoint.url, flush=True)
"""


class Service:
    """One of them."""

    def __init__(self, voice: str, path: str) -> None:
        self._command = [sys.executable, "-c", SERVICE, voice, path]
        self._process: subprocess.Popen | None = None

    def start(self) -> str:
        """Its address, once it is up."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self._up()

    def _up(self) -> str:
        told = next((line.split()[1] for line in self._process.stdout if line.startswith("up ")), None)
        assert told, "it is not up"
        return told

    def update(self) -> None:
        """Replace every replica."""
        print("update", file=self._process.stdin, flush=True)
        self._up()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(120)


@pytest.mark.timeout(900)
def test_a_front_that_is_replaced_beside_another_service_gets_its_own_requests(mel_voice):
    first, second = (Service(name, str(mel_voice)) for name in ("first", "second"))
    try:
        urls = {"first": first.start(), "second": second.start()}
        seen = {name: set() for name in urls}
        with ThreadPoolExecutor(1) as pool:
            updated = pool.submit(first.update)
            until = None
            while until is None or time.monotonic() < until:
                for name, url in urls.items():
                    answer = requests.get(f"{url}/v1/models", timeout=120)
                    if answer.status_code != 503:  # no front is up
                        seen[name] |= {model["id"] for model in answer.json()["data"]}
                if until is None and updated.done():
                    until = time.monotonic() + 5
                time.sleep(0.05)
    finally:
        first.stop()
        second.stop()
    assert seen == {"first": {"first"}, "second": {"second"}}
