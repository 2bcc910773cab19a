"""A split's clips in a bucket: read at once, while its shards come to this machine's cache one after the other.

A clip whose shard is not here yet is read by its place in it: a row group of eight clips, a megabyte. Those that will
be wanted next are read ahead, many at a time. Once a shard is in the cache, its clips come from there.
"""

import itertools
import threading
import time
import weakref
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from ganray.data.cache import CacheFullError, cache_folder, fetch
from ganray.data.index import Index, read_index
from ganray.data.place import open_file, read_bytes
from ganray.data.storage import inside, short
from ganray.errors import DataError

_EXPECTED = 512
"""Clips that are kept until they are wanted: some 80 MB."""
_TABLES = 8
"""Row groups that are kept for who reads in order."""
_READERS = 16
"""Clips that are read at a time."""
_FILLERS = 2
"""Shards that are fetched at a time."""
_PAUSES_S = (0.2, 0.5, 1, 2, 4, 8, 15, 30)
"""Between two tries to read storage that fails, which pyarrow has tried a few times itself."""
_LOOK_AGAIN_S = 1.0
"""Until a shard is asked for again that another process was fetching."""
_CLOSE_S = 10.0

Row = dict[str, pa.Scalar]
T = TypeVar("T")


@dataclass(frozen=True)
class InBucket:
    """Where a split lies, as its dataset's card says. It can be sent to any machine.

    Attributes:
        uri: Of the dataset.
        digest: Of the dataset: names the cache's folder.
        shards: (name, digest) of each shard.
        index: Name and digest of the index.
    """

    uri: str
    digest: str
    shards: tuple[tuple[str, str], ...]
    index: tuple[str, str]

    @property
    def folder(self) -> Path:
        """The cache's."""
        return cache_folder() / self.digest

    def read_index(self) -> Index:
        """Its index, from the cache or the bucket.

        Raises:
            DataError: It can't be read, or is not what the card says.
        """
        name, known = self.index
        path, uri = self.folder / name, inside(self.uri, name)
        try:
            fetch(uri, path, known)
            content = path.read_bytes()
        except CacheFullError:  # it does without
            try:
                content = read_bytes(uri)
            except OSError as error:
                raise DataError(f"cannot read {uri}: {short(error)}", mend="look at the storage") from error
        return read_index(content, len(self.shards), name)


class Streamed:
    """The rows of a split in a bucket. Safe to share among threads.

    Args:
        where: The split.
        columns: What is read of a row.

    Attributes:
        index: The split's.

    Raises:
        DataError: Its index can't be read.
    """

    def __init__(self, where: InBucket, columns: list[str]) -> None:
        self.index = where.read_index()
        self._ended = threading.Event()
        clips = [end - begin for begin, end in itertools.pairwise(self.index.begins)]
        self._shards = [
            _Shard(inside(where.uri, name), where.folder / name, known, count, columns, self._ended)
            for (name, known), count in zip(where.shards, clips, strict=True)
        ]
        self._lock = threading.Lock()
        self._expected: OrderedDict[int, Future[Row]] = OrderedDict()
        self._tables: OrderedDict[tuple[int, int], pa.Table] = OrderedDict()
        self._pool: ThreadPoolExecutor | None = None
        self._filler: _Filler | None = None

    @property
    def trouble(self) -> str:
        """Why shards are not cached any more, in words; empty where they are. Clips are read all the same."""
        return self._filler.trouble if self._filler else ""

    def expect(self, clips: Iterable[int]) -> None:
        """Read these clips ahead, those first that come first."""
        with self._lock:
            for clip in clips:
                number, _ = self._place(clip)
                if clip in self._expected or self._shards[number].here or self._ended.is_set():
                    continue
                self._fill(number)
                self._pool = self._pool or ThreadPoolExecutor(_READERS, "expect_clips")
                self._expected[clip] = self._pool.submit(self._read, clip)
                if len(self._expected) > _EXPECTED:
                    self._expected.popitem(last=False)[1].cancel()

    def row(self, clip: int) -> Row:
        """What the split's shards hold of a clip.

        Raises:
            DataError: It can't be read, or a shard is not what the card says.
        """
        if self._filler and self._filler.error:
            raise self._filler.error
        with self._lock:
            coming = self._expected.get(clip)
        if coming:
            try:
                return coming.result()
            except CancelledError:
                pass
            except DataError:
                with self._lock:
                    self._expected.pop(clip, None)  # it may be there when it is asked for again
                raise
        return self._read(clip, keep=True)

    def close(self) -> None:
        """Fetch no more."""
        self._ended.set()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        if self._filler:
            self._filler.close()

    def _place(self, clip: int) -> tuple[int, int]:
        """A clip's shard, and its row in that."""
        number = bisect_right(self.index.begins, clip) - 1
        return number, clip - self.index.begins[number]

    def _read(self, clip: int, keep: bool = False) -> Row:
        """A clip's row; with `keep`, its neighbours stay in memory for a while: who reads in order wants them."""
        number, row = self._place(clip)
        shard = self._shards[number]
        if not shard.here:
            with self._lock:
                self._fill(number)
        group, offset = shard.group_of(row)
        with self._lock:
            table = self._tables.get((number, group))
        if table is None:
            table = shard.read(group)
        if keep:
            with self._lock:
                self._tables[number, group] = table
                self._tables.move_to_end((number, group))
                while len(self._tables) > _TABLES:
                    self._tables.popitem(last=False)
        one = table.slice(offset, 1) if keep else table.take([offset])  # a copy: the neighbours may go
        return {name: one[name][0] for name in one.column_names}

    def _fill(self, number: int) -> None:
        if self._filler is None:
            self._filler = _Filler(self._shards, self._ended)
            # Whatever becomes of the split, and before the interpreter ends.
            weakref.finalize(self, self._filler.close)
        self._filler.want(number)


class _Shard:
    """One shard, from the cache where it is there, else from the bucket."""

    def __init__(
        self, uri: str, path: Path, known: str, clips: int, columns: list[str], ended: threading.Event
    ) -> None:
        self.uri, self.path, self.known, self.clips, self.columns, self._ended = uri, path, known, clips, columns, ended
        self._lock = threading.Lock()
        self._here: pq.ParquetFile | None = None
        self._there: tuple[Any, pq.FileMetaData] | None = None
        self._begins: list[int] = []

    @property
    def here(self) -> bool:
        """Whether it is in the cache; from then on it is read from there, though somebody may empty that."""
        if self._here is None and self.path.is_file():
            with self._lock:
                self._here = self._here or self._opened(str(self.path), memory_map=True)
                self._there = None
        return self._here is not None

    def group_of(self, row: int) -> tuple[int, int]:
        """The row group that holds a row, and the row's place in it."""
        if not self.here and not self._begins:
            self._reach()
        group = bisect_right(self._begins, row) - 1
        return group, row - self._begins[group]

    def read(self, group: int) -> pa.Table:
        """A row group."""
        if self.here:
            file = self._here
            assert file is not None
            with self._lock:
                return self._told(lambda: file.read_row_group(group, self.columns, use_threads=False))
        source, metadata = self._reach()
        # A reader of its own for each reading, since one can't be shared; the open file can.
        return self._patiently(
            lambda: pq.ParquetFile(source, metadata=metadata, pre_buffer=True).read_row_group(
                group, self.columns, use_threads=False
            )
        )

    def _reach(self) -> tuple[Any, pq.FileMetaData]:
        """The open object and its footer."""
        with self._lock:
            if self._there is None:
                source = self._patiently(lambda: open_file(self.uri))
                file = self._patiently(lambda: self._opened(source))
                self._there = source, file.metadata
            return self._there

    def _opened(self, source: Any, **options: Any) -> pq.ParquetFile:
        file = self._told(lambda: pq.ParquetFile(source, **options))
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        begins = [sum(sizes[:group]) for group in range(len(sizes))]
        if sum(sizes) != self.clips:
            raise DataError(f"{self.uri} has {sum(sizes)} clips, not {self.clips}", mend="prepare the dataset again")
        self._begins = begins
        return file

    def _patiently(self, do: Callable[[], T]) -> T:
        """Storage that fails is asked again; what is no shard is not."""
        for pause_s in (*_PAUSES_S, None):
            try:
                return self._told(do)
            except OSError as error:
                if pause_s is None or self._ended.wait(pause_s):
                    raise DataError(
                        f"cannot read {self.uri}: {short(error)}",
                        mend="look at the storage; a run goes on from its newest checkpoint by --resume",
                    ) from error
        raise AssertionError

    def _told(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except (pa.ArrowException, KeyError) as error:
            mend = "copy the dataset again, or prepare it again"
            raise DataError(f"{self.uri} is no shard of a dataset: {short(error)}", mend=mend) from error


class _Filler:
    """Brings shards to the cache, those first that were wanted first; every process of a machine another one.

    Attributes:
        trouble: Why no more of them come.
        error: That one is not what the card says.
    """

    def __init__(self, shards: list[_Shard], ended: threading.Event) -> None:
        self._shards, self._ended = shards, ended
        self._wanted: dict[int, None] = {}
        self._lock = threading.Lock()
        self.trouble = ""
        self.error: DataError | None = None
        self._threads = [
            threading.Thread(target=self._work, name="fill_cache", daemon=True)
            for _ in range(min(_FILLERS, len(shards)))
        ]
        for thread in self._threads:
            thread.start()

    def want(self, number: int) -> None:
        """Bring this one before those that nobody has asked for."""
        if number not in self._wanted:
            with self._lock:
                self._wanted[number] = None

    def close(self) -> None:
        """Bring no more; what is half here goes."""
        self._ended.set()
        until = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        try:
            while not self._ended.is_set() and not self.trouble:
                lacking = [shard for shard in self._in_order() if not shard.here]
                if not lacking:
                    return
                if not any(self._bring(shard) for shard in lacking):
                    self._ended.wait(_LOOK_AGAIN_S)
        except CacheFullError as error:
            self.trouble = f"{error.message}; clips are read from the bucket: {error.mend}"
        except DataError as error:
            self.error = error

    def _in_order(self) -> list[_Shard]:
        with self._lock:
            wanted = list(self._wanted)
        return [self._shards[number] for number in (*wanted, *(set(range(len(self._shards))) - set(wanted)))]

    def _bring(self, shard: _Shard) -> bool:
        """Whether it is here now."""
        try:
            return fetch(shard.uri, shard.path, shard.known, wait=False, ended=self._ended.is_set)
        except CacheFullError:
            raise
        except DataError as error:
            if isinstance(error.__cause__, OSError):  # storage that does not answer: whoever needs a clip will say so
                return False
            raise
