"""A real Chromium, driven by its DevTools protocol."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import requests
from websockets.sync.client import connect

from .browser import Browser, until

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CODES = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
"""What a key is called where the browser itself acts on it."""


class Chromium(Browser):
    """One tab of it, in a folder of its own."""

    def __init__(self, profile: Path) -> None:
        self.downloads, self.complaints, self._sent = profile.parent / "downloads", [], 0
        self._process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = until(lambda: (profile / "DevToolsActivePort").read_text().splitlines()[0], OSError, IndexError)
            tabs = until(lambda: requests.get(f"http://127.0.0.1:{port}/json", timeout=5).json(), OSError)
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            self._socket = connect(address, max_size=None)
            for domain in ("Runtime", "Log", "Page"):
                self._call(f"{domain}.enable")
            self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
            self._call("Emulation.setFocusEmulationEnabled", enabled=True)
        except BaseException:
            self._process.kill()
            raise

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def run(self, script: str):
        result = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)["result"]
        return result.get("value")

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = CODES.get(key, 0)
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        self._call("Input.insertText", text=text)

    def hit(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, x=x, y=y)

    def accessibility(self) -> list[dict[str, str]]:
        """Role and name of what a screen reader is told of."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        told = [node for node in nodes if not node.get("ignored")]
        return [{key: str(node.get(key, {}).get("value", "")) for key in ("role", "name")} for node in told]

    def look(self, path: Path, width: int = 1100, height: int = 900, scheme: str = "light") -> None:
        self.shape(width, height, scheme)
        data = self._call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def shape(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """A window's size, and its colours: light or dark."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def close(self) -> None:
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
