"""Pools are obeyed on a real cluster: a head that runs no work, a machine that trains, a machine that serves."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.provisioning.connect import free_port
from ganray.provisioning.start import environment, head_command, worker_command

pytestmark = [pytest.mark.slow, pytest.mark.ray]
CONFIG = {
    "name": "three",
    "storage": "/tmp",
    "pools": {
        "head": {"cpus": 1, "memory_gb": 0.5},
        "trainers": {"cpus": 2, "memory_gb": 0.5},
        "servers": {"cpus": 1, "memory_gb": 0.5},
    },
    "verbs": dict.fromkeys(("prepare", "train", "tune", "evaluate"), "trainers") | {"serve": "servers"},
}
ASK = """
import os, time, ray
from ray.util.placement_group import placement_group
from ganray.provisioning.pools import selector
ray.init(address="auto", log_to_driver=False)
until = time.monotonic() + 90
while len([node for node in ray.nodes() if node["Alive"]]) < 3 and time.monotonic() < until:
    time.sleep(0.5)
pools = {node["NodeID"]: node["Labels"]["pool"] for node in ray.nodes()}
where = ray.remote(lambda: ray.get_runtime_context().get_node_id())
for verb in ("train", "serve"):
    tasks = [where.options(num_cpus=0.5, label_selector=selector(verb)).remote() for _ in range(8)]
    print(verb, sorted({pools[node] for node in ray.get(tasks)}))
print("anywhere", sorted({pools[node] for node in ray.get([where.options(num_cpus=1).remote() for _ in range(8)])}))
group = placement_group([{"CPU": 1}] * 2, bundle_label_selector=[selector("train")] * 2)
print("two trainers", group.wait(30))
third = placement_group([{"CPU": 1}], bundle_label_selector=[selector("train")])
print("a third beside a free server", third.wait(3))
"""

VERBS = """
import sys, ray
from ray import serve
from ray.util.state import list_actors, list_tasks
from ganray.evaluating.pool import Pool
from ganray.serving.app import build
ray.init(address="auto", log_to_driver=False)
pools = {node["NodeID"]: node["Labels"]["pool"] for node in ray.nodes()}
serve.start(proxy_location="Disabled")
serve.run(build({"voices": {"default": "english"}}), name="speech")
there = {one.class_name.split(":")[-1]: pools[one.node_id] for one in list_actors() if "ServeReplica" in one.class_name}
print("serve", sorted(there.items()))
serve.shutdown()
where = {pools[task.node_id] for task in list_tasks(limit=9999) if "prepare_chunk" in task.name and task.node_id}
print("prepare", sorted(where))

class Where:
    def ready(self):
        pass
    def score(self, index, shown):
        return pools[ray.get_runtime_context().get_node_id()]

print("evaluate", sorted({said for _, said in Pool(2, worker=Where).run([(i, False) for i in range(4)])}))
"""


@pytest.fixture
def environment_of_three() -> Iterator[dict[str, str]]:
    """Three nodes on this machine, started by the commands that are rendered; the environment of their users."""
    cluster = load(ClusterConfig, CONFIG, rules=cluster_rules)
    folder = Path(tempfile.mkdtemp(prefix="gr-", dir="/tmp"))
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    mine = {"RAY_AUTH_TOKEN_PATH": str(token), "RAY_TMPDIR": str(folder), "RAY_raylet_start_wait_time_s": "180"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    mine = kept | environment(cluster) | mine | {"PATH": path}
    port = free_port()
    common = ["--node-ip-address=127.0.0.1", "--disable-usage-stats", "--object-store-memory=100000000"]
    heads = {"port": port, "dashboard-port": free_port(), "ray-client-server-port": free_port()}
    commands = [
        [*head_command(cluster), f"--temp-dir={folder}", *(f"--{name}={value}" for name, value in heads.items())],
        worker_command(cluster, "trainers", f"127.0.0.1:{port}"),
        worker_command(cluster, "servers", f"127.0.0.1:{port}"),
    ]
    processes = []
    try:
        for place, command in enumerate(commands):
            # On one machine, each node needs its own ports.
            command = [part for part in command if not part.startswith("--metrics-export-port")]
            command += [*common, f"--dashboard-agent-listen-port={free_port()}"]
            with open(folder / f"{place}.log", "w") as log:
                processes.append(subprocess.Popen(command, env=mine, stdout=log, stderr=log, start_new_session=True))
            _wait(folder / f"{place}.log")  # nodes of one address that start together take each other's registration
        yield mine | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(processes):
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its own session
                process.wait()


def _wait(log: Path) -> None:
    until = time.monotonic() + 180
    while "Ray runtime started" not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.5)


def test_each_verb_lands_on_its_pool_and_the_head_runs_no_work(environment_of_three):
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment_of_three, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.splitlines() == [
        "train ['trainers']",
        "serve ['servers']",
        "anywhere ['servers', 'trainers']",
        "two trainers True",
        "a third beside a free server False",
    ], done.stderr


def test_replicas_data_tasks_and_judges_land_on_their_pools(environment_of_three, corpus, tmp_path):
    """The real verbs, on the cluster of the commands that are rendered."""
    run = {"env": environment_of_three, "capture_output": True, "text": True, "timeout": 400, "check": False}
    prepare = [Path(sys.executable).with_name("ganray"), "prepare", corpus, "--out", tmp_path / "data"]
    done = subprocess.run([*prepare, "--set", "validation.max_clips=2"], **run)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([sys.executable, "-c", VERBS], **run)
    said = [line for line in done.stdout.splitlines() if line.startswith(("serve", "prepare", "evaluate"))]
    assert said == [
        "serve [('Generator', 'servers'), ('Ingress', 'servers')]",
        "prepare ['trainers']",
        "evaluate ['trainers']",
    ], done.stderr
