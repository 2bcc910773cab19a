"""API keys: who may ask, and how often. The file holds hashes, and is read again when it changes.

    mine  sha256:5e8848…  60        name, hash, requests a minute (none: as many as there are)

A key is 256 random bits, so that a plain hash of it can't be turned back by guessing.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ganray.config.serve import AccessConfig
from ganray.errors import ConfigError, Problem, UsageError
from ganray.serving.errors import ApiError

log = logging.getLogger("ray.serve")
PREFIX = "gr-"
POLICY_VIOLATION = 1008
"""A WebSocket's close code (RFC 6455 §7.4.1)."""
_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s+sha256:(?P<digest>[0-9a-f]{64})(\s+(?P<rate>[1-9][0-9]*))?")


@dataclass(frozen=True)
class Key:
    """Who holds it, what it hashes to, and how many requests a minute it may make; None: any number."""

    name: str
    digest: bytes
    per_minute: int | None


def read(path: Path) -> list[Key]:
    """The keys of a file.

    Raises:
        ConfigError: It can't be read, or a line is no key's; all that is wrong at once.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the keys in {path}: {error}", mend=f"ganray keys add {path} NAME") from error
    keys: list[Key] = []
    problems = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            problems.append(Problem(f"line {number}", None, "is no key", "write NAME sha256:HEX [REQUESTS A MINUTE]"))
        elif any(key.name == match["name"] for key in keys):
            problems.append(Problem(f"line {number}", match["name"], "is there twice", "use another name"))
        else:
            rate = int(match["rate"]) if match["rate"] else None
            keys.append(Key(match["name"], bytes.fromhex(match["digest"]), rate))
    if problems:
        raise ConfigError(f"{len(problems)} problems in {path}", problems=problems)
    return keys


def add(path: Path, name: str, per_minute: int | None = None) -> str:
    """Make a key, and write its hash.

    Returns:
        The key, which is nowhere else.

    Raises:
        UsageError: There is one of this name.
        ConfigError: The file is damaged.
    """
    keys = read(path) if path.exists() else []
    if any(key.name == name for key in keys):
        raise UsageError(f"there is a key {name} in {path}", mend="remove it first, or use another name")
    secret = PREFIX + secrets.token_urlsafe(32)
    keys.append(Key(name, _hashed(secret), per_minute))
    _write(path, keys)
    return secret


def remove(path: Path, name: str) -> None:
    """Take a key's hash out: whoever holds it gets 401 from the next request on.

    Raises:
        UsageError: There is none of this name.
        ConfigError: The file is damaged, or not there.
    """
    keys = read(path)
    left = [key for key in keys if key.name != name]
    if len(left) == len(keys):
        raise UsageError(f"there is no key {name} in {path}", mend=f"use one of {', '.join(k.name for k in keys)}")
    _write(path, left)


def _write(path: Path, keys: list[Key]) -> None:
    lines = [f"{key.name} sha256:{key.digest.hex()}" + f" {key.per_minute or ''}".rstrip() for key in keys]
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    beside.rename(path)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class Keys:
    """The keys of one front: looks at the file's time before every request, and counts what each key asks.

    Args:
        path: Of the file.
        clock: Seconds that only grow.

    Raises:
        ConfigError: As `read`.
    """

    def __init__(self, path: str | Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self._clock = Path(path), clock
        self._read_at, self._keys = self._stamp(), read(self.path)
        self._left: dict[str, tuple[float, float]] = {}

    def admit(self, secret: str | None) -> str:
        """The name of whoever shows a key.

        Raises:
            ApiError: 401 without a key that is known, 429 where it asks too often.
        """
        self._look()
        if not secret:
            raise ApiError(
                401, "this service wants an API key", code="invalid_api_key", mend="send Authorization: Bearer KEY"
            )
        digest, found = _hashed(secret), None
        for key in self._keys:  # all of them, so that the time says nothing
            if hmac.compare_digest(key.digest, digest):
                found = key
        if found is None:
            raise ApiError(401, "this API key is not known", code="invalid_api_key", mend="ask who runs the service")
        if found.per_minute is not None:
            self._count(found.name, found.per_minute)
        return found.name

    def _count(self, name: str, per_minute: int) -> None:
        """A bucket of `per_minute` tokens that fills in a minute."""
        now = self._clock()
        tokens, at = self._left.get(name, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - at) * per_minute / 60)
        if tokens < 1:
            self._left[name] = (tokens, now)
            wait = (1 - tokens) * 60 / per_minute
            told = f"this API key may ask {per_minute} times a minute"
            raise ApiError(
                429, told, code="rate_limit_exceeded", retry_after_s=wait, mend="come again after Retry-After"
            )
        self._left[name] = (tokens - 1, now)

    def _look(self) -> None:
        stamp = self._stamp()
        if stamp == self._read_at:
            return
        self._read_at = stamp
        try:
            self._keys = read(self.path)
        except ConfigError as error:  # half-written by hand: those who could ask before still can
            log.error("the keys stay as they were: %s", error)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
            return stat.st_mtime_ns, stat.st_ino
        except OSError:
            return None


class Door:
    """Lets nobody ask under /v1 without a key, where the service has keys.

    In the request's state it leaves `caller`, and `admit` for a connection that goes on asking: it raises what a new
    request would get.
    """

    def __init__(self, app: ASGIApp, access: Callable[[], AccessConfig]) -> None:
        self._app, self._access = app, access
        self._keys: Keys | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and _asked_for(scope).startswith("/v1"):
            path = self._access().keys
            if path is not None:
                if self._keys is None or self._keys.path != Path(path):
                    self._keys = Keys(path)
                kind, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
                admit = partial(self._keys.admit, secret.strip() if kind.lower() == "bearer" else None)
                try:
                    caller = admit()
                except ApiError:
                    if scope["type"] == "websocket":  # before it is accepted: the client sees a 403
                        return await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                    raise
                scope["state"] = scope.get("state", {}) | {"caller": caller, "admit": admit}
        return await self._app(scope, receive, send)


def _asked_for(scope: Scope) -> str:
    """The path below where the application begins (`route_prefix`), as routes are compared with."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
