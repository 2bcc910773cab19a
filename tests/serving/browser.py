"""A real Chromium, driven by its DevTools protocol."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import requests
from websockets.sync.client import connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One tab. What goes wrong in it is in `complaints`."""

    def __init__(self, profile: Path) -> None:
        self._process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.complaints: list[str] = []
        self._sent = 0
        try:
            port = self._until(
                lambda: (profile / "DevToolsActivePort").read_text().splitlines()[0], OSError, IndexError
            )
            tabs = self._until(lambda: requests.get(f"http://127.0.0.1:{port}/json", timeout=5).json(), OSError)
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            self._socket = connect(address, max_size=None)
            for domain in ("Runtime", "Log", "Page"):
                self._call(f"{domain}.enable")
        except BaseException:
            self._process.kill()
            raise

    def open(self, url: str) -> None:
        """Go to a page."""
        self._call("Page.navigate", url=url)

    def run(self, script: str):
        """The value of an expression."""
        result = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)["result"]
        return result.get("value")

    def wait(self, script: str, seconds: float = 60):
        """The value of an expression, as soon as it is one that counts as true."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, f"{script}: not within {seconds} s; {self.complaints}"
            time.sleep(0.1)
        return value

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _call(self, method: str, **parameters):
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(told["params"])[:500])
            if told.get("id") == self._sent:
                return told["result"]

    @staticmethod
    def _until(get, *errors):
        deadline = time.monotonic() + 60
        while True:
            try:
                return get()
            except errors:
                assert time.monotonic() < deadline
                time.sleep(0.1)
