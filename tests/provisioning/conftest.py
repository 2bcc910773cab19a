"""A Ray head as a user starts it, with its own token, ports and folder."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ganray.provisioning.connect import free_port
from ganray.provisioning.start import STOP_WAIT

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


@dataclass(frozen=True)
class Head:
    """A running head.

    Attributes:
        address: Of the cluster, `HOST:PORT`.
        url: Of the dashboard and the job server.
        agent: Of the machine's agent, which starts jobs.
        environment: For those who use it.
        folder: Its temporary folder.
        pid: Of the process that everything of it was started by, and whose session all of it is in.
    """

    address: str
    url: str
    agent: str
    environment: dict[str, str]
    folder: Path
    pid: int

    def run(self, *command: str, timeout_s: float = 400) -> subprocess.CompletedProcess[str]:
        """A command of the user's, in the repository."""
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False
        )


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """`ray start --head --block` with two cores and token authentication; ends by SIGTERM to that one process."""
    with started({}) as found:
        yield found


@contextlib.contextmanager
def started(more: dict[str, str]) -> Iterator[Head]:
    """A head with more in its environment."""
    folder = Path(tempfile.mkdtemp(prefix="gr-", dir="/tmp"))  # short: sockets lie in it
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    environment = kept | {
        # Jobs find `ganray` where whoever started Ray found it.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_TMPDIR": str(folder),
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
        **STOP_WAIT,
        "RAY_raylet_start_wait_time_s": str(PATIENCE_S),
        **more,
    }
    process, head = _begin(folder, environment)
    try:
        try:
            _wait(process, head.url, folder / "head.log")
        except TimeoutError:  # somebody took a port that had been free; Ray waits for it without a word
            _end(process)
            process, head = _begin(folder, environment)
            _wait(process, head.url, folder / "head.log")
        yield head
    finally:
        _end(process)


def _begin(folder: Path, environment: dict[str, str]) -> tuple[subprocess.Popen, Head]:
    """Start a head on ports that are free."""
    port, dashboard, agent = free_port(), free_port(), free_port()
    ports = {
        "port": port,
        "dashboard-port": dashboard,
        "dashboard-agent-listen-port": agent,
        "ray-client-server-port": free_port(),
    }
    command = ["ray", "start", "--head", "--block", "--num-cpus=2", "--memory=4000000000", "--disable-usage-stats"]
    command += ["--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}"]
    command += [f"--{name}={value}" for name, value in ports.items()]
    with open(folder / "head.log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    url, agents = f"http://127.0.0.1:{dashboard}", f"http://127.0.0.1:{agent}"
    return process, Head(f"127.0.0.1:{port}", url, agents, environment | {"RAY_ADDRESS": url}, folder, process.pid)


def _end(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing but this head is in it
        process.wait()


def _wait(process: subprocess.Popen, url: str, log: Path) -> None:
    """Until the dashboard answers, 401 as nobody showed a token, and the node is there, which may be later."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        if "Ray runtime started" in log.read_text() and _asks_for_a_token(url):
            return
        time.sleep(0.5)
    raise TimeoutError(log.read_text())


def _asks_for_a_token(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/api/jobs/", timeout=5)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        pass
    return False
