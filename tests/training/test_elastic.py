"""A cluster of several nodes that come and go under a run: real raylets, one killed and one added."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from ray.cluster_utils import Cluster

from ganray.data import Dataset
from ganray.data.sampler import SegmentSampler
from ganray.gan.run import Run
from tests.conftest import TINY

pytestmark = [pytest.mark.ray, pytest.mark.slow]

QUICK = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "3"}


@pytest.fixture
def cluster(monkeypatch):
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": True})
    yield made
    made.shutdown()


def wait_until(true, what, process, timeout=240):
    deadline = time.monotonic() + timeout
    while not true():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.2)


def test_a_run_follows_its_nodes(cluster, dataset, tmp_path):
    """[1, 2] workers on two nodes; one is killed, later one is added. Nobody touches the run."""
    second = cluster.add_node(num_cpus=1)
    run = tmp_path / "elastic"
    sets = [
        *TINY, "resources.num_workers=[1,2]", "log.every_steps=1", "log.ledger=true", "schedule.max_steps=100000",
        "checkpoint.every_steps=20", "validation.every_steps=100000",
    ]  # fmt: skip
    words = [word for text in sets for word in ("--set", text)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ganray", "train", "source_filter_small", "--data", str(dataset), "--storage",
         str(tmp_path), "--name", "elastic", "--address", cluster.address, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **QUICK},
    )  # fmt: skip

    def ledger():
        try:
            lines = (run / "ledger.jsonl").read_text().splitlines()
            return [json.loads(line) for line in lines[:-1]]
        except FileNotFoundError:
            return []

    def sizes():
        return [line["workers"] for line in ledger()]

    told = {}
    try:
        wait_until(lambda: len(sizes()) > 30, "thirty updates", process)
        assert set(sizes()) == {2}
        reached, began = len(sizes()), time.monotonic()
        cluster.remove_node(second, allow_graceful=False)
        wait_until(lambda: sizes()[-1:] == [1], "going on with one worker", process)
        told["seconds lost to a killed node"] = round(time.monotonic() - began, 1)
        told["updates lost"] = reached - sizes().index(1)
        wait_until(lambda: sizes().count(1) > 20, "twenty updates with one worker", process)
        began = time.monotonic()
        cluster.add_node(num_cpus=1)
        wait_until(lambda: sizes()[-1:] == [2], "going on with two workers again", process)
        told["seconds until an added node is used"] = round(time.monotonic() - began, 1)
        wait_until(lambda: sizes()[-20:] == [2] * 20, "twenty updates with two workers", process)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    finally:
        process.kill()
    print(told)
    assert told["updates lost"] <= 20
    opened = Run.open(run)
    config, split = opened.config, Dataset.open(dataset).split("train")
    sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    keys = [key for line in lines for key in line["keys"]]
    assert keys == [sampler.draw(place).key for place in range(len(keys))]
    assert opened.load(opened.steps()[-1])["consumed"] == len(keys)
