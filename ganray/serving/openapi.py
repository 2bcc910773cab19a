"""/openapi.json, true and complete: every status that a route answers with, and what is in it."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from ganray.audio import FORMATS
from ganray.serving import live
from ganray.serving.answers import ErrorAnswer, Event, TimedSpeech
from ganray.serving.requests import CONTRACT_HEADER, VocodeFields
from ganray.serving.speech import SpeechFields

Document = dict[str, Any]
Responses = dict[int | str, Document]
_REF = "#/components/schemas/{model}"
_WHY = {
    400: "The request is not as it must be.",
    401: "The API key is missing or unknown.",
    404: "There is no such voice.",
    408: "The body did not come in time.",
    409: "The test has all the results that it may have.",
    413: "The body is too large.",
    426: "This is a WebSocket.",
    429: "Too many requests, for this key or for the service; see Retry-After.",
    500: "The service failed.",
    502: "The front broke off before it answered; see Retry-After.",
    503: "No front is up, or no replica could take the request; see Retry-After.",
    504: "The front, or the replica that took the request, made nothing in time; see Retry-After.",
}
_TOLD = {
    "Retry-After": (
        "integer",
        "In how many seconds it may go well: as the backlog says, or 1 where no front answered.",
    ),
    "WWW-Authenticate": ("string", "Bearer"),
    "server-timing": ("string", "Milliseconds until the first audio."),
    "x-audio-seconds": ("number", "Length of the audio, where it is known beforehand."),
    "x-model": ("string", "The voice that answers: of a name that is being promoted, one of two."),
    "x-request-id": ("string", "The same as in the logs; none where no front answered."),
    "x-sample-rate": ("integer", "Of the audio, in Hz."),
    "x-seed": ("integer", "That makes the same bytes again."),
    "x-voice-digest": ("string", "Of the voice: same digest, same sound."),
}
_OF_STATUS = {401: ["WWW-Authenticate"], **{status: ["Retry-After"] for status in (429, 502, 503, 504)}}
_OF_THE_PROXY = (502, 503, 504)
"""HAProxy's, before any route is asked."""
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_KEY = {"type": "http", "scheme": "bearer", "description": "An API key, where the service has keys."}


def _headers(names: Iterable[str]) -> Document:
    told = {name: _TOLD[name] for name in [*names, "x-request-id"]}
    return {name: {"description": why, "schema": {"type": kind}} for name, (kind, why) in told.items()}


def errors(*statuses: int) -> Responses:
    """Responses in the envelope: a route's own, and those that may come of any."""
    return {
        status: {"model": ErrorAnswer, "description": _WHY[status], "headers": _headers(_OF_STATUS.get(status, []))}
        for status in (*statuses, *_OF_THE_PROXY)
    }


ASKS = errors(401, 404, 429, 500)
"""Errors of a route that tells something."""
MAKES = errors(400, 401, 404, 408, 413, 429, 500)
"""Errors of a route that makes audio."""


def _reference(to: type) -> Document:
    return {"$ref": _REF.format(model=to.__name__)}


def audio(**more: Document) -> Responses:
    """A response of audio in any format, or of what `more` holds by media type."""
    content = dict.fromkeys(FORMATS.values(), _BINARY)
    names = ["x-model", "x-voice-digest", "x-seed", "x-sample-rate", "x-audio-seconds", "server-timing"]
    return {200: {"description": "Audio, as it is made.", "content": content | more, "headers": _headers(names)}}


def speech_answers() -> Responses:
    """What `POST /v1/audio/speech` answers with."""
    event = TypeAdapter(Event).json_schema(ref_template=_REF)
    event.pop("$defs")
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": event}
    events = {"type": "object", "properties": {"data": data}, "required": ["data"]}
    return audio(**{"text/event-stream": {"schema": events}, "application/json": {"schema": _reference(TimedSpeech)}})


def speech_body() -> Document:
    """What `read_speech_request` reads."""
    return _body({"application/json": {"schema": SpeechFields.model_json_schema()}})


def vocode_body() -> Document:
    """What `read_vocode_request` reads."""
    fields = VocodeFields.model_json_schema()
    query = [{"name": name, "in": "query", **_parameter(field)} for name, field in fields["properties"].items()]
    contract = fields["properties"]["audio_contract"]
    header = {"name": CONTRACT_HEADER, "in": "header", **_parameter(contract)}
    fields["properties"]["file"] = {"type": "string", "format": "binary", "description": "Audio, or a mel."}
    fields["required"] = ["file"]
    kinds = {"multipart/form-data": {"schema": fields}, "audio/*": _BINARY, "application/octet-stream": _BINARY}
    return _body(kinds) | {"parameters": [*query, header]}


def _parameter(field: Document) -> Document:
    """A field of the form beside a raw body: an object is JSON there."""
    told = field["description"]
    if any(kind.get("type") == "object" for kind in field.get("anyOf", [])):
        schema: Document = {"type": "object"}
        return {"required": False, "description": told, "content": {"application/json": {"schema": schema}}}
    return {"required": False, "description": told, "schema": {k: v for k, v in field.items() if k != "description"}}


def live_session() -> Document:
    """The WebSocket, as far as OpenAPI can tell of one."""
    words = (live.__doc__ or "").strip()
    return {
        "description": f"```\n{words}\n```\nThe fields of `session.config` are those of `POST /v1/audio/speech`.",
        "responses": {"101": {"description": "A WebSocket."}},
    }


def _body(content: Document) -> Document:
    return {"requestBody": {"required": True, "content": content}}


def install(app: FastAPI) -> None:
    """Add what FastAPI can't know, and leave out what it adds and no route does: its own 422, which is a 400 here."""
    written: Callable[[], Document] = app.openapi

    def openapi() -> Document:
        if app.openapi_schema:
            return app.openapi_schema
        document = written()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                if path.startswith("/v1"):
                    operation["security"] = [{"key": []}, {}]
        components = document["components"]
        components["securitySchemes"] = {"key": _KEY}
        _, told = models_json_schema([(TimedSpeech, "serialization")], ref_template=_REF)
        event = TypeAdapter(Event).json_schema(ref_template=_REF)
        components["schemas"] |= told["$defs"] | event["$defs"]
        for name in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
