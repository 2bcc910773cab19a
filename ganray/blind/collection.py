"""Tests in a folder, and the results that come for them: what a service gives to listeners and takes back.

    tests/old-new/index.html  key.json  results/1790000000000000000-6f1e0c2d9a.json

A test is known by the id in its key, which is 64 random bits; no name of a folder or file comes from a listener.
"""

import json
import logging
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganray.blind.analysis import read_json
from ganray.blind.result import checked
from ganray.errors import DataError, GanrayError

log = logging.getLogger(__name__)
PAGE, KEY, RESULTS = "index.html", "key.json", "results"


class FullError(GanrayError):
    """A test has as many results as it may have."""


@dataclass(frozen=True)
class KeptTest:
    """A test that lies in a folder of tests.

    Attributes:
        folder: Its own.
        key: What `key.json` holds.
    """

    folder: Path
    key: Mapping[str, Any]

    @property
    def page(self) -> Path:
        """What listeners open."""
        return self.folder / PAGE

    def add(self, result: Any, most: int) -> Path:
        """Keep a result, under a name that is made up here.

        Args:
            result: What a page sent, parsed.
            most: Results that a test may have.

        Returns:
            The file.

        Raises:
            DataError: It holds no answers to this test.
            FullError: There are as many already.
        """
        document = checked(self.key, result)
        folder = self.folder / RESULTS
        folder.mkdir(exist_ok=True)
        if sum(path.suffix == ".json" for path in folder.iterdir()) >= most:
            raise FullError(f"the test has its {most} results already")
        name = f"{time.time_ns():020d}-{secrets.token_hex(5)}.json"  # in the order in which they came
        beside = folder / f".{name}.{os.getpid()}"
        beside.write_text(json.dumps(document) + "\n", encoding="utf-8")
        return beside.replace(folder / name)


class Collection:
    """The tests of a folder, each in a folder of its own, as `ganray listen make` leaves them.

    Args:
        folder: It may change while this is used: a key is read again when its file is another.

    Raises:
        DataError: There is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}
        if not self.folder.is_dir():
            raise DataError(f"there is no folder of listening tests at {self.folder}", mend=f"mkdir -p {self.folder}")

    def test(self, identity: str) -> KeptTest | None:
        """The test of an id, which is compared and never looked up as a name; None: there is none."""
        for folder in self._folders():
            key = self._key(folder / KEY)
            if key is not None and key.get("kind") == "listening-key" and key["test"] == identity:
                return KeptTest(folder, key)
        return None

    def _folders(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if (path / PAGE).is_file())
        except OSError as error:
            log.error("the listening tests in %s cannot be read: %s", self.folder, error)
            return []

    def _key(self, path: Path) -> dict[str, Any] | None:
        try:
            stat = path.stat()
            stamp = stat.st_mtime_ns, stat.st_ino
            if self._read.get(path, ((0, 0), {}))[0] != stamp:
                self._read[path] = stamp, read_json(path)
        except (OSError, DataError) as error:
            log.error("the listening test at %s is left out: %s", path.parent, error)
            return None
        return self._read[path][1]


def results_in(folder: str | Path) -> list[Path]:
    """Results of a test: of its own `results` folder, or of any folder that holds some; the oldest first.

    Raises:
        DataError: There is none.
    """
    folder = Path(folder)
    where = folder / RESULTS if (folder / RESULTS).is_dir() else folder
    found = sorted(path for path in where.glob("*.json") if path.name != KEY)
    if not found:
        raise DataError(f"there is no result in {where}", mend="give the files that the page saved, or their folder")
    return found
