"""Doctor tells where the dashboard is open to more than the machine itself, whatever Ray says that it listens on."""

import socket
from typing import Any

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig
from ganray.provisioning import dashboard as module
from ganray.provisioning import probe
from ganray.provisioning.dashboard import HEAD, agents, dashboard

NODES = [{"Resources": {"CPU": 4}}, {"Resources": {HEAD: 1}}]


def config(**more: Any) -> ClusterConfig:
    document = {"name": "a", "storage": "runs", "pools": {"m": {"cpus": 4, "memory_gb": 4}}}
    return load(ClusterConfig, document | more)


@pytest.fixture
def look(monkeypatch):
    """look(addresses that it is reached at, status without a token, **security) -> {name: check}."""

    def see(reached: list[str], status: int = 401, **security: Any):
        answers = {probe.reached_at: reached, probe.knock: status}

        def ask(node, question, *arguments):
            assert node is NODES[1], "the head itself is asked"
            return answers[question]

        monkeypatch.setattr(module, "ask", ask)
        monkeypatch.setattr(module, "dashboard_url", lambda: "http://127.0.0.1:8265")
        return {check.name: check for check in dashboard(config(security=security), NODES)}

    return see


@pytest.mark.parametrize(
    ("reached", "wanted", "told"),
    [
        ([], "127.0.0.1", None),
        (["10.0.0.1"], "127.0.0.1", "open to the network on 10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", None),
        (["10.0.0.1", "192.168.0.1"], "10.0.0.1", "192.168.0.1"),
        (["10.0.0.1", "192.168.0.1"], "0.0.0.0", None),
        (["10.0.0.1", "8.8.8.8"], "0.0.0.0", "open to the world on 8.8.8.8"),
        (["2600::1"], "127.0.0.1", "open to the world on 2600::1"),
    ],
)
def test_who_reaches_it_is_told(look, reached, wanted, told):
    check = look(reached, dashboard_host=wanted)["dashboard"]
    assert check.ok == (told is None)
    assert told is None or told in check.detail
    assert check.ok or "--dashboard-host" in check.mend


@pytest.mark.parametrize(("token", "reached"), [(True, []), (False, ["10.0.0.1"])])
def test_whoever_needs_no_token_is_told_where_others_reach_it_or_one_is_wanted(look, token, reached):
    check = look(reached, 200, token=token)["token"]
    assert not check.ok
    assert "RAY_AUTH_MODE=token" in check.mend
    assert "token" not in look([], 200, token=False)


@pytest.mark.parametrize(
    ("ports", "reached", "status", "told"),
    [
        ({"one": 52365, "two": 52365}, None, 0, "port 52365 (second/two, which did not answer)"),
        ({"one": 52365, "two": 52365}, ["10.0.0.2"], 401, None),
        ({"one": 52365, "two": 52365}, ["10.0.0.2"], 0, "(second/two, which did not answer)"),
        ({"one": 52365, "two": 52365}, [], 200, None),
        ({"one": 52365, "two": 52365}, ["10.0.0.2"], 200, "10.0.0.2:52365 (second/two)"),
        ({"one": 52365}, ["10.0.0.2"], 200, None),
    ],
)
def test_an_agent_that_starts_anyones_jobs_is_told_wherever_the_dashboard_listens(
    monkeypatch, ports, reached, status, told
):
    """One machine of two asks for the token."""

    def ask(node, question, *arguments):
        if question is probe.reached_at:
            return reached
        if question is probe.is_up:
            return reached is not None
        return status if node["NodeID"] == "two" else 401

    monkeypatch.setattr(module, "ask", ask)
    nodes = [
        {"NodeID": node, "NodeManagerHostname": name, "DashboardAgentListenPort": ports.get(node, 0)}
        for node, name in {"one": "first", "two": "second"}.items()
    ]
    (check,) = agents(config(), nodes)
    assert check.ok == (told is None)
    assert told is None or told in check.detail
    assert check.ok or "RAY_AUTH_MODE=token" in check.mend


@pytest.mark.parametrize(
    ("address", "security", "providers", "ok"),
    [
        ("10.0.0.2", {"token": False, "network_policy": True}, {"kubernetes": {}}, True),
        ("8.8.8.8", {"token": False, "network_policy": True}, {"kubernetes": {}}, False),
        ("10.0.0.2", {"token": True, "network_policy": True}, {"kubernetes": {}}, False),
        ("10.0.0.2", {"token": False, "network_policy": True}, {}, False),
        ("10.0.0.2", {"token": False, "network_policy": True}, {"kubernetes": {}, "rack": {"ssh_user": "ray"}}, False),
        ("10.0.0.2", {"token": False}, {}, False),
    ],
)
def test_a_network_policy_of_kubernetes_stands_in_for_a_token_that_is_not_wanted(
    monkeypatch, address, security, providers, ok
):
    answers = {probe.is_up: True, probe.reached_at: [address], probe.knock: 200}
    monkeypatch.setattr(module, "ask", lambda node, question, *arguments: answers[question])
    node = {"NodeID": "one", "NodeManagerHostname": "first", "DashboardAgentListenPort": 52365}
    (check,) = agents(config(security=security, providers=providers), [node])
    assert check.ok == ok
    assert f"start jobs for whoever reaches {address}:52365" in check.detail


def test_where_no_agent_runs_there_is_no_word_of_it():
    assert agents(config(), [{"NodeID": "one", "DashboardAgentListenPort": 0}]) == []


def test_a_port_that_is_up_is_told_from_one_that_never_is():
    with socket.socket() as loopback:
        loopback.bind(("127.0.0.1", 0))
        port = loopback.getsockname()[1]
        assert not probe.is_up(port, patience_s=0)
        loopback.listen()
        assert probe.is_up(port, patience_s=0)


def test_a_port_that_is_open_on_loopback_alone_is_told_from_one_that_is_open_to_all():
    assert probe.reached_at(1) == []
    with socket.socket() as loopback, socket.socket() as everywhere:
        for server, host in ((loopback, "127.0.0.1"), (everywhere, "0.0.0.0")):
            server.bind((host, 0))
            server.listen()
        assert probe.reached_at(loopback.getsockname()[1]) == []
        found = probe.reached_at(everywhere.getsockname()[1])
    assert not [address for address in found if address.startswith("127.")]
