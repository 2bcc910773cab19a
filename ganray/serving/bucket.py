"""A shelf in a bucket: its voices as a folder of this machine, which follows what changes there.

A voice that is being uploaded is no voice yet: its `voice.yaml` goes last. What has come is whole, for it is renamed
into its place when its last file is there; where the bucket does not answer, what is here stays.
"""

import fcntl
import functools
import hashlib
import json
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Any

from ganray.data.storage import Storage, is_remote, place
from ganray.errors import DataError
from ganray.voice.reader import CARD

log = logging.getLogger("ray.serve")
LOOK_EVERY_S = 5.0
STAMPS = ".stamps.json"


class Bucket:
    """See above. One copy on a machine, whoever asks for it; the first look is taken at once, later ones in a thread.

    Args:
        uri: Of the shelf.
        cache: Where the copies of all buckets are.

    Attributes:
        folder: The copy.

    Raises:
        DataError: The storage can't be reached.
    """

    def __init__(self, uri: str, cache: Path | None = None) -> None:
        self._storage = Storage(place(uri))
        digest = hashlib.sha256(self._storage.uri.encode()).hexdigest()[:12]
        self.folder = (cache or Path.home() / ".cache" / "ganray" / "shelves") / digest
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.look()
        except OSError as error:
            raise DataError(f"cannot read the shelf {uri}: {error}", mend="look at its name and credentials") from error
        threading.Thread(target=self._follow, name="shelf", daemon=True).start()

    def look(self) -> None:
        """Fetch what is new, remove what is gone.

        Raises:
            OSError: The storage does not answer.
        """
        with open(self.folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            there: dict[str, dict[str, Any]] = {}
            for name, stamp in self._storage.stamps().items():
                top, _, rest = name.partition("/")
                there.setdefault(top, {})[rest] = stamp
            here = self._stamps()
            for top, files in there.items():
                if here.get(top) == files or ("" not in files and CARD not in files) or top.startswith("."):
                    continue
                self._fetch(top, files)
                here[top] = files
            for top in set(here) - set(there):
                shutil.rmtree(self.folder / top, ignore_errors=True)
                (self.folder / top).unlink(missing_ok=True)
                del here[top]
            beside = self.folder / f"{STAMPS}.new"
            beside.write_text(json.dumps(here))
            beside.rename(self.folder / STAMPS)

    def _stamps(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads((self.folder / STAMPS).read_text())
        except (OSError, ValueError):
            return {}
        return {top: files for top, files in found.items() if (self.folder / top).exists()}

    def _fetch(self, top: str, files: dict[str, Any]) -> None:
        if "" in files:
            self._storage.fetch(top, self.folder / top)
            return
        new, old = self.folder / f".{top}.new", self.folder / f".{top}.old"
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        for rest in files:
            self._storage.fetch(f"{top}/{rest}", new / rest)
        if (self.folder / top).exists():
            (self.folder / top).rename(old)
        new.rename(self.folder / top)
        shutil.rmtree(old, ignore_errors=True)

    def _follow(self) -> None:
        failed, pause = False, threading.Event()
        while not pause.wait(LOOK_EVERY_S):
            try:
                self.look()
                failed = False
            except Exception as error:  # whatever the storage does, what is here is served
                if not failed:
                    log.error("the shelf %s does not answer, its voices stay as they are: %s", self._storage.uri, error)
                failed = True


class Desk:
    """The small files that lie on a shelf, in a folder or in a bucket.

    Args:
        shelf: Path or URI.
    """

    def __init__(self, shelf: str | Path) -> None:
        self._folder = None if is_remote(shelf) else Path(str(shelf).removeprefix("file://"))
        self._storage = Storage(place(shelf)) if self._folder is None else None
        self.name = str(shelf)

    def read(self, name: str) -> str | None:
        """A file's text; None: there is none."""
        try:
            if self._storage is not None:
                return self._storage.read(name).decode()
            assert self._folder is not None
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        """Put a file there, whole.

        Raises:
            OSError: It can't be written.
        """
        if self._storage is not None:
            self._storage.put_bytes(text.encode(), name)
            return
        assert self._folder is not None
        beside = self._folder / f".{name}.{os.getpid()}"
        beside.write_text(text, encoding="utf-8")
        beside.rename(self._folder / name)


@functools.cache
def folder_of(shelf: str | None) -> Path | None:
    """Where this machine finds the shelf's voices; None: there is no shelf."""
    if shelf is None:
        return None
    return Bucket(shelf).folder if is_remote(shelf) else Path(shelf)
