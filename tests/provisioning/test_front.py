"""What a Ray that is started here is told of HAProxy."""

import inspect
import resource
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from ray.serve._private import constants

from ganray.provisioning import front


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

    def ports() -> set[int]:
        told = front.environment(1, 2)
        first, end = (int(told[f"RAY_SERVE_DIRECT_INGRESS_{which}_HTTP_PORT"]) for which in ("MIN", "MAX"))
        fallback = [int(told[f"RAY_SERVE_FALLBACK_PROXY_{kind}_PORT"]) for kind in ("HTTP", "GRPC")]
        assert not set(fallback) & set(range(first, end))
        return {*range(first, end), *fallback}

    its = ports()
    with socket.socket() as another:
        another.bind(("127.0.0.1", max(its) - 1))
        another.listen()
        assert not ports() & its
    assert ports() == its


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
