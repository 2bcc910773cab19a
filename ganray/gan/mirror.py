"""Keeps a copy of a folder in storage, in the background: whoever writes into the folder never waits, and never fails.

mirror = Mirror(folder, storage, tell=print)
mirror.wake()     # something is new
mirror.close()    # all of it is there now
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from ganray.data.storage import Storage, short
from ganray.errors import HeldError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After a failed try: each pause is twice the one before."""
PATIENCE_S = 600.0
"""How long the end of a run waits for storage that does not answer."""
LARGE_BYTES, GROWTH = 8 << 20, 1.1
"""A large file that grows all the time is sent again when it has grown by so much, and at the end."""
FIRST = "checkpoints/"
"""What is sent before everything else, so that nothing in storage speaks of a checkpoint that is not there."""


class Mirror:
    """Sends what is new or has changed in a folder. Files whose names begin with a dot stay at home.

    Args:
        folder: Where the files are.
        storage: Where they go.
        tell: Takes a line about storage that fails, once, and one when it works again.
        first: Called before anything is sent; where it raises HeldError, nothing is sent any more.
    """

    def __init__(
        self,
        folder: Path,
        storage: Storage,
        tell: Callable[[str], None],
        first: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder, self.storage, self.tell, self.first = folder, storage, tell, first
        self._sent: dict[str, tuple[int, int]] = {}
        self._removed: list[str] = []
        self._lock, self._woken = threading.Lock(), threading.Event()
        self._closing_until: float | None = None
        self._failed_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something is new."""
        self._woken.set()

    def remove(self, name: str) -> None:
        """Something is gone: it goes from storage too, after what is new has arrived there."""
        with self._lock:
            self._removed.append(name)

    def close(self, patience_s: float = PATIENCE_S) -> bool:
        """Send the rest, and end.

        Args:
            patience_s: How long to go on trying.

        Returns:
            Whether all of it is there.
        """
        self._closing_until = time.monotonic() + patience_s
        self._woken.set()
        self._thread.join()
        return self._failed_since is None

    def _work(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            self._woken.wait(None if self._failed_since is None else pause)
            self._woken.clear()
            closing = self._closing_until
            try:
                self.first()
                self._send_all(last=closing is not None)
            except HeldError:  # the run is another's: what is here must not reach it
                return
            except Exception as error:  # whatever storage does, the run goes on
                self._fail(error)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                if closing is not None and time.monotonic() + pause > closing:
                    return
                continue
            if self._failed_since is not None:
                self.tell(f"storage works again after {time.monotonic() - self._failed_since:.0f} s; all is sent")
            self._failed_since, pause = None, FIRST_PAUSE_S
            if closing is not None:
                return

    def _fail(self, error: Exception) -> None:
        if self._failed_since is None:
            self._failed_since = time.monotonic()
            self.tell(f"storage {self.storage.uri} fails, the run goes on and tries again: {short(error)}")

    def _send_all(self, last: bool) -> None:
        with self._lock:
            removed = list(self._removed)
        for name, path in self._files():
            try:
                found = path.stat()
            except FileNotFoundError:  # an old checkpoint that was removed meanwhile
                continue
            state, before = (found.st_size, found.st_mtime_ns), self._sent.get(name)
            grown = before is None or found.st_size >= GROWTH * before[0] or found.st_size < before[0]
            if state == before or not (last or grown or found.st_size < LARGE_BYTES):
                continue
            try:
                self.storage.put(path, name)
            except FileNotFoundError:
                if path.exists():
                    raise
                continue
            self._sent[name] = state
        for name in removed:
            self._sent.pop(name, None)
            if not (self.folder / name).exists():  # written again meanwhile, after a rollback
                self.storage.remove(name)
            with self._lock:
                self._removed.remove(name)

    def _files(self) -> list[tuple[str, Path]]:
        """(name, path) of what is to be in storage, checkpoints first."""
        found = []
        for path in self.folder.rglob("*"):
            parts = path.relative_to(self.folder).parts
            if not any(part.startswith(".") for part in parts) and path.is_file() and not path.is_symlink():
                found.append(("/".join(parts), path))
        return sorted(found, key=lambda item: (not item[0].startswith(FIRST), item[0]))
