"""A run has one writer: the training that holds its lease, a small file beside run.yaml that is renewed while it lives.

lease = Lease(where)
with lease.held():    # HeldError where another training lives
    …

Who only begins while another lives is refused. Where one is taken for dead and is not, because its machine slept or its
line was cut, two believe that they hold it: then the fence (`ganray.gan.fence`) lets only the newer one write.
"""

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ganray.data.storage import MEND, Storage, is_remote, place, short
from ganray.errors import DataError, HeldError

LEASE = ".lease.json"
"""Begins with a dot: a run's mirror in storage leaves it alone, each writer sends its own."""
BEAT_S = 5.0
"""How often it is renewed."""
STALE_S = 30.0
"""Not renewed for so long, its holder is taken for dead. Watched by the clock of whoever wants it, which may differ."""
FORGOTTEN_S = 3600.0
"""Renewed so long ago that no clock can be so wrong: nobody watches it first."""
_SETTLE_S = 0.2
"""Of two that begin at once, both look again after this, and the one whose lease is there is the holder."""


class Lease:
    """The right to write a run.

    Args:
        where: The run's folder, or its URI.
        job: By which Ray knows the job that trains, for the error that others get; empty without one.
    """

    def __init__(self, where: str | Path, job: str = "") -> None:
        self.where, self.token = place(where), secrets.token_hex(8)
        self._store = Storage(self.where)
        self._ended = threading.Event()
        self._mine = {
            "token": self.token,
            "job": job,
            "host": os.uname().nodename,
            "pid": os.getpid(),
            "process": process(os.getpid()),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }

    @contextlib.contextmanager
    def held(self, *, take_over: bool = False, tell: Callable[[str], None] = lambda line: None) -> Iterator[None]:
        """Inside, the run is this training's.

        Args:
            take_over: Do not ask whether the holder lives: whoever began it began this one instead.
            tell: Takes a line where it has to wait for the answer.

        Raises:
            HeldError: Another training lives, or began at the same moment.
            DataError: The storage does not answer.
        """
        with told(self.where):
            other = read(self._store)
            if other and not take_over and self._lives(other, tell):
                raise self._refusal(other)
            self._write()
            time.sleep(_SETTLE_S)
            other = read(self._store)
            if other.get("token") != self.token:
                raise self._refusal(other)
        beat = threading.Thread(target=self._renew, name="lease", daemon=True)
        beat.start()
        try:
            yield
        finally:
            self._ended.set()
            beat.join()
            self._give_back()

    def _refusal(self, other: dict[str, Any]) -> HeldError:
        job = f"job {other['job']}, " if other.get("job") else ""
        who = f"{job}process {other.get('pid')} on {other.get('host')}, since {other.get('since')}"
        stop = f"ray job stop {other['job']}" if other.get("job") else "Ctrl-C there"
        return HeldError(
            f"another training writes the run at {self.where}: {who}",
            mend=f"wait for its end, stop it ({stop}) and go on with --resume, or give this one another --name",
        )

    def _lives(self, other: dict[str, Any], tell: Callable[[str], None]) -> bool:
        """Whether its holder does: at once where that can be known, else after looking whether it is renewed."""
        if other.get("host") == self._mine["host"] and other.get("process") and self._mine["process"]:
            boot = str(self._mine["process"]).partition("/")[0]
            if str(other["process"]).partition("/")[0] == boot:  # this machine, not started again since
                return process(int(other.get("pid", 0))) == other["process"]
        if time.time() - other.get("beat", 0) > FORGOTTEN_S:
            return False
        tell(f"{self.where} was written by a training on {other.get('host')}: looking for {STALE_S:.0f} s if it lives")
        until = time.monotonic() + STALE_S
        while time.monotonic() < until:
            time.sleep(0.5)
            now = read(self._store)
            if not now:  # given back
                return False
            if (now.get("token"), now.get("beat")) != (other.get("token"), other.get("beat")):
                return True
        return False

    def _renew(self) -> None:
        while not self._ended.wait(BEAT_S):
            # Storage may be away for a while. And where the lease is another's or gone, it is no more ours to renew.
            with contextlib.suppress(OSError):
                if read(self._store).get("token") == self.token:
                    self._write()

    def _write(self) -> None:
        self._store.put_bytes(json.dumps(self._mine | {"beat": time.time()}).encode(), LEASE)

    def _give_back(self) -> None:
        with contextlib.suppress(OSError):
            if read(self._store).get("token") == self.token:
                self._store.remove(LEASE)
            if not is_remote(self.where):
                os.rmdir(self.where)  # only where nothing was made in it


@contextlib.contextmanager
def told(where: str) -> Iterator[None]:
    """Inside, storage that does not answer is a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot hold the run at {where}: {short(error)}", mend=MEND) from error


def read(store: Storage) -> dict[str, Any]:
    """What the lease of a run says; nothing where there is none, or half of one.

    Raises:
        OSError: The storage does not answer.
    """
    try:
        found = json.loads(store.read(LEASE))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def process(pid: int) -> str:
    """`BOOT/NAMESPACE/START` of a process that lives on this machine; empty where there is none, or nobody can say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" else f"{boot}{namespace}/{rest[18]}"
