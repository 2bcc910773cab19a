"""Where one recording lies: a file, a part of one, a row of a table; here or in a bucket."""

import bisect
import functools
import io
import itertools
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganray.data.place import is_remote, open_file, read_bytes


@dataclass(frozen=True)
class Source:
    """A recording's place. It goes to any machine that sees the same storage, as `asdict` gives it.

    Attributes:
        uri: Absolute path or URI of the file.
        offset: Where in the file it begins, in bytes: of a tar's member.
        size: How many bytes it has; None: to the file's end.
        row: Of a table that `uri` is (Parquet or Arrow), counted from 0.
        column: Of that table; `a.b` is the field b of the column a.
        start_s: Where in the sound it begins.
        end_s: Where it ends; None: with the sound.
    """

    uri: str
    offset: int = 0
    size: int | None = None
    row: int | None = None
    column: str = ""
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def path(self) -> Path | None:
        """The file, where the recording is just that."""
        whole = self.row is None and not self.offset and self.size is None
        return Path(self.uri) if whole and not is_remote(self.uri) else None

    @property
    def place(self) -> str:
        """In words, for a person."""
        part = f" row {self.row}" if self.row is not None else f" byte {self.offset}" if self.size is not None else ""
        cut = "" if self.end_s is None and not self.start_s else f" {self.start_s:g}–{self.end_s or 0:g} s"
        return self.uri + part + cut

    def document(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)

    def read(self) -> bytes:
        """The bytes of a whole audio file, of which the sound from `start_s` to `end_s` is meant.

        Raises:
            OSError: They can't be read.
        """
        if self.row is not None:
            return _cell(self.uri, self.row, self.column)
        if self.start_s or self.end_s is not None:
            # The next segment is of the same file, most likely.
            return _whole(self.uri, _stamp(self.uri), self.offset, self.size)
        return read_bytes(self.uri, self.offset, self.size)


def _stamp(uri: str) -> tuple[int, int]:
    """What tells a file from the one that stood there before."""
    if is_remote(uri):
        return 0, 0
    stat = os.stat(uri)
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=1)
def _whole(uri: str, stamp: tuple[int, int], offset: int, size: int | None) -> bytes:
    return read_bytes(uri, offset, size)


def row_of(uri: str, row: int) -> dict[str, Any]:
    """One row of a table, Parquet or Arrow: column → value.

    Raises:
        OSError: There is no such table, or no such row in it.
    """
    table, first = _rows(uri, row)
    return {name: table[name][row - first].as_py() for name in table.schema.names}


def _cell(uri: str, row: int, column: str) -> bytes:
    table, first = _rows(uri, row)
    value = table[column.split(".")[0]][row - first].as_py()
    for field in column.split(".")[1:]:
        value = value and value.get(field)
    if isinstance(value, dict) and value.get("array") is not None:
        return _as_file(value["array"], int(value["sampling_rate"]))
    if isinstance(value, dict):
        value = value.get("bytes") or (read_bytes(value["path"]) if value.get("path") else None)
    if not isinstance(value, bytes):
        raise OSError(f"row {row} of {uri} holds no audio in {column}")
    return value


def _as_file(samples: list[float], rate: int) -> bytes:
    import numpy as np
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples, np.float32), rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def _rows(uri: str, row: int) -> tuple[Any, int]:
    """A piece of the table with `row` in it, and the number of the piece's first row."""
    stamp = _stamp(uri)
    begins = _begins(uri, stamp)
    group = bisect.bisect_right(begins, row) - 1
    if not 0 <= row < begins[-1]:
        raise OSError(f"{uri} has {begins[-1]} rows, not one at {row}")
    return _group(uri, stamp, group), begins[group]


@functools.lru_cache(maxsize=8)
def _table(uri: str, stamp: tuple[int, int]) -> Any:
    """A Parquet file, or an Arrow file or stream in memory-mapped pieces."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if uri.split("?")[0].endswith(".parquet"):
            return pq.ParquetFile(open_file(uri) if is_remote(uri) else uri)
        opened = open_file(uri) if is_remote(uri) else pa.memory_map(uri)
        try:
            return pa.ipc.open_stream(opened).read_all().to_batches()
        except pa.ArrowInvalid:
            opened.seek(0)
            return pa.ipc.open_file(opened).read_all().to_batches()
    except pa.ArrowException as error:
        raise OSError(f"{uri} is no table: {error}") from error


@functools.lru_cache(maxsize=8)
def _begins(uri: str, stamp: tuple[int, int]) -> list[int]:
    table = _table(uri, stamp)
    if isinstance(table, list):
        sizes = [batch.num_rows for batch in table]
    else:
        sizes = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
    return [0, *itertools.accumulate(sizes)]


@functools.lru_cache(maxsize=4)
def _group(uri: str, stamp: tuple[int, int], group: int) -> Any:
    table = _table(uri, stamp)
    return table[group] if isinstance(table, list) else table.read_row_group(group, use_threads=False)
