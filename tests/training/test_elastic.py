"""A cluster of several nodes that come and go under a run: real raylets, on one address and as hosts of their own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from ray.cluster_utils import Cluster

from ganray.data import Dataset
from ganray.data.sampler import SegmentSampler
from ganray.gan.run import Run
from ganray.provisioning.connect import free_port
from ganray.provisioning.start import LOST_NODE
from ganray.training.lines import Lines
from tests.conftest import TINY

pytestmark = [pytest.mark.ray, pytest.mark.slow]


class OneAddress:
    """Several raylets on this machine."""

    def __init__(self):
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": True})
        self.address = self._cluster.address
        self.second = None

    def add(self):
        self.second = self._cluster.add_node(num_cpus=1)

    def kill(self):
        self._cluster.remove_node(self.second, allow_graceful=False)

    def close(self):
        self._cluster.shutdown()


class OwnAddresses:
    """A head here, and a node in a network namespace: another host as far as the network can tell."""

    def __init__(self):
        self._run("ip netns add ganray", "ip link add gr0 type veth peer name gr0 netns ganray")
        self._run("ip addr add 10.77.0.1/24 dev gr0", "ip link set gr0 up")
        inside = "ip netns exec ganray ip"
        self._run(f"{inside} addr add 10.77.0.2/24 dev gr0", f"{inside} link set gr0 up", f"{inside} link set lo up")
        self.address = f"10.77.0.1:{free_port()}"
        port = self.address.partition(":")[2]
        self._head = self._ray(f"--head --port {port} --node-ip-address 10.77.0.1 --dashboard-port {free_port()}")
        time.sleep(8)

    @staticmethod
    def _run(*lines):
        for line in lines:
            subprocess.run(line.split(), check=True)

    @staticmethod
    def _ray(words, before=""):
        program = [*before.split(), os.path.join(os.path.dirname(sys.executable), "ray")]
        return subprocess.Popen(
            [*program, "start", *words.split(), "--num-cpus", "1", "--block"],
            env={**os.environ, "GLOO_SOCKET_IFNAME": "gr0"}, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def add(self):
        self._ray(f"--address {self.address} --node-ip-address 10.77.0.2", "ip netns exec ganray")

    def kill(self):
        """As if the plug were pulled."""
        found = subprocess.run(["ip", "netns", "pids", "ganray"], capture_output=True, text=True, check=True)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def close(self):
        self.kill()
        self._head.terminate()
        self._head.wait(60)
        self._run("ip netns del ganray")


@pytest.fixture(params=[OneAddress, OwnAddresses])
def nodes(request, monkeypatch):
    """One node of one core; more by add(), the last of them gone by kill()."""
    for name, value in LOST_NODE.items():
        monkeypatch.setenv(name, value)
    if request.param is OwnAddresses and (os.geteuid() or not shutil.which("ip")):
        pytest.skip("network namespaces need root and iproute2")
    made = request.param()
    yield made
    made.close()


@contextlib.contextmanager
def training(address, dataset, folder, *overrides):
    """`ganray train` as a user starts it, with [1, 2] workers and a ledger."""
    sets = [
        *TINY, "resources.num_workers=[1,2]", "log.every_steps=1", "log.ledger=true", "schedule.max_steps=100000",
        "validation.every_steps=100000", *overrides,
    ]  # fmt: skip
    words = [word for text in sets for word in ("--set", text)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ganray", "train", "source_filter_small", "--data", str(dataset), "--storage",
         str(folder), "--name", "elastic", "--address", address, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell's & has it ignored
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    finally:
        process.kill()


def wait_until(true, what, process, timeout=240):
    deadline = time.monotonic() + timeout
    while not true():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.2)


def sizes(run):
    return [line["workers"] for line in Lines.read(run / "ledger.jsonl")]


def test_a_run_follows_its_nodes(nodes, dataset, tmp_path):
    """[1, 2] workers on two nodes; one is killed, later one is added. Nobody touches the run."""
    nodes.add()
    run, told = tmp_path / "elastic", {}
    with training(nodes.address, dataset, tmp_path, "checkpoint.every_steps=20") as process:
        wait_until(lambda: len(sizes(run)) > 30, "thirty updates", process)
        assert set(sizes(run)) == {2}
        reached, began = len(sizes(run)), time.monotonic()
        nodes.kill()
        wait_until(lambda: sizes(run)[-1:] == [1], "going on with one worker", process)
        told["seconds lost to a killed node"] = round(time.monotonic() - began, 1)
        told["updates lost"] = reached - sizes(run).index(1)
        wait_until(lambda: sizes(run).count(1) > 20, "twenty updates with one worker", process)
        began = time.monotonic()
        nodes.add()
        wait_until(lambda: sizes(run)[-1:] == [2], "going on with two workers again", process)
        told["seconds until an added node is used"] = round(time.monotonic() - began, 1)
        wait_until(lambda: sizes(run)[-20:] == [2] * 20, "twenty updates with two workers", process)
        print(type(nodes).__name__, told)
    assert told["updates lost"] <= 20 + 5  # some updates happen between the count and the kill
    opened = Run.open(run)
    config, split = opened.config, Dataset.open(dataset).split("train")
    sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
    lines = Lines.read(run / "ledger.jsonl")
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    keys = [key for line in lines for key in line["keys"]]
    assert keys == [sampler.draw(place).key for place in range(len(keys))]
    assert opened.load(opened.steps()[-1])["consumed"] == len(keys)


def test_a_notice_that_a_node_will_go_makes_a_checkpoint(nodes, dataset, tmp_path):
    """A spot instance's last minute: the checkpoint is written then, not at the next regular one."""
    nodes.add()
    run = tmp_path / "elastic"
    with training(nodes.address, dataset, tmp_path, "checkpoint.every_steps=100000") as process:
        wait_until(lambda: len(sizes(run)) > 10, "ten updates", process)
        ray = os.path.join(os.path.dirname(sys.executable), "ray")
        listed = subprocess.run(
            [ray, "list", "nodes", "--address", nodes.address, "--format", "json"], capture_output=True, text=True
        )
        [other] = [node["node_id"] for node in json.loads(listed.stdout) if not node["is_head_node"]]
        subprocess.run(
            [ray, "drain-node", "--address", nodes.address, "--node-id", other, "--reason",
             "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot", "--deadline-remaining-seconds", "60"],
            check=True,
        )  # fmt: skip
        wait_until(lambda: (run / "events.jsonl").is_file(), "the notice", process, 55)
        [event] = Lines.read(run / "events.jsonl")
        assert "checkpoint written" in event["event"]
        assert Run.open(run).steps() == [event["step"]]
