"""Which web pages from elsewhere may ask: none, unless `access.origins` names theirs (CORS, fetch.spec.whatwg.org)."""

from collections.abc import Callable

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ganray.config.serve import AccessConfig

TOLD = (
    "retry-after",
    "server-timing",
    "x-audio-seconds",
    "x-model",
    "x-request-id",
    "x-sample-rate",
    "x-seed",
    "x-voice-digest",
)
"""Headers of a response that such a page may read."""


class Origins:
    """Tells browsers so, also beside an error. Credentials are none: a page has to hold a key of its own."""

    def __init__(self, app: ASGIApp, access: Callable[[], AccessConfig]) -> None:
        self._app, self._access = app, access
        self._asked: tuple[str, ...] = ()
        self._cors: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        origins = self._access().origins
        if origins != self._asked:
            self._asked = origins
            self._cors = CORSMiddleware(
                self._app, origins, allow_methods=("GET", "POST"), allow_headers=("*",), expose_headers=TOLD
            )
        return await (self._cors if origins else self._app)(scope, receive, send)
