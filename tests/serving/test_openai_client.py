"""OpenAI's own client, row by row of what is known to go wrong with it at servers that are almost conforming."""

import base64
import json
import threading
import time

import openai
import pytest
from ray.serve.exceptions import BackPressureError

from ganray.config.serve import AccessConfig
from ganray.errors import GanrayError
from ganray.serving import keys

FRAMES = 20 * 256
"""Samples that the stand-in makes of a word."""
SAID = {"model": "tts-1", "voice": "reader", "input": "Two words."}


def client_of(endpoint, key: str = "none", retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=key, max_retries=retries)


def test_a_voice_may_be_an_object(endpoint):
    said = client_of(endpoint).audio.speech.create(**SAID | {"voice": {"id": "reader"}, "response_format": "pcm"})
    assert len(said.content) == 2 * 2 * FRAMES


def test_events_are_read_line_by_line(endpoint):
    speech = client_of(endpoint).audio.speech.with_streaming_response
    with speech.create(**SAID, response_format="pcm", stream_format="sse") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line]
    audio = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
    assert len(audio) == 2 * 2 * FRAMES
    assert events[-1] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 10, "output_tokens": 40, "total_tokens": 50},
    }


@pytest.mark.parametrize(
    ("change", "fails", "kind", "code"),
    [
        ({"input": "x" * 4097}, None, openai.BadRequestError, "string_above_max_length"),
        ({"speed": 9}, None, openai.BadRequestError, "invalid_value"),
        ({"voice": "nobody"}, None, openai.NotFoundError, "voice_not_found"),
        ({"model": "nobody"}, None, openai.NotFoundError, "model_not_found"),
        ({"instructions": "x" * 300_000}, None, openai.APIStatusError, "upload_too_large"),
        ({}, BackPressureError(9, 9, 429, 2), openai.RateLimitError, "server_is_overloaded"),
        ({}, BackPressureError(9, 9, 503, 2), openai.InternalServerError, "server_is_overloaded"),
        ({}, GanrayError("the voice made NaN"), openai.InternalServerError, "voice_failed"),
        ({}, ZeroDivisionError(), openai.InternalServerError, "internal_error"),
    ],
)
def test_every_error_is_the_clients_own_with_its_code_and_words(endpoint, change, fails, kind, code):
    endpoint.service.error = fails
    with pytest.raises(kind) as caught:
        client_of(endpoint).audio.speech.create(**SAID | change)
    error = caught.value
    assert (error.code, bool(error.type)) == (code, True)
    assert error.param == (next(iter(change), None) if error.status_code in (400, 404) else error.param)
    assert "Error code" not in error.body["message"]
    if error.status_code in (429, 503):
        assert error.response.headers["retry-after"] == "2"


def test_a_wrong_key_is_its_authentication_error(endpoint, tmp_path, monkeypatch):
    secret = keys.add(tmp_path / "keys", "me")
    config = endpoint.service.config.model_copy(update={"access": AccessConfig(keys=str(tmp_path / "keys"))})
    monkeypatch.setattr(endpoint.service, "config", config)
    with pytest.raises(openai.AuthenticationError) as caught:
        client_of(endpoint, "wrong").audio.speech.create(**SAID)
    assert caught.value.code == "invalid_api_key"
    assert client_of(endpoint, secret).audio.speech.create(**SAID).content


def test_it_comes_again_when_it_was_told_and_no_sooner(endpoint):
    endpoint.service.error = BackPressureError(9, 9, 429, 1)

    def recover() -> None:
        while not endpoint.service.asked:
            time.sleep(0.01)
        time.sleep(0.3)
        endpoint.service.error = None

    threading.Thread(target=recover, daemon=True).start()
    begin = time.monotonic()
    assert client_of(endpoint, retries=2).audio.speech.create(**SAID).content
    assert time.monotonic() - begin >= 1
    assert len(endpoint.service.asked) == 2
