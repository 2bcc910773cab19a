"""Writing a dataset folder: Parquet shards, then `dataset.json`, beside, and renamed when all is there."""

import hashlib
import itertools
import json
import os
import shutil
import socket
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ganray.data.index import write_index
from ganray.data.schema import CLIPS_PER_ROW_GROUP, CLIPS_PER_SHARD, COLUMNS
from ganray.errors import DataError


class SplitWriter:
    """Writes one split's clips, in the order they come, into shards of its own.

    Args:
        folder: Where the shards go.
        split: Begins their names.
        clips_per_shard: A new shard begins after so many.
    """

    def __init__(self, folder: Path, split: str, clips_per_shard: int = CLIPS_PER_SHARD) -> None:
        self.folder, self.split, self.clips_per_shard = folder, split, clips_per_shard
        self.clips = self.num_samples = 0
        self.shards: list[str] = []
        self._ids: list[str] = []
        self._lengths = array("i")
        self._begins: list[int] = []
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, clips: pa.Table) -> None:
        """Take `clips`, with `COLUMNS`; whole row groups are written at once, the rest waits."""
        self._waiting.append(clips)
        self._flush(CLIPS_PER_ROW_GROUP)

    def close(self) -> dict[str, Any]:
        """Write what waits; clips, samples, and the shards with their digests."""
        self._flush(1)
        self._close_shard()
        digests = [digest_of(self.folder / shard) for shard in self.shards]
        return {"clips": self.clips, "num_samples": self.num_samples, "shards": self.shards, "digests": digests}

    def index(self) -> dict[str, Any]:
        """Write the index of a split that is closed; what the card says of it, so that it can be read from a bucket."""
        path = self.folder / f"index-{self.split}.parquet"
        clips = [end - begin for begin, end in itertools.pairwise([*self._begins, self.clips])]
        write_index(path, self._ids, self._lengths, clips)
        sizes = [(self.folder / shard).stat().st_size for shard in self.shards]
        return {"shard_bytes": sizes, "index": path.name, "index_digest": digest_of(path)}

    def _flush(self, least: int) -> None:
        waiting = pa.concat_tables(self._waiting) if self._waiting else COLUMNS.empty_table()
        while waiting.num_rows >= least:
            group, waiting = waiting.slice(0, CLIPS_PER_ROW_GROUP), waiting.slice(CLIPS_PER_ROW_GROUP)
            if self._writer is None or self.clips % self.clips_per_shard == 0:
                self._open_shard()
            assert self._writer is not None
            self._writer.write_table(group.combine_chunks(), row_group_size=CLIPS_PER_ROW_GROUP)
            self.clips += group.num_rows
            lengths = group["num_samples"].to_pylist()
            self.num_samples += sum(lengths)
            self._lengths.extend(lengths)
            self._ids += group["id"].to_pylist()
        self._waiting = [waiting]

    def _open_shard(self) -> None:
        self._close_shard()
        self._begins.append(self.clips)
        self.shards.append(f"{self.split}-{len(self.shards):05d}.parquet")
        # FLAC doesn't shrink further, and what isn't compressed is read without copying.
        self._writer = pq.ParquetWriter(
            self.folder / self.shards[-1], COLUMNS, compression="none", use_dictionary=["speaker", "language"]
        )

    def _close_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


def digest_of(path: Path) -> str:
    """Sixteen hex digits of a file's content, which is never in memory whole."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()[:16]


def write_card(folder: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Write `dataset.json`; the card, with its digest: of all but the name, so of the config and every shard."""
    content = json.dumps({key: value for key, value in card.items() if key != "name"}, sort_keys=True)
    card = {**card, "digest": hashlib.sha256(content.encode()).hexdigest()[:16]}
    (folder / "dataset.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return card


def may_write(out: Path, overwrite: bool) -> None:
    """Check that a dataset may be written at `out`.

    Raises:
        DataError: Something is there, and it is no dataset or `overwrite` is not set.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "dataset.json").is_file():
        raise DataError(f"{out} exists and is no dataset", mend="give --out a new folder")
    if not overwrite:
        raise DataError(f"there is a dataset at {out}", mend="give --out a new folder, or replace it with --overwrite")


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """A folder that takes the place of `out` when the block ends well, and goes when it doesn't."""
    out = out.absolute()  # "." has no name
    out.parent.mkdir(parents=True, exist_ok=True)
    _sweep(out)
    folder = out.with_name(f"{_prefix(out)}{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
        former = out.with_name(f"{folder.name}.former")
        if out.exists():
            out.replace(former)
        folder.replace(out)
        shutil.rmtree(former, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prefix(out: Path) -> str:
    return f".{out.name}.{socket.gethostname()}."


def _sweep(out: Path) -> None:
    """Remove what killed runs left beside `out`: those of this machine whose process is gone."""
    for left in out.parent.glob(f"{_prefix(out)}*"):
        pid = left.name.removeprefix(_prefix(out)).removesuffix(".former")
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc").is_dir():
            shutil.rmtree(left, ignore_errors=True)
