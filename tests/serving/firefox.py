"""A real Firefox, driven by WebDriver BiDi, which it speaks itself.

It lets a page be heard after a click only, and where there is a sound device only: PulseAudio is one, into the void.
"""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

from websockets.sync.client import connect

from .browser import Browser, until

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
PULSE = shutil.which("pulseaudio")
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
}
"""What WebDriver calls them."""


class Firefox(Browser):
    """One tab of it, in a folder of its own."""

    def __init__(self, profile: Path) -> None:
        self.downloads, self.complaints, self._sent = profile.parent / "downloads", [], 0
        profile.mkdir()
        settings = {
            "browser.download.folderList": 2,
            "browser.download.dir": str(self.downloads),
            "browser.download.alwaysOpenPanel": False,
            "browser.download.always_ask_before_handling_new_types": False,
        }
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items())
        (profile / "user.js").write_text("".join(lines))
        home = {**os.environ, "HOME": str(profile), "XDG_RUNTIME_DIR": str(profile)}
        sound = profile / "sound"
        self._sound = subprocess.Popen(
            [PULSE, "-n", "--exit-idle-time=-1", "--use-pid-file=no", "--load=module-null-sink",
             f"--load=module-native-protocol-unix socket={sound} auth-anonymous=1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=home,
        )  # fmt: skip
        self._process = subprocess.Popen(
            [PROGRAM, "--headless", "--remote-debugging-port", "0", "--profile", str(profile), "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**home, "PULSE_SERVER": f"unix:{sound}"},
        )  # fmt: skip
        try:
            told = until(lambda: json.loads((profile / "WebDriverBiDiServer.json").read_text()), OSError, ValueError)
            self._socket = connect(f"ws://{told['ws_host']}:{told['ws_port']}/session", max_size=None)
            self._call("session.new", capabilities={})
            self._call("session.subscribe", events=["log.entryAdded"])
            self._tab = self._call("browsingContext.getTree")["contexts"][0]["context"]
        except BaseException:
            self._end()
            raise

    def open(self, url: str) -> None:
        self._call("browsingContext.navigate", context=self._tab, url=url, wait="none")

    def run(self, script: str):
        told = self._call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({script})) ?? null)()",
            target={"context": self._tab},
            awaitPromise=True,
        )
        value = told.get("result", {}).get("value")
        return None if value is None else json.loads(value)

    def press(self, key: str) -> None:
        self.type(KEYS.get(key, key))

    def type(self, text: str) -> None:
        strokes = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keys", "actions": strokes})

    def hit(self, x: float, y: float) -> None:
        strokes = [{"type": "pointerMove", "x": round(x), "y": round(y)}]
        strokes += [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act({"type": "pointer", "id": "mouse", "actions": strokes})

    def look(self, path: Path, width: int = 1100, height: int = 900, scheme: str = "light") -> None:
        self._call("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})
        told = self._call("browsingContext.captureScreenshot", context=self._tab, origin="document")
        path.write_bytes(base64.b64decode(told["data"]))

    def close(self) -> None:
        self._socket.close()
        self._end()

    def _end(self) -> None:
        for process in (self._process, self._sound):
            process.kill()
            process.wait()

    def _act(self, source: dict) -> None:
        self._call("input.performActions", context=self._tab, actions=[source])

    def _call(self, method: str, **parameters):
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("method") == "log.entryAdded" and told["params"]["level"] in ("warn", "error"):
                self.complaints.append(json.dumps(told["params"])[:500])
            if told.get("id") == self._sent:
                assert told["type"] == "success", told
                return told["result"]
