"""Errors as HTTP: every one, whatever raised it, leaves in the OpenAI envelope.

{"error": {"message": …, "type": …, "param": …, "code": …}}
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ganray.errors import AudioContractError, DataError, GanrayError, UsageError

log = logging.getLogger("ray.serve")


class ApiError(Exception):
    """An answer that is no success; it lives and dies in one ingress.

    Args:
        status: HTTP status.
        message: What is wrong, in one line.
        code: A word that programs can test.
        param: The field that is at fault.
        retry_after_s: When to come again.
        mend: What to do about it.
        hang_up: Whether to close the connection, with what may still come on it unread.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        retry_after_s: float | None = None,
        mend: str = "",
        hang_up: bool = False,
    ) -> None:
        super().__init__(f"{message}; {mend}" if mend else message)
        self.status, self.code, self.param = status, code, param
        self.retry_after_s, self.hang_up = retry_after_s, hang_up

    def as_json(self) -> dict[str, str | None]:
        """What the envelope holds."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        kind = "rate_limit_error" if self.status == 429 else kind
        return {"message": str(self), "type": kind, "param": self.param, "code": self.code}

    def response(self) -> JSONResponse:
        """The envelope."""
        headers = {}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if self.retry_after_s:
            headers["Retry-After"] = str(math.ceil(self.retry_after_s))
        if self.status == 426:
            headers["Upgrade"] = "websocket"
        if self.hang_up:
            headers["Connection"] = "close"
        return JSONResponse({"error": self.as_json()}, self.status, headers)


class OverloadedError(Exception):
    """A replica has promised all that it can keep.

    Args:
        retry_after_s: When what it has promised is done.
    """

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


def as_api_error(error: BaseException) -> ApiError | None:
    """What `error` means to a client; None when it is no fault that we know."""
    error = getattr(error, "cause", None) or error  # a replica's error arrives wrapped in a RayTaskError
    if isinstance(error, ApiError):
        return error
    if isinstance(error, AudioContractError):
        return ApiError(400, _words(error), code="audio_contract_mismatch", param="audio_contract")
    if isinstance(error, DataError):
        return ApiError(400, _words(error), code="invalid_audio", param="file")
    if isinstance(error, UsageError):
        return ApiError(400, _words(error), code="invalid_request")
    if isinstance(error, BackPressureError):
        return _overloaded(error.status_code, "every replica is busy and the queue is full", error.retry_after_s or 1)
    if isinstance(error, OverloadedError):
        return _overloaded(429, "whoever listens now would hear gaps if this were begun", error.retry_after_s)
    if type(error) is GanrayError:  # a voice's fault, and nobody's who asked
        return ApiError(500, _words(error), code="voice_failed")
    if isinstance(error, DeploymentUnavailableError | RayActorError):
        return ApiError(503, "no replica could take the request", code="no_replica", retry_after_s=1, mend="come again")
    return None


def _overloaded(status: int, message: str, retry_after_s: float) -> ApiError:
    mend = "come again after the seconds in Retry-After"
    return ApiError(status, message, code="server_is_overloaded", retry_after_s=retry_after_s, mend=mend)


@contextmanager
def as_api_errors() -> Iterator[None]:
    """Inside, what Ray raises becomes an `ApiError`: for its own errors Ray gives the app handlers that would answer in
    plain text, before `Guard`."""
    try:
        yield
    except Exception as error:
        known = as_api_error(error)
        if known is None:
            raise
        raise known from error


def _words(error: GanrayError) -> str:
    """The error on one line."""
    first = str(error).split("\n")[0]
    return first + (f" ({'; '.join(problem.rule for problem in error.problems)})" if error.problems else "")


def install(app: FastAPI) -> None:
    """Give every error of `app` the envelope."""

    @app.exception_handler(HTTPException)
    async def _refused(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
        message = {
            404: f"there is nothing at {request.url.path}; GET /openapi.json lists what there is",
            405: f"{request.url.path} takes no {request.method}",
        }.get(error.status_code, str(error.detail))
        response = ApiError(error.status_code, message, code=code).response()
        response.headers.update(error.headers or {})
        return response

    app.add_middleware(Guard)


class Guard:
    """The last net: an error before the first byte becomes an envelope; one after it cuts the connection.

    Starlette's own handler of unexpected errors raises them again after it has answered, which Ray's proxy then takes
    for a failed replica.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if begun:
                raise
            known = as_api_error(error)
            if known is None:
                log.exception("request %s %s failed", scope["method"], scope["path"])
                request_id: Any = dict(scope["headers"]).get(b"x-request-id", b"unknown").decode("latin-1")
                known = ApiError(500, f"this should not have happened (request {request_id})", code="internal_error")
            await known.response()(scope, receive, send)
        return None
