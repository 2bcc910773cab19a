"""Those who mean harm, or know no better: a clear 4xx or a closed connection, and the service goes on."""

import gzip
import json
import select
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ganray.serving import requests as arriving

from .answers import error_of
from .test_speech_route import post


@pytest.fixture
def impatient(endpoint, monkeypatch):
    limits = endpoint.service.config.limits.model_copy(update={"patience_s": 0.3})
    monkeypatch.setattr(endpoint.service, "config", endpoint.service.config.model_copy(update={"limits": limits}))
    return endpoint


def raw(endpoint, head: str, body: bytes = b"") -> socket.socket:
    """A connection on which a request was begun."""
    where = urlsplit(endpoint.url)
    connection = socket.create_connection((where.hostname, where.port), timeout=30)
    connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
    return connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    content = b""
    try:
        while block := connection.recv(65_536):
            content += block
    except ConnectionResetError:
        pass
    return content


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/vocode"])
def test_a_body_that_never_comes_is_given_up(impatient, path):
    begin = time.monotonic()
    connection = raw(impatient, f"POST {path} HTTP/1.1\nHost: x\nContent-Length: 1000", b"{")
    assert answer(connection).startswith(b"HTTP/1.1 408 ")
    assert 0.2 < time.monotonic() - begin < 10


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/vocode"])
def test_a_body_that_trickles_is_given_up_long_before(endpoint, monkeypatch, path):
    monkeypatch.setattr(arriving, "HEAD_START_S", 0.3)
    begin = time.monotonic()
    connection = raw(endpoint, f"POST {path} HTTP/1.1\nHost: x\nContent-Length: 1000", b"{" * 100)
    told = answer(connection)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"less than 1000 bytes a second" in told
    assert 0.35 < time.monotonic() - begin < 10  # a hundred bytes are worth a tenth of a second


def test_bodies_that_would_fill_the_memory_together_are_refused_and_then_forgotten(endpoint, monkeypatch):
    monkeypatch.setattr(arriving, "MOST_HELD_BYTES", 150_000)
    head = "POST /v1/audio/vocode HTTP/1.1\nHost: x\nContent-Length: 200000"
    first, second = raw(endpoint, head, bytes(100_000)), raw(endpoint, head, bytes(100_000))
    ready, _, _ = select.select([first, second], [], [], 20)
    told = answer(ready[0])
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5" in told.lower()
    for connection in (first, second):
        connection.close()
    assert post(endpoint).status_code == 200


def test_a_session_in_which_nothing_is_said_is_closed(impatient):
    with connect(f"{impatient.url.replace('http', 'ws')}/v1/audio/speech/stream") as session:
        session.send(json.dumps({"type": "session.config", "voice": "reader"}))
        told = [json.loads(session.recv(timeout=20)) for _ in range(2)]
        assert told[1]["error"]["code"] == "request_timeout"
        with pytest.raises(ConnectionClosed):
            session.recv(timeout=20)


def test_two_hundred_slow_connections_keep_nobody_out(endpoint):
    slow = [raw(endpoint, "POST /v1/audio/speech HTTP/1.1\nHost: x\nContent-Length: 1000", b"{") for _ in range(200)]
    begin = time.monotonic()
    assert post(endpoint).status_code == 200
    assert time.monotonic() - begin < 10
    for connection in slow:
        connection.close()


def test_a_bomb_stays_packed(endpoint):
    """Nothing unpacks a body: 10 MB that would be 10 GB are bytes that are no JSON, and no audio."""
    bomb = gzip.compress(bytes(10_000_000))
    kinds = {"content-encoding": "gzip", "content-type": "application/json"}
    speech = requests.post(f"{endpoint.url}/v1/audio/speech", data=bomb, headers=kinds, timeout=60)
    assert (speech.status_code, error_of(speech)["code"]) == (400, "invalid_json")
    vocode = requests.post(f"{endpoint.url}/v1/audio/vocode", data=bomb, headers=kinds, timeout=60)
    assert vocode.status_code == 400


def test_json_of_a_million_brackets_is_no_crash(endpoint):
    response = requests.post(f"{endpoint.url}/v1/audio/speech", data=b"[" * 200_000, timeout=60)
    assert (response.status_code, error_of(response)["code"]) == (400, "invalid_json")


TRICKS = ["../../etc/passwd", "..%2f..%2fetc", "/etc/passwd", "reader/../reader", "reader\x00", "a" * 5000, "‮redaer"]


@pytest.mark.parametrize("name", TRICKS)
def test_a_name_is_a_name_and_never_a_path(endpoint, name):
    for fields in ({"voice": name}, {"model": name, "voice": "default"}, {"voice": {"id": name}}):
        response = post(endpoint, **fields)
        assert response.status_code in (400, 404), response.text
        assert response.json()["error"]["param"] in ("voice", "model")
    answer = requests.get(f"{endpoint.url}/v1/vocoders/{requests.utils.quote(name, safe='')}", timeout=60)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "head",
    [
        "POST /v1/audio/speech HTTP/1.1\nHost: x\nContent-Length: 5\nContent-Length: 900",
        "POST /v1/audio/speech HTTP/1.1\nHost: x\nContent-Length: -1",
        "POST /v1/audio/speech HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\nContent-Length: 5",
        "GET /../../../etc/passwd HTTP/1.1\nHost: x\nConnection: close",
        "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\nHost: x\nConnection: close",
        "GET / HTTP/1.1\nHost: x\nX: " + "y" * 200_000,
        "\x16\x03\x01\x02",
    ],
)
def test_heads_that_smuggle_or_stray_get_a_4xx_or_nothing(endpoint, head):
    connection = raw(endpoint, head, b"zz\r\n\r\n")
    connection.shutdown(socket.SHUT_WR)
    said = answer(connection)
    assert said == b"" or said.split(b" ")[1].startswith(b"4"), said[:200]
    assert b"root:" not in said
    assert post(endpoint).status_code == 200
