"""Fetching a public corpus: gone on with where it broke off, held against its checksum, unpacked beside and renamed."""

import contextlib
import functools
import hashlib
import http.client
import json
import os
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ganray.config.problems import closest
from ganray.data.public import PUBLIC, Archive, PublicCorpus
from ganray.errors import DataError, UsageError

_PIECE = 1 << 20
_PATIENCE_S = 60.0
_ATTEMPTS = 5
"""Without a byte in between."""


def public_corpus(name: str) -> PublicCorpus:
    """The corpus of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in PUBLIC:
        meant = closest(name, list(PUBLIC))
        mend = f"did you mean {meant}?" if meant else f"there are: {', '.join(PUBLIC)}"
        raise UsageError(f"there is no public corpus {name!r}", mend=mend)
    return PUBLIC[name]


def get(
    name: str,
    out: str | Path,
    parts: Sequence[str] = (),
    *,
    mirror: str | None = None,
    pause_s: float = 2.0,
    tell: Callable[[str, int, int], None] = lambda archive, done, size: None,
) -> dict[str, Any]:
    """Fetch a corpus into a folder. Called again, it goes on where it was; parts that are there are not fetched again.

    Args:
        name: One of `PUBLIC`.
        out: The corpus's folder; its parts share it.
        parts: Of a corpus in several; its usual ones where none is given.
        mirror: URL of a folder with the same files, to be asked instead.
        pause_s: Before a broken connection is tried again.
        tell: Called with an archive's name, bytes so far, and all its bytes.

    Returns:
        `corpus` (folder), `title`, `licence`, `home`, `cite`, `archives` [{name, bytes, sha256, checked, fetched}].

    Raises:
        UsageError: There is no such corpus, or no such part of it.
        DataError: It can't be fetched, there is no room, or its checksum is another.
    """
    corpus, out = public_corpus(name), Path(out)
    strange = sorted(set(parts) - set(corpus.parts))
    if strange:
        raise UsageError(f"{name} has no part {strange[0]!r}", mend=f"there are: {', '.join(corpus.parts)}")
    out.mkdir(parents=True, exist_ok=True)
    archives = []
    for part in parts or corpus.usual:
        archive = corpus.parts[part]
        done = out / f".{archive.name}.json"
        if done.is_file():
            archives.append(json.loads(done.read_text(encoding="utf-8")) | {"fetched": False})
            continue
        url = f"{mirror.rstrip('/')}/{archive.name}" if mirror else archive.url
        path = out / f".{archive.name}.part"
        _fetch(url, path, pause_s, functools.partial(tell, archive.name))
        found = {"name": archive.name, "bytes": path.stat().st_size, "sha256": _checked(path, archive, url)}
        _unpack(path, out)
        found["checked"] = bool(archive.sha256)
        done.write_text(json.dumps(found), encoding="utf-8")
        _forget(path)
        archives.append(found | {"fetched": True})
    said = {"title": corpus.title, "licence": corpus.licence, "home": corpus.home, "cite": corpus.cite}
    return {"corpus": str(out), **said, "archives": archives}


def _fetch(url: str, path: Path, pause_s: float, tell: Callable[[int, int], None]) -> None:
    """Bytes of `url` into `path`, after those that are there."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise UsageError(f"{url} is no http or https URL", mend="give --mirror https://HOST/FOLDER")
    failed, before = 0, -1
    while True:
        try:
            if _rest(url, path, tell):
                return
            why = "the connection broke off"
        except HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                mend = "look at its home page, or give --mirror"
                raise DataError(f"cannot fetch {url}: {error.code} {error.reason}", mend=mend) from error
            why = f"{error.code} {error.reason}"
        except (URLError, OSError, http.client.HTTPException) as error:
            why = str(getattr(error, "reason", error))
        there = path.stat().st_size if path.exists() else 0
        failed, before = (failed + 1 if there == before else 1), there
        if failed >= _ATTEMPTS:
            raise DataError(
                f"cannot fetch {url}: {why}", bytes=there, mend="call it again later: it goes on where it was"
            )
        time.sleep(pause_s)


def _rest(url: str, path: Path, tell: Callable[[int, int], None]) -> bool:
    """Whether all is there now; False where the connection ended too soon."""
    stamp = path.with_suffix(".stamp")
    there = path.stat().st_size if path.exists() and stamp.exists() else 0
    request = Request(url, headers={"User-Agent": "ganray", "Accept-Encoding": "identity"})
    if there:
        request.add_header("Range", f"bytes={there}-")
        request.add_header("If-Range", stamp.read_text(encoding="utf-8"))
    try:
        answer = urlopen(request, timeout=_PATIENCE_S)  # http or https alone: `_fetch` has looked
    except HTTPError as error:
        if error.code != 416:
            raise
        if str(error.headers.get("Content-Range", "")).rpartition("/")[2] == str(there):
            return True
        _forget(path)
        return False
    with answer:
        if answer.status != 206:  # another file by now, or a server that gives no parts
            there = 0
        length = answer.headers.get("Content-Length")
        size = there + int(length) if length else 0
        room = shutil.disk_usage(path.parent).free
        if size - there > room:
            raise DataError(f"no room for {path.name}", needs_bytes=size - there, free_bytes=room, mend="make room")
        mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        if there == 0 and mark and not mark.startswith("W/"):
            stamp.write_text(mark, encoding="utf-8")
        elif there == 0:
            stamp.unlink(missing_ok=True)
        broken = contextlib.suppress(http.client.IncompleteRead, ConnectionError, TimeoutError)
        with open(path, "ab" if there else "wb") as file, broken:
            while piece := answer.read(_PIECE):
                file.write(piece)
                there += len(piece)
                tell(there, size)
    return not size or there == size


def _checked(path: Path, archive: Archive, url: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    found = digest.hexdigest()
    if archive.sha256 and found != archive.sha256:
        _forget(path)
        raise DataError(
            f"{url} is not what it should be", got=found, want=archive.sha256, mend="fetch it again, or elsewhere"
        )
    return found


def _unpack(path: Path, out: Path) -> None:
    """The archive's files into `out`, without the one folder that all of them are in. None leaves `out`."""
    beside = out / f".{path.name}.{os.getpid()}"
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                archive.extractall(beside)  # it takes .. and / out of names
        else:
            with tarfile.open(path) as archive:
                archive.extractall(beside, filter="data")
        inner = list(beside.iterdir())
        root = inner[0] if len(inner) == 1 and inner[0].is_dir() else beside
        _merge(root, out)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"cannot unpack {path.name}: {error}", mend="fetch it again") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _merge(source: Path, target: Path) -> None:
    for item in source.iterdir():
        there = target / item.name
        if item.is_dir() and there.is_dir():
            _merge(item, there)
        else:
            item.replace(there)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".stamp").unlink(missing_ok=True)
