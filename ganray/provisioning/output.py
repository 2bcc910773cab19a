"""A job's output as it comes, once, though the line to its cluster breaks."""

import asyncio
import contextlib
import os
import subprocess
from typing import Any

_BEGIN = b"Tailing logs until the job exits"
"""In the last line that `ray job submit` says of its own; what follows is the job's."""


class Output:
    """Passes a job's output on, and knows how much of it.

    Attributes:
        began: Whether the job was taken, and its own output awaited.
    """

    def __init__(self, file: int | None) -> None:
        """To a file descriptor; None for nowhere."""
        self._file, self._told, self.began = file, 0, False

    def of_submit(self, reader: subprocess.Popen[bytes]) -> None:
        """What `ray job submit` says, to its end."""
        assert reader.stdout
        head = b""
        while chunk := os.read(reader.stdout.fileno(), 65536):
            self._write(chunk)
            if self.began:
                self._told += len(chunk)
                continue
            _, _, after = (head := head + chunk).partition(_BEGIN)
            _, ended, after = after.partition(b"\n")
            self.began, self._told = bool(ended), len(after)
        reader.wait()

    def again(self, client: Any, job: str) -> None:
        """What of a job's output was not told yet, until it ends or the line is lost once more."""
        from aiohttp import ClientError  # of Ray's own client

        with contextlib.suppress(RuntimeError, OSError, ClientError):  # lost once more
            asyncio.run(self._tail(client, job))

    async def _tail(self, client: Any, job: str) -> None:
        had = 0
        async for text in client.tail_job_logs(job):
            chunk = text.encode()
            fresh = chunk[max(0, self._told - had) :]
            had += len(chunk)
            self._told = max(self._told, had)
            self._write(fresh)

    def _write(self, chunk: bytes) -> None:
        if self._file is not None:
            while chunk:
                chunk = chunk[os.write(self._file, chunk) :]
