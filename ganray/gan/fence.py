"""Of several workers that believe they write a run, the last to begin does; the others find out before they write.

A worker whose machine was cut off goes on for a while where Ray has begun another elsewhere, and a training that was
taken for dead may wake. Each first worker leaves its own mark in the run; who finds another's there writes no more.
"""

import contextlib
import secrets

from ganray.data.storage import Storage
from ganray.errors import HeldError
from ganray.gan import lease

FENCE = ".fence"
"""Begins with a dot: a run's mirror in storage leaves it alone."""


class Fence:
    """A first worker's mark in a run.

    Args:
        where: The run's folder, or its URI.
        token: Of the lease that its training holds; empty for a worker without one.

    Raises:
        HeldError: The lease is another training's by now.
        DataError: The storage does not answer.
    """

    def __init__(self, where: str, token: str = "") -> None:
        self._where, self._store, self._mark = where, Storage(where), secrets.token_hex(8)
        self.fallen = False
        with lease.told(where):
            if token and lease.read(self._store).get("token", token) != token:
                raise self._error()
            self._store.put_bytes(self._mark.encode(), FENCE)

    def look(self) -> None:
        """Raise where a later worker has left its mark. Storage that does not answer says nothing.

        Raises:
            HeldError: One has; this one must not write.
        """
        with contextlib.suppress(OSError):
            self.fallen = self.fallen or self._store.read(FENCE) != self._mark.encode()
        self.hold()

    def hold(self) -> None:
        """The same of what was seen by `look`, without looking: storage may be slow.

        Raises:
            HeldError: As `look`.
        """
        if self.fallen:
            raise self._error()

    def _error(self) -> HeldError:
        return HeldError(
            f"another training has taken over the run at {self._where}; this one writes no more",
            mend="follow that one; stop it before you go on with --resume elsewhere",
        )
