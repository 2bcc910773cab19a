"""What is in a bucket, cached on this machine's disk by a dataset's digest: a file is there whole or not at all.

Several processes of a machine share the cache. Who fetches a file holds a lock on it, which the system takes away from
a process that is killed; what that one left is written over by the next.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ganray.data.place import open_file, read_bytes
from ganray.data.storage import inside, is_remote, place
from ganray.errors import DataError

_PIECE = 1 << 24
_AT_ONCE = 4
_FULL = (errno.ENOSPC, errno.EDQUOT)


class CacheFullError(DataError):
    """There is no room for a file in the cache."""


def cache_folder() -> Path:
    """Where datasets are cached: `GANRAY_CACHE`, else the user's cache folder."""
    home = os.environ.get("GANRAY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ganray"
    return Path(home).expanduser() / "datasets"


def cached(uri: str) -> Path:
    """The local folder with the dataset at `uri`: all of it, or an error.

    Raises:
        DataError: It can't be read, a shard is not what the card says, or the disk is full.
    """
    assert is_remote(uri)
    uri = place(uri)
    try:
        content = read_bytes(inside(uri, "dataset.json"))
        card = json.loads(content)
        digest, splits = str(card["digest"]), card["splits"].values()
        shards = [(name, known) for s in splits for name, known in shards_of(s)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"no dataset at {uri}: {error}", mend="look at its name, and at the credentials in the environment"
        ) from error
    folder = cache_folder() / digest
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda shard: fetch(inside(uri, shard[0]), folder / shard[0], shard[1]), shards))
    if not (folder / "dataset.json").is_file():
        beside = folder / f".dataset.json.{os.getpid()}"
        beside.write_bytes(content)
        beside.replace(folder / "dataset.json")
    return folder


def shards_of(split: dict) -> list[tuple[str, str]]:
    """(name, digest or nothing) of each shard of a card's split.

    Raises:
        ValueError: One lies elsewhere.
    """
    names = split["shards"]
    for name in names:
        if Path(name).name != name:
            raise ValueError(f"its shard {name} lies elsewhere")
    return list(zip(names, split.get("shard_digests") or [""] * len(names), strict=True))


def fetch(uri: str, path: Path, known: str, *, wait: bool = True, ended: Callable[[], bool] = lambda: False) -> bool:
    """Bring a file to the cache, if it isn't there; whether it now is.

    Args:
        uri: The file.
        path: Where it goes.
        known: What its digest begins with; empty: anything.
        wait: For another process or thread that is fetching it; else that is no longer looked at.
        ended: Asked now and then; True: it is given up.

    Raises:
        CacheFullError: The disk has no room for it.
        DataError: It is not what is known of it, or can't be read.
    """
    if path.is_file():
        return True
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f".{path.name}.lock"), wait) as ours:
        if path.is_file():
            return True
        return ours and _copy(uri, path, known, ended)


def _copy(uri: str, path: Path, known: str, ended: Callable[[], bool]) -> bool:
    beside, digest = path.with_name(f".{path.name}.part"), hashlib.sha256()
    try:
        with _reading(uri):
            source = open_file(uri)
            size = source.size()
        with source:
            _must_fit(path, size)
            with _writing(path):
                file = open(beside, "wb")  # noqa: SIM115
            try:
                while True:
                    with _reading(uri):
                        piece = source.read(_PIECE)
                    if not piece or ended():
                        break
                    digest.update(piece)
                    with _writing(path):
                        file.write(piece)
                with _writing(path):
                    file.flush()
                    os.fsync(file.fileno())  # a machine that loses power must not keep its name without its content
            finally:
                with _writing(path):
                    file.close()
        if ended():
            return False
        if known and not digest.hexdigest().startswith(known):
            mend = "prepare it again, or copy it again"
            raise DataError(f"{uri} is not what dataset.json says", got=digest.hexdigest()[:16], want=known, mend=mend)
        with _writing(path):
            beside.replace(path)
        return True
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(lock: Path, wait: bool) -> Iterator[bool]:
    """Whether the lock is ours, inside. It is where the filesystem knows none."""
    with _writing(lock):
        file = open(lock, "wb")  # noqa: SIM115
    with file:
        ours = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            ours = False
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
        yield ours


def _must_fit(path: Path, size: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise _full(path, f"{path.name} has {size / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Inside, the cache is written."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(path, str(error.strerror)) from error
        mend = "let GANRAY_CACHE name a folder that can be written"
        raise CacheFullError(f"cannot write the cache {path.parent}: {error.strerror or error}", mend=mend) from error


def _full(path: Path, why: str) -> CacheFullError:
    return CacheFullError(
        f"no room in the cache {path.parent}: {why}",
        mend="free room there, remove old datasets beside it, or let GANRAY_CACHE name a folder of a larger disk",
    )


@contextlib.contextmanager
def _reading(uri: str) -> Iterator[None]:
    """Inside, storage is read."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot fetch {uri}: {error}", mend="try again: what is there is kept") from error
