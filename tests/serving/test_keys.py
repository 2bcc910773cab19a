"""API keys: who may ask, how often, and that changing them needs no restart."""

import asyncio
import json
import os
import re
from pathlib import Path

import openai
import pytest
import requests

from ganray.cli import main
from ganray.errors import ConfigError, UsageError
from ganray.serving import keys
from ganray.serving.errors import ApiError
from ganray.serving.routes import create_app


def asked(endpoint, secret: str | None, path: str = "/v1/models") -> requests.Response:
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    return requests.get(f"{endpoint.url}{path}", headers=headers, timeout=30)


def test_with_a_key_openais_own_client_is_served(guarded):
    endpoint, _, secret = guarded
    client = openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=secret)
    assert [model.id for model in client.models.list()]
    spoken = client.audio.speech.create(model="reader", voice="reader", input="Hello there.", response_format="wav")
    assert len(spoken.content) > 1000


@pytest.mark.parametrize("secret", [None, "", "none", "gr-" + "A" * 43, "x" * 10_000])
def test_without_one_it_gets_401_in_openais_shape(guarded, secret):
    endpoint, path, _ = guarded
    told = asked(endpoint, secret)
    assert told.status_code == 401
    assert told.headers["www-authenticate"] == "Bearer"
    assert told.json()["error"]["code"] == "invalid_api_key"
    assert not secret or secret not in told.text, "a key is never repeated"
    client = openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
    hashed = re.search(r"sha256:(\w+)", path.read_text())[1]
    assert asked(endpoint, hashed).status_code == 401, "who reads the file has no key"


def test_nothing_is_made_and_nothing_read_without_a_key(guarded):
    endpoint, _, _ = guarded
    before = list(endpoint.service.made)
    for route in ("speech", "vocode"):
        told = requests.post(f"{endpoint.url}/v1/audio/{route}", data=b"x" * 100_000, timeout=30)
        assert told.status_code == 401
    assert endpoint.service.made == before


def test_the_page_and_its_health_are_open(guarded):
    endpoint, _, _ = guarded
    for path in ("/", "/healthz", "/openapi.json", "/page.js"):
        assert asked(endpoint, None, path).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/speech", "/v1"])
def test_a_key_is_wanted_wherever_the_application_begins(guarded, prefix):
    """As Serve calls it with `route_prefix: /speech`."""
    endpoint, _, secret = guarded
    app = create_app(lambda: endpoint.service)

    async def asked(headers: list) -> int:
        statuses = []

        async def receive() -> dict:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict) -> None:
            statuses.append(message.get("status"))

        scope = {"type": "http", "method": "GET", "path": f"{prefix}/v1/models", "root_path": prefix}
        await app(
            scope | {"headers": headers, "query_string": b"", "http_version": "1.1", "scheme": "http"}, receive, send
        )
        return statuses[0]

    assert asyncio.run(asked([])) == 401
    assert asyncio.run(asked([(b"authorization", f"Bearer {secret}".encode())])) == 200


def test_keys_come_and_go_without_a_restart(guarded):
    endpoint, path, alice = guarded
    assert asked(endpoint, alice).status_code == 200
    bob = keys.add(path, "bob")
    assert [asked(endpoint, secret).status_code for secret in (alice, bob)] == [200, 200]
    keys.remove(path, "alice")
    assert [asked(endpoint, secret).status_code for secret in (alice, bob)] == [401, 200]
    path.write_text("half a li")
    os.utime(path, ns=(1, 1))
    assert asked(endpoint, bob).status_code == 200, "a damaged file changes nothing"


def test_a_key_may_ask_so_often_a_minute(guarded):
    endpoint, path, alice = guarded
    slow = keys.add(path, "slow", per_minute=3)
    told = [asked(endpoint, slow) for _ in range(4)]
    assert [one.status_code for one in told] == [200, 200, 200, 429]
    assert told[-1].json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(told[-1].headers["retry-after"]) <= 20
    assert asked(endpoint, alice).status_code == 200


def test_the_bucket_fills_again(tmp_path):
    now = [100.0]
    path = tmp_path / "keys.txt"
    secret = keys.add(path, "slow", per_minute=2)
    front = keys.Keys(path, clock=lambda: now[0])
    assert [front.admit(secret), front.admit(secret)] == ["slow", "slow"]
    with pytest.raises(ApiError) as caught:
        front.admit(secret)
    assert caught.value.retry_after_s == pytest.approx(30)
    now[0] += 30.1
    assert front.admit(secret) == "slow"


def test_the_file_holds_no_key_and_is_its_owners(tmp_path):
    path = tmp_path / "keys.txt"
    secret = keys.add(path, "alice", 60)
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert [(key.name, key.per_minute) for key in keys.read(path)] == [("alice", 60)]
    with pytest.raises(UsageError, match="there is a key alice"):
        keys.add(path, "alice")
    with pytest.raises(UsageError, match="no key bob"):
        keys.remove(path, "bob")


def test_a_damaged_file_is_told_line_by_line(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"# who\na sha256:{'0' * 64}\na sha256:{'1' * 64} 5\nb md5:00\nc sha256:{'0' * 64} 0\n")
    with pytest.raises(ConfigError) as caught:
        keys.read(path)
    assert [problem.path for problem in caught.value.problems] == ["line 3", "line 4", "line 5"]
    with pytest.raises(ConfigError, match="ganray keys add"):
        keys.read(tmp_path / "nothing")


def test_the_command_makes_lists_and_removes(tmp_path, capsys):
    path = tmp_path / "keys.txt"

    def run(*words: str) -> dict:
        with pytest.raises(SystemExit) as ended:
            main(["keys", *words, "--json"])
        assert ended.value.code == 0
        return json.loads(capsys.readouterr().out)

    made = run("add", str(path), "alice", "--per-minute", "6")
    assert keys.Keys(Path(made["file"])).admit(made["key"]) == "alice"
    assert run("list", str(path))["keys"] == [{"name": "alice", "per_minute": 6}]
    run("remove", str(path), "alice")
    assert run("list", str(path))["keys"] == []
