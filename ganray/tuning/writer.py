"""One driver a sweep: two that wrote the same folder would train the same trials, each over the other's checkpoints."""

import contextlib
import fcntl
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from ganray.errors import UsageError

NAME = ".driver"
"""File in the sweep's folder that its driver locks, with the driver's machine and process in it."""


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """`with only_writer(folder):` nobody else is.

    The lock goes with its process, however that ends. Where the file system knows no locks, as some buckets mounted as
    folders, nothing is guarded.

    Raises:
        UsageError: Another driver is at this sweep.
    """
    with open(folder / NAME, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UsageError(
                f"another driver is at the sweep in {folder}",
                driver=file.read().strip() or "unknown",
                mend="wait until it has ended, or end it: it may take a minute after its cluster's head was lost",
            ) from None
        except OSError:
            pass
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        yield
