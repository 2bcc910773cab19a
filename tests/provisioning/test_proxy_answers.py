"""What HAProxy says by itself: by Ray's own configuration, with ganray's additions, before a front that fails."""

import json
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
from ray.serve.config import HTTPOptions

from ganray.provisioning import front
from ganray.provisioning.connect import free_port


class Front(BaseHTTPRequestHandler):
    """It is healthy, and answers nobody."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        if self.path == "/hang":
            time.sleep(3)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def failing():
    """The port of a front that answers nobody."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, failing):
    """`proxy(PORT)` -> where HAProxy answers that has this front behind it; None: it has no application."""
    started = []

    def start(port: int | None, counters: tuple[int, int] | None = None) -> tuple[str, int]:
        folder = tmp_path_factory.mktemp("proxy")
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("RAY_SERVE_HAPROXY_BINARY_PATH", raising=False)
            patch.setattr(tempfile, "gettempdir", lambda: str(folder))
            program = front.environment(1, 2)["RAY_SERVE_HAPROXY_BINARY_PATH"]
        door, path = free_port(), str(folder / "haproxy.cfg")
        metrics_port, stats_port = counters or (free_port(), free_port())
        config = HAProxyConfig(
            socket_path=str(folder / "admin.sock"),
            server_state_base=str(folder),
            server_state_file=str(folder / "server-state"),
            metrics_socket_path=str(folder / "metrics.sock"),
            metrics_port=metrics_port,
            stats_port=stats_port,
            maxconn=100,
            timeout_server_s=1,
            http_options=HTTPOptions(host="127.0.0.1", port=door),
            has_received_routes=True,
            is_head=True,
        )
        app = BackendConfig(name="speech", path_prefix="/", app_name="speech")
        app.servers = [ServerConfig(name="front", host="127.0.0.1", port=port)] if port else []
        HAProxyApi(config, {"speech": app} if port else {}, path)._generate_config_file_internal()
        started.append(subprocess.Popen([program, "-db", "-f", path], stderr=subprocess.DEVNULL))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", door)) == 0:
                    return "127.0.0.1", door
            time.sleep(0.05)
        raise AssertionError("HAProxy did not start")

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def without_front(proxy):
    return proxy(free_port())


@pytest.fixture(scope="module")
def with_failing(proxy, failing):
    return proxy(failing)


def told(response: requests.Response) -> dict:
    """The envelope's error."""
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert set(document) == {"error"}
    assert set(document["error"]) == {"message", "type", "param", "code"}
    return document["error"]


def test_while_no_front_is_up_each_is_told_to_come_again(without_front):
    host, port = without_front
    response = requests.post(f"http://{host}:{port}/v1/audio/speech", json={}, timeout=30)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    error = told(response)
    assert (error["type"], error["code"]) == ("server_error", "no_front")


@pytest.mark.parametrize(("path", "status", "code"), [("/", 502, "front_failed"), ("/hang", 504, "front_timeout")])
def test_a_front_that_breaks_off_or_hangs_is_told_in_the_envelope(with_failing, path, status, code):
    host, port = with_failing
    response = requests.post(f"http://{host}:{port}{path}", data=b"x", timeout=30)
    assert (response.status_code, response.headers["retry-after"]) == (status, "1")
    assert told(response)["code"] == code


def test_before_there_is_an_application_each_is_told_so_in_the_envelope(proxy):
    host, port = proxy(None)
    response = requests.post(f"http://{host}:{port}/v1/audio/speech", json={}, timeout=30)
    assert (response.status_code, told(response)["code"]) == (404, "not_found")


def test_a_body_that_is_no_http_is_told_in_the_envelope(with_failing):
    with socket.create_connection(with_failing, timeout=30) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.2)  # or it is taken for a bad request, whose answer is HAProxy's own
        connection.sendall(b"no length\r\n")
        head, _, body = b"".join(iter(lambda: connection.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_its_counters_are_for_this_machine_alone(proxy):
    counters = free_port(), free_port()
    proxy(None, counters)
    for port, path in zip(counters, ("metrics", "stats"), strict=True):
        assert requests.get(f"http://127.0.0.1:{port}/{path}", timeout=30).ok
        with pytest.raises(requests.ConnectionError):  # all of 127.0.0.0/8 is this machine, but not what it listens on
            requests.get(f"http://127.0.0.2:{port}/{path}", timeout=30)
