"""What a Ray that is started here is told of HAProxy."""

import importlib
import inspect
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE

import pytest
from ray.serve._private import constants

from ganray.provisioning import front


def ports(told) -> set[int]:
    """All that an environment's Ray has behind HAProxy."""
    first, end = (int(told[f"RAY_SERVE_DIRECT_INGRESS_{which}_HTTP_PORT"]) for which in ("MIN", "MAX"))
    fallback = [int(told[f"RAY_SERVE_FALLBACK_PROXY_{kind}_PORT"]) for kind in ("HTTP", "GRPC")]
    assert not set(fallback) & set(range(first, end))
    return {*range(first, end), *fallback}


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_SERVE_HAPROXY_BINARY_PATH", raising=False)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_its_files_lie_where_nobody_else_can_reach_them(temporary):
    told = front.environment(1, 2)
    folder = Path(told["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parent
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (told["RAY_SERVE_HAPROXY_METRICS_PORT"], told["RAY_SERVE_HAPROXY_STATS_PORT"]) == ("1", "2")


def test_haproxy_takes_rays_configuration_with_what_is_added_to_its_door(temporary):
    program = front.environment(1, 2)["RAY_SERVE_HAPROXY_BINARY_PATH"]
    config = temporary / "a folder" / "haproxy.cfg"
    config.parent.mkdir()
    timeouts = "".join(f"  timeout {which} 5s\n" for which in ("client", "server", "connect"))
    config.write_text(f"defaults\n  mode http\n{timeouts}frontend http_frontend\n  bind 127.0.0.1:1\n")
    checked = subprocess.run([program, "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    more = Path(f"{config}.more").read_text()
    assert more.index("frontend http_frontend") < more.index("wait-for-body time 10s") < more.index("bind 127")


def test_a_process_within_another_that_serves_finds_haproxy_and_not_itself(temporary, monkeypatch):
    program = front.environment(1, 2)["RAY_SERVE_HAPROXY_BINARY_PATH"]
    before = Path(program).read_text()
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", program)
    assert front.environment(1, 2)["RAY_SERVE_HAPROXY_BINARY_PATH"] == program
    assert Path(program).read_text() == before
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", "/opt/haproxy")  # somebody's own
    front.environment(1, 2)
    assert "/opt/haproxy" in Path(program).read_text()


def test_two_services_of_a_machine_have_no_port_in_common(temporary):
    """Ray's own are the same everywhere: while one had no front up, the other answered its requests."""

    its = ports(front.environment(1, 2))
    with socket.socket() as another:
        another.bind(("127.0.0.1", max(its) - 1))
        another.listen()
        assert not ports(front.environment(1, 2)) & its


def test_two_that_start_at_once_have_none_either_though_nobody_listens_yet(temporary, monkeypatch):
    told = "print(json.dumps(front.environment(1, 2)), flush=True)"
    code = f"import json; from ganray.provisioning import front; {told}; input()"
    environment = os.environ | {"TMPDIR": str(temporary)}
    begun = [
        subprocess.Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    taken = [ports(json.loads(one.stdout.readline())) for one in begun]
    monkeypatch.setattr(front, "PORTS_UNTIL", front.PORTS_FROM)
    for theirs in taken:  # whichever is tried first, it is held
        start = min(theirs)
        assert not front._held(temporary / f"ganray-proxy-{os.getuid()}" / f"ports-{start}", start)
    for one in begun:
        one.communicate("\n", timeout=60)
    assert not taken[0] & taken[1]


def test_where_no_ports_are_left_haproxy_is_left_alone(temporary, monkeypatch):
    monkeypatch.setattr(front, "_HELD", {})
    monkeypatch.setattr(front, "PORTS_UNTIL", front.PORTS_FROM)
    assert front.environment(1, 2) == {}


def test_what_somebody_chose_stays_at_a_second_start(temporary, monkeypatch):
    """Ports are taken anew where they are those of a service before; a switch of one's own is not."""
    connect = importlib.import_module("ganray.provisioning.connect")
    begun = []
    monkeypatch.setattr(connect, "_init", lambda *_, **__: begun.append(dict(os.environ)))
    monkeypatch.setattr(connect.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(connect, "stop_as_ctrl_c", lambda: None)
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"RAY_SERVE_ENABLE_HA_PROXY": "0"})
    for name in front.environment(1, 2):
        if name != "RAY_SERVE_ENABLE_HA_PROXY":
            os.environ.pop(name, None)
    connect.connect("local")
    with socket.socket() as another:
        another.bind(("127.0.0.1", min(ports(begun[0]))))
        another.listen()
        connect.connect("local")
    assert [one["RAY_SERVE_ENABLE_HA_PROXY"] for one in begun] == ["0", "0"]
    assert not ports(begun[0]) & ports(begun[1])


def test_every_switch_is_one_that_ray_reads(temporary):
    source = Path(inspect.getfile(constants)).read_text()
    assert [name for name in front.environment(1, 2) if f'"{name}"' not in source] == []


def test_what_another_service_left_in_the_environment_is_known(temporary, monkeypatch):
    assert not front.inherited()
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", "/opt/haproxy")
    assert not front.inherited()
    monkeypatch.delenv("RAY_SERVE_HAPROXY_BINARY_PATH")
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", front.environment(1, 2)["RAY_SERVE_HAPROXY_BINARY_PATH"])
    assert front.inherited()


def test_a_folder_that_is_open_to_others_is_closed(temporary):
    folder = Path(front.environment(1, 2)["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parent
    folder.chmod(0o777)
    front.environment(1, 2)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_where_somebody_else_has_the_folder_haproxy_is_left_alone(temporary):
    folder = Path(front.environment(1, 2)["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parent
    shutil.rmtree(folder)
    folder.symlink_to(temporary)
    assert front.environment(1, 2) == {}


def test_it_asks_for_no_more_connections_than_it_may_have(temporary, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 10_000))
    assert 2.5 * int(front.environment(1, 2)["RAY_SERVE_HAPROXY_MAXCONN"]) < 10_000
