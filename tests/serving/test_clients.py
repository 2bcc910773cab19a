"""Clients that take nothing of what they asked for."""

import asyncio
import json
import time

import pytest

from ganray.serving.routes import create_app


def scope(kind: str, path: str) -> dict:
    told = {"type": kind, "method": "POST", "path": path, "root_path": "", "query_string": b"", "headers": []}
    return told | {"scheme": "http", "http_version": "1.1", "subprotocols": []}


@pytest.fixture
def app(endpoint, monkeypatch):
    limits = endpoint.service.config.limits.model_copy(update={"patience_s": 0.3})
    monkeypatch.setattr(endpoint.service, "config", endpoint.service.config.model_copy(update={"limits": limits}))
    return create_app(lambda: endpoint.service)


def left_alone(app, of: dict, messages: list[dict], taken: int) -> float:
    """Seconds until the app gives up on a client that takes so many messages and then no more."""

    async def run() -> None:
        waiting, count = list(messages), 0

        async def receive() -> dict:
            return waiting.pop(0) if waiting else await asyncio.Future()

        async def send(message: dict) -> None:
            nonlocal count
            count += 1
            if count > taken:
                await asyncio.Future()

        await app(of, receive, send)

    begin = time.monotonic()
    asyncio.run(asyncio.wait_for(run(), 20))
    return time.monotonic() - begin


@pytest.mark.parametrize("taken", [0, 2])
def test_a_download_that_stands_still_is_given_up_and_no_more_is_made_for_it(app, endpoint, taken):
    endpoint.service.pause_s = 0.02
    body = {"model": "reader", "voice": "reader", "input": "word " * 800, "response_format": "pcm"}
    asked = {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
    assert left_alone(app, scope("http", "/v1/audio/speech"), [asked], taken) >= 0.3
    assert len(endpoint.service.made) <= taken + 2


def test_a_session_that_stands_still_is_given_up(app, endpoint):
    said = [
        {"type": "session.config", "voice": "reader"},
        {"type": "input.text", "text": "word " * 800},
        {"type": "input.done"},
    ]
    messages = [{"type": "websocket.receive", "text": json.dumps(one)} for one in said]
    asked = [{"type": "websocket.connect"}, *messages]
    assert left_alone(app, scope("websocket", "/v1/audio/speech/stream"), asked, 4) >= 0.3
    assert len(endpoint.service.made) <= 4
