"""What /openapi.json says, held against what the front does."""

import json
from collections.abc import Iterator

import pytest
import requests
from jsonschema import Draft202012Validator
from starlette.routing import Route, WebSocketRoute

from ganray.serving.routes import create_app
from ganray.serving.speech import SpeechFields

from .answers import error_of
from .test_speech_route import events_of, post


@pytest.fixture
def document(endpoint) -> dict:
    return requests.get(f"{endpoint.url}/openapi.json", timeout=60).json()


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def must_fit(document: dict, schema: dict, value: object) -> None:
    Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert len(found) > 10
    for reference in found:
        place = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


def test_every_route_of_the_api_is_told(document, endpoint):
    app = create_app(lambda: endpoint.service)
    routes = [route.path for route in app.routes if isinstance(route, Route | WebSocketRoute)]
    assert {path for path in routes if path.startswith("/v1")} == {path for path in document["paths"] if "/v1" in path}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ({"key": []} in operation.get("security", [])) == path.startswith("/v1")


def test_what_the_proxy_answers_by_itself_is_told_of_every_route(document):
    for path, operations in document["paths"].items():
        for told in (operation["responses"] for operation in operations.values() if path != "/healthz"):
            assert all("Retry-After" in told[status]["headers"] for status in ("502", "503", "504"))


def test_a_body_that_is_taken_is_one_that_is_told_of(document, endpoint):
    schema = document["paths"]["/v1/audio/speech"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == set(SpeechFields.model_fields)
    for voice in ("reader", {"id": "reader"}):
        body = {"model": "tts-1", "input": "Two words.", "voice": voice, "timestamps": ["word"], "speaker": {"a": 1}}
        must_fit(document, schema, body)
        assert post(endpoint, **body).status_code == 200


def test_what_is_answered_is_what_is_told(document, endpoint):
    answers = document["paths"]["/v1/audio/speech"]["post"]["responses"]
    content = answers["200"]["content"]
    timed = post(endpoint, timestamps=["word", "phoneme"])
    must_fit(document, content["application/json"]["schema"], timed.json())
    event = content["text/event-stream"]["schema"]["properties"]["data"]["contentSchema"]
    events = events_of(post(endpoint, stream_format="sse", timestamps=["word"]))
    endpoint.service.error, endpoint.service.error_at = RuntimeError(), 1
    events += events_of(post(endpoint, stream_format="sse"))
    assert {one["type"].rsplit(".", 1)[1] for one in events} == {"delta", "words", "done", "error"}
    for one in events:
        must_fit(document, event, one)
    told = {name.lower() for answer in answers.values() for name in answer["headers"]}
    assert {name for name in timed.headers if name.startswith("x-")} <= told
    with pytest.raises(Exception, match="is not valid under"):
        must_fit(document, event, {"type": "speech.audio.done", "usage": None})


def test_who_asks_the_websocket_for_a_page_is_told_what_it_is(document, endpoint):
    response = requests.get(f"{endpoint.url}/v1/audio/speech/stream", timeout=60)
    assert (response.status_code, error_of(response)["code"]) == (426, "upgrade_required")
    assert response.headers["upgrade"] == "websocket"
    told = document["paths"]["/v1/audio/speech/stream"]["get"]
    assert {"101", "426"} <= set(told["responses"])
    for kind in ("session.config", "input.text", "audio.start", "session.done"):
        assert json.dumps(kind)[1:-1] in told["description"]
