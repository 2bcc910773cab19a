"""Which voice answers to a name: `traffic.json` on the shelf, read again when it changes.

{"reader": {"live": "reader-2", "canary": "reader-3", "share": 0.1}}

A tenth of the requests for `reader` goes to reader-3, all others to reader-2. `promotions.jsonl` beside it says how it
came.
"""

import json
import logging
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganray.errors import DataError
from ganray.serving.bucket import Desk, folder_of

log = logging.getLogger("ray.serve")
TRAFFIC, HISTORY = "traffic.json", "promotions.jsonl"


@dataclass(frozen=True)
class Route:
    """Where a name's requests go.

    Attributes:
        live: The voice that answers.
        canary: One that is tried out; None: none is.
        share: Of the requests that the canary gets, 0 to 1.
    """

    live: str
    canary: str | None = None
    share: float = 0.0


def read(shelf: str | Path) -> dict[str, Route]:
    """Every route of a shelf.

    Raises:
        DataError: The file is damaged.
    """
    try:
        text = Desk(shelf).read(TRAFFIC)
    except OSError:
        return {}
    try:
        return {str(name): Route(**route) for name, route in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{shelf}/{TRAFFIC} is damaged: {error}", mend="mend it by hand, or move it away") from error


def turn(shelf: str | Path, name: str, route: Route, what: str, **why: Any) -> None:
    """Send a name's requests elsewhere, and write down what was done.

    Raises:
        DataError: The file is damaged.
    """
    routes = read(shelf) | {name: route}
    Desk(shelf).write(TRAFFIC, json.dumps({name: asdict(one) for name, one in routes.items()}, indent=2))
    write_down(shelf, name, what, **asdict(route), **why)


def write_down(shelf: str | Path, name: str, what: str, **why: Any) -> None:
    """Add a line to the history."""
    entry = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "name": name, "what": what, **why}
    desk = Desk(shelf)
    desk.write(HISTORY, (desk.read(HISTORY) or "") + json.dumps(entry) + "\n")


def history(shelf: str | Path) -> list[dict[str, Any]]:
    """What was done, the latest last."""
    return [json.loads(line) for line in (Desk(shelf).read(HISTORY) or "").splitlines()]


class Traffic:
    """The routes of a running front: looks at the file's time before every request."""

    def __init__(self, shelf: str | None) -> None:
        self._shelf = folder_of(shelf)
        self._stamp: tuple[int, int] | None = None
        self._routes: dict[str, Route] = {}

    def choose(self, name: str) -> str:
        """The voice that answers one request for `name`."""
        route = self._look().get(name)
        if route is None:
            return name
        return route.canary if route.canary and random.random() < route.share else route.live

    def _look(self) -> dict[str, Route]:
        if self._shelf is None:
            return {}
        try:
            stat = (self._shelf / TRAFFIC).stat()
        except OSError:
            return {}
        if (stamp := (stat.st_mtime_ns, stat.st_ino)) != self._stamp:
            self._stamp = stamp
            try:
                self._routes = read(self._shelf)
            except DataError as error:  # half-written by hand
                log.error("the routes stay as they were: %s", error)
        return self._routes
