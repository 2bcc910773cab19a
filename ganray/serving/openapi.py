"""/openapi.json, true and complete: every status that a route answers with, and what is in it."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from ganray.audio import FORMATS
from ganray.serving.answers import ErrorAnswer
from ganray.serving.requests import VocodeFields
from ganray.serving.speech import SpeechFields

_WHY = {
    400: "The request is not as it must be.",
    401: "The API key is missing or unknown.",
    404: "There is no such voice.",
    408: "The body did not come in time.",
    409: "The test has all the results that it may have.",
    413: "The body is too large.",
    429: "Too many requests, for this key or for the service; see Retry-After.",
    500: "The service failed.",
    503: "No replica could take the request; see Retry-After.",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
EVENTS = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
"""A server-sent event: its data is JSON, {"type": "speech.audio.delta", "audio": …}, `.words`, `.done` or `.error`."""
Responses = dict[int | str, dict[str, Any]]


def errors(*statuses: int) -> Responses:
    """Responses in the envelope."""
    return {status: {"model": ErrorAnswer, "description": _WHY[status]} for status in statuses}


ASKS = errors(401, 404, 429, 500)
"""Errors of a route that tells something."""
MAKES = errors(400, 401, 404, 408, 413, 429, 500, 503)
"""Errors of a route that makes audio."""


def audio(**more: dict[str, Any]) -> Responses:
    """A response of audio in any format, or of what `more` holds by media type."""
    content = dict.fromkeys(FORMATS.values(), _BINARY)
    return {200: {"description": "Audio, as it is made.", "content": content | more}}


def speech_body() -> dict[str, Any]:
    """What `read_speech_request` reads."""
    return _body({"application/json": {"schema": SpeechFields.model_json_schema()}})


def vocode_body() -> dict[str, Any]:
    """What `read_vocode_request` reads."""
    fields = VocodeFields.model_json_schema()
    fields["properties"]["file"] = {"type": "string", "format": "binary", "description": "Audio, or a mel as .npy."}
    fields["required"] = ["file"]
    return _body({"multipart/form-data": {"schema": fields}, "audio/*": _BINARY, "application/octet-stream": _BINARY})


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def install(app: FastAPI) -> None:
    """Leave out what FastAPI adds and no route does: its own 422, which is a 400 here."""
    written: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        document = written()
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
