"""A request to make audio, as it arrives: its fields and its upload, read no further than the limit.

Two forms, one meaning:
    curl -F file=@in.wav -F response_format=mp3 URL/v1/audio/vocode            a form, as browsers send it
    curl --data-binary @in.wav 'URL/v1/audio/vocode?response_format=mp3'       the bytes alone, fields in the query
"""

import asyncio
import difflib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from ganray.config.schema import Schema
from ganray.config.serve import Format
from ganray.serving.errors import ApiError

T = TypeVar("T")
CONTRACT_HEADER = "x-audio-contract"
"""Carries `audio_contract` beside a raw body."""
FORM_OVERHEAD_BYTES = 64 * 1024
"""What a form may be larger than its file."""
HEAD_START_S, LEAST_BYTES_PER_S = 10.0, 1000.0
"""A body that is slower, after so many seconds, is not waited for: thousands of those would keep everybody out."""
MOST_HELD_BYTES = 2**30
"""Of bodies that are still coming, all together: many that are almost as large as allowed must not fill the memory."""


class VocodeFields(Schema):
    """The fields of `POST /v1/audio/vocode`."""

    model: str = "default"
    """Which voice, by its name in `GET /v1/models`."""
    voice: str = "default"
    """Another word for `model`."""
    response_format: Format = "wav"
    """wav, flac, mp3, opus, aac or pcm (16-bit little-endian, mono, at the voice's sample rate)."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Same seed, same bytes."""
    stream: bool = True
    """Send blocks as they are made; false makes the whole first, so that flac and mp3 headers hold their length."""
    file_format: Literal["auto", "f32"] = "auto"
    """auto: audio, or a mel as `.npy`. f32: a mel as nothing but its numbers, 32-bit little-endian floats, all frames
    of the first band before those of the second, as `mel.tobytes()` gives (n_mels, frames)."""
    audio_contract: dict[str, Any] | None = None
    """With a mel: the numbers that it was made with, as `GET /v1/vocoders/{id}` prints them under `audio`; as JSON."""

    @field_validator("audio_contract", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is no JSON: {error}") from error


@dataclass(frozen=True)
class VocodeRequest:
    """What was asked, and the bytes to ask it of."""

    fields: VocodeFields
    upload: bytes


async def within(seconds: float, reading: Awaitable[T]) -> T:
    """What is read, if it comes in time.

    Raises:
        ApiError: 408: it does not.
    """
    try:
        return await asyncio.wait_for(reading, seconds)
    except asyncio.TimeoutError as error:
        message = f"the body did not come within {seconds:g} s"
        raise ApiError(408, message, code="request_timeout", mend="send it at once", hang_up=True) from error


async def read_vocode_request(request: Request, max_upload_bytes: int) -> VocodeRequest:
    """Read a form or a raw body.

    Raises:
        ApiError: 413 when it is larger than allowed (as soon as that is known); 400 for anything else.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    given: dict[str, str] = dict(request.query_params)
    if CONTRACT_HEADER in request.headers:
        given["audio_contract"] = request.headers[CONTRACT_HEADER]
    if kind == "multipart/form-data":
        fields, upload = await _read_form(request, max_upload_bytes)
        given |= fields
    else:
        upload = await read_body(request, max_upload_bytes)
    if not upload:
        raise ApiError(
            400,
            "there is no audio in the request",
            code="missing_file",
            param="file",
            mend="send it as the form field `file`, or as the whole body",
        )
    return VocodeRequest(check_fields(given), upload)


def check_fields(given: Mapping[str, str]) -> VocodeFields:
    """Texts of a query or a form as typed fields.

    Raises:
        ApiError: 400 for the first field that is unknown or out of range.
    """
    try:
        return VocodeFields.model_validate(dict(given))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        param, value = str(detail["loc"][0]), detail["input"]
        if detail["type"] == "extra_forbidden":
            known = list(VocodeFields.model_fields)
            close = difflib.get_close_matches(param, known, 1, cutoff=0.7)
            mend = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            raise ApiError(400, f"unknown field {param}", code="unknown_field", param=param, mend=mend) from error
        message = detail["msg"].removeprefix("Value error, ")
        raise ApiError(
            400, f"{param} {str(value)[:80]!r}: {message[0].lower()}{message[1:]}", code="invalid_value", param=param
        ) from error


async def read_body(request: Request, most: int) -> bytes:
    """The whole body.

    Raises:
        ApiError: 413 when it is larger than `most` bytes.
    """
    return b"".join([chunk async for chunk in _limited(request, most, most)])


async def _read_form(request: Request, max_upload_bytes: int) -> tuple[dict[str, str], bytes]:
    body = _limited(request, max_upload_bytes + FORM_OVERHEAD_BYTES, max_upload_bytes)
    try:
        parser = MultiPartParser(request.headers, body, max_files=1, max_fields=16, max_part_size=32 * 1024)
        form = await parser.parse()
    except MultiPartException as error:
        raise ApiError(400, f"the form cannot be read: {error.message}", code="invalid_form", param="file") from error
    except KeyError as error:  # a content type without a boundary
        raise ApiError(400, "the form has no boundary", code="invalid_form", param="file") from error
    try:
        fields, upload = {}, b""
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name != "file":
                    raise ApiError(
                        400, f"unknown file field {name}", code="unknown_field", param=name, mend="call it `file`"
                    )
                upload = await value.read()
            else:
                fields[name] = value
    finally:
        await form.close()
    if len(upload) > max_upload_bytes:
        raise _too_large(max_upload_bytes)
    return fields, upload


class _Arriving:
    """The bodies that are still coming to this process."""

    held_bytes = 0


async def _limited(request: Request, stop_at: int, max_upload_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body as it arrives, up to `stop_at` bytes."""
    announced = request.headers.get("content-length", "")
    # Whoever sends a little too much may finish, and then reads the answer; an endless upload is cut off.
    hang_up = not announced.isdigit() or int(announced) > 10 * stop_at
    if announced.isdigit() and int(announced) > stop_at:
        raise _too_large(max_upload_bytes, hang_up)
    count, begin, stream = 0, time.monotonic(), request.stream()
    try:
        while True:
            due = begin + HEAD_START_S + count / LEAST_BYTES_PER_S
            chunk = await asyncio.wait_for(_next(stream), due - time.monotonic())
            if chunk is None:
                return
            count += len(chunk)
            _Arriving.held_bytes += len(chunk)
            if count > stop_at:
                raise _too_large(max_upload_bytes, hang_up)
            if _Arriving.held_bytes > MOST_HELD_BYTES:
                message, mend = "too many uploads are coming at once", "ask again in a few seconds"
                raise ApiError(503, message, code="overloaded", mend=mend, retry_after_s=5, hang_up=True)
            yield chunk
    except asyncio.TimeoutError as error:
        message = f"the body came at less than {LEAST_BYTES_PER_S:g} bytes a second"
        raise ApiError(408, message, code="request_timeout", mend="send it at once", hang_up=True) from error
    except ClientDisconnect as error:
        raise ApiError(499, "the client went away", code="client_closed_request") from error
    finally:
        _Arriving.held_bytes -= count


async def _next(stream: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(stream, None)


def _too_large(max_upload_bytes: int, hang_up: bool = False) -> ApiError:
    size = f"{max_upload_bytes / 2**20:g} MiB" if max_upload_bytes >= 2**20 else f"{max_upload_bytes} bytes"
    return ApiError(
        413,
        f"the upload is larger than {size}",
        code="upload_too_large",
        param="file",
        mend="send a shorter clip",
        hang_up=hang_up,
    )
