"""What is done is kept: every chunk of prepared recordings is a Parquet file beside the dataset, until that is there.

A run that is killed is gone on with from its journal; a dataset that is made anew takes over what still holds, from
its own shards and its `recordings.parquet`. Where nothing was, all is made, with the same bytes.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ganray.data.schema import CLIPS_PER_ROW_GROUP
from ganray.preparing.stages import DONE, LIGHT

RECORDINGS = "recordings.parquet"
"""In a dataset: a row for every recording, also for those that were dropped, without its sound."""

CUTS = "cuts.json"
"""In a dataset of which long recordings were cut: where."""


class Journal:
    """The journal of one dataset.

    Args:
        out: The dataset's folder.
        fresh: Take nothing from former runs.
    """

    def __init__(self, out: Path, fresh: bool = False) -> None:
        out = out.absolute()
        self.folder = out.with_name(f".{out.name}.journal")
        self._run = f"{time.time_ns():020d}-{os.getpid()}"
        self._parts: list[Path] = []
        self.known: dict[str, str] = {}
        """Id → where an earlier run left it, as JSON."""
        self.cuts: dict[str, Any] = {}
        """Where long recordings were cut before."""
        if not fresh:
            for cuts in (out / CUTS, self.folder / CUTS):
                with contextlib.suppress(OSError, ValueError):
                    self.cuts |= json.loads(cuts.read_text(encoding="utf-8"))
            self._of_dataset(out)
            self._of_parts()

    def add(self, done: pa.Table) -> None:
        """Keep a chunk: written beside, then renamed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self._run}-{len(self._parts):06d}.parquet"
        beside = path.with_suffix(".part")
        pq.write_table(done, beside, row_group_size=CLIPS_PER_ROW_GROUP, compression="none")
        beside.replace(path)
        self._parts.append(path)

    def keep_cuts(self, cuts: dict[str, Any]) -> None:
        """Keep where long recordings were cut."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{CUTS}.part"
        beside.write_text(json.dumps(cuts), encoding="utf-8")
        beside.replace(self.folder / CUTS)

    def light(self) -> pa.Table:
        """All rows of this run, without their sounds, in order."""
        tables = [pq.read_table(path, columns=LIGHT, use_threads=False) for path in self._parts]
        return pa.concat_tables(tables) if tables else DONE.empty_table().select(LIGHT)

    def chunks(self) -> Iterator[pa.Table]:
        """The rows with their sounds, a chunk at a time, in order."""
        for path in self._parts:
            yield pq.read_table(path, use_threads=False)

    def remove(self) -> None:
        """The dataset is there: nothing is left to go on with."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _of_dataset(self, out: Path) -> None:
        """Recordings of the dataset that is there."""
        card, recordings = out / "dataset.json", out / RECORDINGS
        try:
            splits = json.loads(card.read_text(encoding="utf-8"))["splits"]
            ids = pq.read_table(recordings, columns=["id"], use_threads=False)["id"].to_pylist()
            where = {
                key: (str(out / shard), row)
                for split in splits.values()
                for shard in split["shards"]
                for row, key in enumerate(pq.read_table(out / shard, columns=["id"])["id"].to_pylist())
            }
        except (OSError, ValueError, KeyError, pa.ArrowException):
            return  # none, or of a ganray that kept no such list
        for row, key in enumerate(ids):
            self._remember(key, recordings, row, *where.get(key, ("", 0)))

    def _of_parts(self) -> None:
        """Recordings of runs that did not end; the latest of each."""
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                ids = pq.read_table(path, columns=["id"], use_threads=False)["id"].to_pylist()
            except (OSError, pa.ArrowException):
                continue
            for row, key in enumerate(ids):
                self._remember(key, path, row, str(path), row)

    def _remember(self, key: str, file: Path, row: int, shard: str, shard_row: int) -> None:
        self.known[key] = json.dumps({"file": str(file), "row": row, "shard": shard, "shard_row": shard_row})
