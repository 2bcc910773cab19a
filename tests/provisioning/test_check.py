"""Whether a running cluster is what its config says: every check can fail, and says what to do."""

import time
from typing import Any

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.provisioning import probe
from ganray.provisioning.start import LOST_NODE, STOP_WAIT, environment, head_command

CONFIG: dict[str, Any] = {
    "name": "tested",
    "storage": "runs",
    "packages": {"ganray": "", "ray": ">=2.60"},
    "pools": {"machine": {"cpus": 4, "memory_gb": 0.5}},
    "head": {"works": True},
    "security": {"token": False},
}


@pytest.fixture
def look(ray_session, tmp_path):
    """look(change): {name: check} of the session's cluster against a changed config."""

    def compare(**change: Any) -> dict[str, Any]:
        from ganray.provisioning.check import check

        document = CONFIG | {"storage": str(tmp_path / "storage")} | change
        return {one.name: one for one in check(load(ClusterConfig, document, rules=cluster_rules))}

    return compare


@pytest.mark.ray
def test_a_cluster_as_described_passes_every_check_but_that_it_asks_nobody_for_a_token(look, tmp_path):
    checks = look()
    agents = checks.pop("agents")
    assert not agents.ok
    assert "start jobs for whoever reaches" in agents.detail
    assert [one for one in checks.values() if not one.ok] == []
    assert set(checks) == {
        "address", "nodes", "pool machine", "placement", "package python", "package ray", "package ganray", "storage",
        "clocks", "interface", "ports", "encryption", "dashboard",
    }  # fmt: skip
    assert list((tmp_path / "storage").iterdir()) == [], "the files that were tried are removed"


@pytest.mark.ray
@pytest.mark.parametrize(
    ("change", "name", "told"),
    [
        ({"pools": {"m": {"cpus": 4, "memory_gb": 0.5, "min_nodes": 2, "max_nodes": 3}}}, "nodes", "1 alive, 2 to 3"),
        ({"pools": {"m": {"cpus": 64, "memory_gb": 0.5}}}, "pool m", "0 of 1 or more machines with 64 CPU"),
        ({"pools": {"m": {"cpus": 1, "memory_gb": 0.5, "gpus": 8}}}, "pool m", "the largest other one has 4 CPU"),
        ({"packages": {"no-such-package": ""}}, "package no-such-package", "none on "),
        ({"packages": {"ray": "<1"}}, "package ray", "2."),
        ({"packages": {"python": "<3"}}, "package python", "3."),
        (
            {
                "pools": {"m": {"cpus": 4, "memory_gb": 0.5}, "web": {"cpus": 1, "memory_gb": 1}},
                "verbs": {"serve": "web"},
            },
            "placement",
            "serve on web",
        ),
        ({"security": {"token": True}}, "token", "a request without a token gets 200"),
    ],
)
def test_what_differs_is_told_with_a_mend(look, change, name, told):
    check = look(**change)[name]
    assert not check.ok
    assert told in check.detail
    assert check.mend


@pytest.mark.ray
def test_storage_that_cannot_be_written_is_told(look, tmp_path):
    (tmp_path / "file").write_text("no folder")
    check = look(storage=str(tmp_path / "file" / "runs"))["storage"]
    assert not check.ok
    assert "cannot write" in check.detail


def test_a_probe_says_what_is_installed():
    versions = probe.versions(["python", "ganray", "no-such-package"])
    assert versions["python"].startswith("3.")
    assert versions["ganray"]
    assert versions["no-such-package"] == ""


def test_a_probe_reads_what_another_wrote_and_says_why_it_cannot(tmp_path):
    assert probe.write(str(tmp_path / "new"), "a", "words") == ""
    assert probe.read(str(tmp_path / "new"), "a") == "words"
    probe.remove(str(tmp_path / "new"), "a")
    assert probe.read(str(tmp_path / "new"), "a") == ""
    (tmp_path / "file").write_text("")
    assert "Error" in probe.write(str(tmp_path / "file" / "x"), "a", "words")


def test_a_probe_finds_closed_ports_and_the_interface_of_an_address():
    import socket

    from ganray.provisioning.connect import free_port

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port, closed = server.getsockname()[1], free_port()
        assert probe.closed_ports([("127.0.0.1", port), ("127.0.0.1", closed)]) == [f"127.0.0.1:{closed}"]
    assert probe.interface("192.0.2.1")["name"] == ""
    assert set(probe.interface("127.0.0.1")) == {"name", "resolves", "gloo", "nccl"}


def nodes(*addresses: str) -> list[dict[str, Any]]:
    return [
        {
            "NodeManagerAddress": one,
            "NodeID": one,
            "NodeManagerPort": 1,
            "ObjectManagerPort": 2,
            "Resources": {"CPU": 1},
        }
        for one in addresses
    ]


def answering(monkeypatch, answer):
    from ganray.provisioning import network

    monkeypatch.setattr(network, "ask", lambda node, question, *rest: answer(node["NodeManagerAddress"]))
    return network


def test_a_clock_that_is_wrong_is_told(monkeypatch):
    network = answering(monkeypatch, lambda address: time.time() + (9 if address == "10.0.0.2" else 0))
    check = network.clocks(nodes("10.0.0.1", "10.0.0.2"))
    assert not check.ok
    assert "10.0.0.2" in check.detail
    assert network.clocks(nodes("10.0.0.1")).ok


@pytest.mark.parametrize(
    ("there", "ok"),
    [
        ({"name": "eth0", "resolves": "10.0.0.1", "gloo": "", "nccl": ""}, True),
        ({"name": "eth0", "resolves": "127.0.1.1", "gloo": "", "nccl": ""}, False),
        ({"name": "eth0", "resolves": "127.0.1.1", "gloo": "eth0", "nccl": "eth0"}, True),
        ({"name": "eth0", "resolves": "10.0.0.1", "gloo": "docker0", "nccl": ""}, False),
    ],
)
def test_an_interface_that_gloo_would_get_wrong_is_told(monkeypatch, there, ok):
    check = answering(monkeypatch, lambda address: there).interfaces(nodes("10.0.0.1", "10.0.0.2"))
    assert check.ok == ok
    assert ok or "GLOO_SOCKET_IFNAME=eth0" in check.mend


def test_closed_ports_are_told(monkeypatch):
    network = answering(monkeypatch, lambda address: ["10.0.0.2:1"] if address == "10.0.0.1" else [])
    check = network.ports(nodes("10.0.0.1", "10.0.0.2"))
    assert not check.ok
    assert "10.0.0.2:1" in check.detail


def test_nothing_answers_where_nothing_listens():
    from ganray.provisioning.connect import free_port

    assert probe.knock(f"http://127.0.0.1:{free_port()}/", timeout_s=2) == 0


def test_the_head_is_started_as_the_config_says():
    cluster = load(ClusterConfig, CONFIG | {"pools": {"m": {"cpus": 8, "memory_gb": 16, "gpus": 2}}})
    command = head_command(cluster)
    assert command[:4] == ["ray", "start", "--head", "--block"]
    assert {"--num-cpus=8", "--num-gpus=2", "--memory=16000000000", "--dashboard-host=127.0.0.1"} <= set(command)
    assert environment(cluster) == {"RAY_AUTH_MODE": "disabled", **STOP_WAIT}
    several = {"m": {"cpus": 8, "memory_gb": 16, "max_nodes": 2}}
    cluster = load(ClusterConfig, CONFIG | {"security": {}, "pools": several})
    assert environment(cluster) == {"RAY_AUTH_MODE": "token", **STOP_WAIT, **LOST_NODE}
