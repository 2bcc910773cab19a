"""A run that lives in storage: this process's own copy of it, made when it is opened and gone with the process.

What is in storage is the run. Every process that opens it brings home the small files and, when asked, a checkpoint;
the one that trains also sends what it writes. So no two processes ever share a copy, and none can be out of date.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from ganray.data.storage import MEND, Storage, name_of, short
from ganray.errors import DataError
from ganray.gan.mirror import PATIENCE_S, Mirror

CHECKPOINTS = "checkpoints/"


class Away:
    """The way between a run's storage and this process's copy.

    Args:
        uri: Of the run.

    Attributes:
        folder: The copy.
        steps: Of the checkpoints in storage, as they were when the run was opened, less those removed since.
        tell: Takes a line about storage that fails.
        first: Called before anything is sent in the background; raises HeldError where the run is another's.

    Raises:
        DataError: The storage does not answer.
        UsageError: There is no such kind of storage.
    """

    def __init__(self, uri: str) -> None:
        self.uri, self.storage = uri, Storage(uri)
        with self._told("read"):
            self.names = set(self.storage.files())
        home, lock = _own_folder()
        self.folder = home / name_of(uri)
        self.folder.mkdir()
        (self.folder / CHECKPOINTS).mkdir()
        self.steps = {int(Path(name).stem.removeprefix("step-")) for name in self.names if name.startswith(CHECKPOINTS)}
        self.tell: Callable[[str], None] = lambda text: None
        self.first: Callable[[], None] = lambda: None
        self._mirror: Mirror | None = None
        self._remove_copy = weakref.finalize(self, _remove, home, lock)

    def fetch_small(self) -> None:
        """Bring home the files at the top: the config, the metrics, the leaderboard."""
        with self._told("read"):
            for name in self.names:
                if "/" not in name:
                    self.storage.fetch(name, self.folder / name)

    def fetch_folder(self, folder: str) -> None:
        """Bring home all there is under one folder."""
        with self._told("read"):
            for name in self.names:
                if name.startswith(f"{folder}/"):
                    self.storage.fetch(name, self.folder / name)

    @contextlib.contextmanager
    def fetched(self, path: Path) -> Iterator[Path]:
        """Inside, a file of the copy is there; brought home for so long, if it was not.

        Raises:
            FileNotFoundError: There is no such file.
        """
        here = path.exists()
        if not here:
            with self._told("read"):
                self.storage.fetch(str(path.relative_to(self.folder)), path)
        try:
            yield path
        finally:
            if not here:
                path.unlink(missing_ok=True)

    def put_now(self, path: Path) -> None:
        """Send a file, and wait until it is there."""
        with self._told("write"):
            self.storage.put(path, str(path.relative_to(self.folder)))

    def send(self) -> None:
        """Send what is new in the copy, in the background."""
        if self._mirror is None:
            self._mirror = Mirror(self.folder, self.storage, lambda text: self.tell(text), lambda: self.first())
        self._mirror.wake()

    def remove(self, path: Path) -> None:
        """Remove a file from storage, after what is new has arrived there."""
        self.send()
        assert self._mirror is not None
        self._mirror.remove(str(path.relative_to(self.folder)))

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until all of it is sent. What could not be sent stays on this machine, and a line says where."""
        if self._mirror is None:
            return
        self._mirror.wake()
        if not self._mirror.close(patience_s):
            self._remove_copy.detach()
            (self.folder.parent / ".lock").unlink()  # nobody takes it for what a dead process left
            self.tell(
                f"not all of the run could be sent to {self.uri}; the rest is on {os.uname().nodename} in {self.folder}"
            )
        self._mirror = None

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise DataError(f"cannot {what} {self.uri}: {short(error)}", mend=MEND) from error


def _own_folder() -> tuple[Path, TextIO]:
    """A new temporary folder, and the lock that says its process lives. Those of dead processes are removed."""
    home = Path(tempfile.gettempdir()) / f"ganray-runs-{os.getuid()}"
    home.mkdir(exist_ok=True, mode=0o700)
    with open(home / ".lock", "w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        for other in home.glob("*/.lock"):
            with contextlib.suppress(OSError), open(other) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other.parent, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home))
        lock = open(folder / ".lock", "w")  # noqa: SIM115 - held as long as the copy
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return folder, lock


def _remove(home: Path, lock: TextIO) -> None:
    shutil.rmtree(home, ignore_errors=True)
    lock.close()
