"""The clips of one split: any of them at once, few of them in memory."""

import io
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from ganray.config.audio import AudioConfig
from ganray.data.streaming import InBucket, Streamed
from ganray.errors import DataError

_COLUMNS = ["id", "text", "phonemes", "speaker", "language", "style", "audio", "f0"]
_CACHED_ROW_GROUPS = 8
"""Some 6 MB: enough to read clips in order, or several things of one clip, without reading a row group twice."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip.

    Attributes:
        id: Its name in the corpus.
        text: What is said.
        phonemes: The same in a front-end's symbols; empty where none was asked for.
        speaker: Who says it.
        language: BCP 47 tag.
        style: How it is said, in the corpus's own word; empty: no way in particular.
        waveform: (T,) float32 in [-1, 1], T a multiple of `audio.hop_length`.
        f0: (F,) float32 in Hz at each frame's centre, 0 where unvoiced; F = T / hop_length.
    """

    id: str
    text: str
    phonemes: tuple[str, ...]
    speaker: str
    language: str
    style: str
    waveform: np.ndarray
    f0: np.ndarray


class Split:
    """A sequence of clips, read from Parquet shards when asked for. Safe to share among threads, and to pickle.

    Args:
        name: Of the split.
        shards: Its files, in order; of one in a bucket, none.
        audio: The audio contract.
        bucket: Where it lies in a bucket.

    Attributes:
        ids: Clip ids, in order.
        num_samples: (clips,) int32, samples of each clip.

    Raises:
        DataError: A shard can't be read.
    """

    ids: list[str]
    num_samples: np.ndarray

    def __init__(self, name: str, shards: list[Path], audio: AudioConfig, bucket: InBucket | None = None) -> None:
        self.name, self.audio = name, audio
        self._shards, self._bucket = shards, bucket
        self._open()

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, pa.Table] = OrderedDict()
        self._streamed = Streamed(self._bucket, _COLUMNS) if self._bucket else None
        if self._streamed:
            self.ids, self.num_samples = self._streamed.index.ids, self._streamed.index.num_samples
            return
        self._files = [_parquet(shard) for shard in self._shards]
        index = [_read(file, None, ["id", "num_samples"]) for file in self._files]
        self.ids = [key for table in index for key in table["id"].to_pylist()]
        self.num_samples = np.concatenate([np.zeros(0, np.int32), *(t["num_samples"].to_numpy() for t in index)])
        # Row groups of all shards in one row: which file, which group in it, and at which clip it begins.
        self._groups = [(file, group) for file in self._files for group in range(file.num_row_groups)]
        sizes = [file.metadata.row_group(group).num_rows for file, group in self._groups]
        self._begins = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("name", "audio", "_shards", "_bucket")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def seconds(self) -> float:
        """Length of all clips together."""
        return float(self.num_samples.sum(dtype=np.int64)) / self.audio.sample_rate

    def __getitem__(self, index: int) -> Clip:
        row = self._row(index)
        waveform, _ = soundfile.read(io.BytesIO(row["audio"].as_py()), dtype="float32")
        names = {name: row[name].as_py() for name in ("id", "text", "speaker", "language", "style")}
        phonemes = tuple(row["phonemes"].as_py())
        return Clip(**names, phonemes=phonemes, waveform=waveform, f0=_floats(row["f0"]))

    def clips(self, count: int | None = None) -> Iterator[Clip]:
        """The first `count` clips, or all."""
        for index in range(len(self) if count is None else min(count, len(self))):
            yield self[index]

    def segment(self, index: int, start: int, length: int) -> np.ndarray:
        """(length,) float32: the samples of clip `index` from `start` on, without decoding much else.

        Raises:
            IndexError: The clip has no such samples.
        """
        index = self._checked(index)
        if start < 0 or length < 0 or start + length > self.num_samples[index]:
            raise IndexError(f"samples {start} to {start + length} of {self.num_samples[index]} of {self.ids[index]}")
        with soundfile.SoundFile(io.BytesIO(self._row(index)["audio"].as_py())) as file:
            file.seek(start)
            return file.read(length, dtype="float32")

    def f0(self, index: int) -> np.ndarray:
        """(F,) float32, Hz at each frame of clip `index`, 0 where unvoiced."""
        return _floats(self._row(index)["f0"])

    def phonemes(self, index: int) -> tuple[str, ...]:
        """What is said in clip `index`, in symbols."""
        return tuple(self._row(index)["phonemes"].as_py())

    def labels(self, index: int) -> dict[str, str]:
        """Speaker, language and style of clip `index`."""
        row = self._row(index)
        return {name: row[name].as_py() for name in ("speaker", "language", "style")}

    def expect(self, indices: Iterable[int]) -> None:
        """These clips will be wanted soon, in this order: what lies in a bucket is read ahead."""
        if self._streamed:
            self._streamed.expect(indices)

    def close(self) -> None:
        """Fetch no more from a bucket, as happens by itself when nobody holds the split any more."""
        if self._streamed:
            self._streamed.close()

    @property
    def trouble(self) -> str:
        """What a person should know and mend, though clips are read all the same: a full cache. Empty: nothing."""
        return self._streamed.trouble if self._streamed else ""

    def _checked(self, index: int) -> int:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"split {self.name} has {len(self)} clips, not one at {index}")
        return position

    def _row(self, index: int) -> dict[str, pa.Scalar]:
        index = self._checked(int(index))
        if self._streamed:
            return self._streamed.row(index)
        group = bisect_right(self._begins, index) - 1
        with self._lock:
            table = self._cache.pop(group, None)
            if table is None:
                file, number = self._groups[group]
                table = _read(file, number, _COLUMNS)
                if "style" not in table.column_names:  # prepared before there were styles
                    table = table.append_column("style", pa.array([""] * table.num_rows))
            self._cache[group] = table
            if len(self._cache) > _CACHED_ROW_GROUPS:
                self._cache.popitem(last=False)
        offset = index - self._begins[group]
        return {name: table[name][offset] for name in _COLUMNS}


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {path}: {error}", mend="copy the dataset again, or prepare it again") from error


def _read(file: pq.ParquetFile, group: int | None, columns: list[str]) -> pa.Table:
    # More threads cost more than they bring for so few rows.
    try:
        if group is None:
            return file.read(columns, use_threads=False)
        return file.read_row_group(group, columns, use_threads=False)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(
            f"a shard can't be read: {error}", mend="copy the dataset again, or prepare it again"
        ) from error


def _floats(scalar: pa.Scalar) -> np.ndarray:
    return scalar.values.to_numpy(zero_copy_only=False).copy()
