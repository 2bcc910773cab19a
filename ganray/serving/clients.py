"""Clients that go away, or take nothing of what they asked for: no voice works on for them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from ganray.serving.errors import ApiError

T = TypeVar("T")
log = logging.getLogger("ray.serve")
ABNORMAL = 1006
"""A WebSocket that ended without a word (RFC 6455 §7.4.1)."""


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What comes of `work`, which is cancelled when the client goes away: until a response begins, nobody else looks.

    Args:
        request: With its body read.
        work: For it.

    Raises:
        ApiError: 499: nobody is there to answer.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ApiError(499, "the client went away", code="client_closed_request")
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Takers:
    """Treats a client that does not take a message within `patience_s` as one that went away."""

    def __init__(self, app: ASGIApp, patience_s: Callable[[], float]) -> None:
        self._app, self._patience_s = app, patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        gone = False

        async def in_time(message: Message) -> None:
            nonlocal gone
            try:
                await asyncio.wait_for(send(message), self._patience_s())
            except asyncio.TimeoutError as error:
                gone = True
                raise (ClientDisconnect() if scope["type"] == "http" else WebSocketDisconnect(ABNORMAL)) from error

        try:
            return await self._app(scope, receive, in_time)
        except ClientDisconnect:
            if not gone:
                raise
        log.info(f"a client took nothing of {scope['path']} for {self._patience_s():g} s and was let go")
        return None
