"""A sweep on a cluster whose head is killed: `--resume` on a new head, with the same storage, finishes it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.provisioning.conftest import Head, started
from tests.tuning.test_tune import SMALL, SMOKE

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(3600)]
QUICK = {"RAY_gcs_rpc_server_reconnect_timeout_s": "10"}  # how long a driver waits for a head that is gone; else 60 s


def lose(head: Head) -> None:
    """Kill all of a head, as a machine is lost: each process of its session by its own id."""
    for process in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(process) == head.pid:
                os.kill(process, signal.SIGKILL)


def trials(folder: Path) -> list[dict]:
    try:
        return json.loads((folder / "sweep.json").read_text())["trials"]
    except (OSError, ValueError):
        return []


def test_a_sweep_whose_head_was_killed_is_finished_on_a_new_one(dataset, tmp_path):
    small = [f"--set=set.{key}={value}" for key, value in SMALL.items()]
    folder = tmp_path / "lost"
    second = folder / "trials" / "01"
    with started(QUICK) as head:
        command = [sys.executable, "-m", "ganray", "tune", str(SMOKE), "--data", str(dataset), "--storage",
                   str(tmp_path), "--name", "lost", "--address", head.address, "--set=samples=3",
                   "--set=concurrency=1", "--set=budget={steps: 12}", "--set=set.checkpoint.every_steps=2",
                   "--set=scheduler.type=fifo", *small]  # fmt: skip
        with open(tmp_path / "driver.log", "w") as log:
            driver = subprocess.Popen(command, env=head.environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 1200
            while not list((second / "checkpoints").glob("step-*.pt")):
                assert driver.poll() is None, (tmp_path / "driver.log").read_text()
                assert time.monotonic() < until, trials(folder)
                time.sleep(0.1)
            lose(head)
            driver.wait(300)
        finally:
            driver.kill()
            driver.wait()
    assert [trial["status"] for trial in trials(folder)] == ["finished", "running", "waiting"]
    first = (folder / "trials" / "00" / "metrics.jsonl").read_bytes()
    kept = trials(folder)[0]

    with started(QUICK) as head:
        done = head.run(
            sys.executable, "-m", "ganray", "tune", "--resume", str(folder), "--address", head.address, "--json",
            timeout_s=1800,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout)["trials"]
    assert [(trial["status"], trial["step"]) for trial in ended] == [("finished", 12)] * 3
    assert ended[0] == kept, "what had ended was not trained again"
    assert (folder / "trials" / "00" / "metrics.jsonl").read_bytes() == first
    assert "went on from step" in (second / "events.jsonl").read_text(), "from its checkpoint, not anew"
