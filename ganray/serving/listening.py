"""Listening tests over HTTP: the page of a test to whoever has its address, and the answers back into its folder.

Off unless `listening.tests` names a folder. A test's address holds 64 random bits; that is all that a listener
needs, so that nobody hands out API keys. Sizes and counts are limited, and nothing of a request becomes a path.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response

from ganray.blind.collection import Collection, FullError, KeptTest
from ganray.errors import DataError
from ganray.serving.answers import Kept
from ganray.serving.errors import ApiError
from ganray.serving.openapi import errors
from ganray.serving.requests import read_body, within
from ganray.serving.service import Service

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


class Desk:
    """Finds the tests of a service.

    Args:
        service: Gives what stands behind the API, when a request comes.
    """

    def __init__(self, service: Callable[[], Service]) -> None:
        self._service = service
        self._tests: Collection | None = None

    async def test(self, identity: str) -> KeptTest:
        """The test of an id.

        Raises:
            ApiError: 404: there is none, or the service keeps none.
        """
        folder = self._service().config.listening.tests
        found = await asyncio.to_thread(self._find, folder, identity) if folder else None
        if found is None:
            message = "there is no such listening test" if folder else "this service keeps no listening tests"
            raise ApiError(404, message, code="test_not_found", param="test", mend="ask who gave you the address")
        return found

    def _find(self, folder: str, identity: str) -> KeptTest | None:
        try:
            if self._tests is None or str(self._tests.folder) != folder:
                self._tests = Collection(folder)
            return self._tests.test(identity)
        except DataError:  # the folder was there when the service started
            return None


def install(app: FastAPI, service: Callable[[], Service]) -> None:
    """Give the app both routes."""
    desk = Desk(service)

    @app.get("/listen/{test}", include_in_schema=False)
    async def listen(test: str) -> Response:
        page = (await desk.test(test)).page
        return FileResponse(page, media_type="text/html", headers=HEADERS)

    @app.post(
        "/listen/{test}/results",
        operation_id="listening_result",
        status_code=201,
        openapi_extra={"requestBody": _BODY},
        responses=errors(400, 404, 408, 409, 413, 500),
    )
    async def result(test: str, request: Request) -> Kept:
        """One listener's answers to a listening test, as its page sends them."""
        config = service().config
        kept = await desk.test(test)
        reading = read_body(request, config.listening.max_result_bytes)
        document = _parsed(await within(config.limits.patience_s, reading))
        try:
            await asyncio.to_thread(kept.add, document, config.listening.max_results)
        except FullError as error:
            raise ApiError(409, str(error), code="test_is_full", mend="save your answers as a file") from error
        except DataError as error:
            raise ApiError(400, str(error).replace("\n", "; "), code="invalid_result") from error
        return Kept()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the body is no JSON", code="invalid_json", mend="send what the page saves") from error
