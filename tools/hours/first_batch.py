"""How long until the first batch of a dataset of many hours?  python tools/hours/first_batch.py DATASET [--hours 24]

DATASET's clips are written again and again, under other ids, until there are so many hours: as many bytes and row
groups as a dataset of that size has. It is then opened and read by a training's own loader: from a folder; from a
bucket with an empty cache, streamed; from a bucket copied whole first; and from the cache.

Example:
    .venv/bin/python tools/hours/first_batch.py data/mine --hours 24 --late-ms 30 --mb-per-s 100
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from bucket import Bucket

from ganray.data import Dataset
from ganray.data.cache import cache_folder, cached
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.data.schema import COLUMNS
from ganray.preparing.shards import SplitWriter, write_card

BATCH, SEGMENT = 16, 16_128


def grown(dataset: Path, out: Path, hours: float) -> Path:
    """A dataset of so many hours with the clips of another one."""
    import pyarrow.parquet as pq

    card = json.loads((dataset / "dataset.json").read_text())
    rate = card["audio"]["sample_rate"]
    out.mkdir(parents=True)
    writer, times = SplitWriter(out, "train"), 0
    while writer.num_samples < 3600 * hours * rate:
        for shard in card["splits"]["train"]["shards"]:
            for rows in pq.ParquetFile(dataset / shard).iter_batches(64):
                ids = pa.array([f"{key}-{times}" for key in rows["id"].to_pylist()])
                writer.write(pa.Table.from_batches([rows]).set_column(0, COLUMNS.field("id"), ids))
        times += 1
    written = writer.close()
    split = {"clips": written["clips"], "seconds": written["num_samples"] / rate, "shards": written["shards"]}
    split |= {"shard_digests": written["digests"], **writer.index()}
    write_card(out, card | {"splits": {"train": split}})
    return out


def read(where: str, batches: int) -> dict[str, Any]:
    """Seconds until the dataset is open, until the first batch, and of a batch after that."""
    began = time.perf_counter()
    split = Dataset.open(where).split("train")
    opened = time.perf_counter() - began
    sampler = SegmentSampler(split.num_samples, SEGMENT, split.audio.hop_length, 1)
    reader = load_batches(split, sampler, split.audio, segment_length=SEGMENT, batch_size=BATCH)
    first = next(reader)
    first_s = time.perf_counter() - began
    each = []
    for _ in range(batches):
        start = time.perf_counter()
        next(reader)
        each.append(time.perf_counter() - start)
    reader.close()  # type: ignore[attr-defined]
    split.close()
    return {
        "opened_s": round(opened, 3),
        "first_batch_s": round(first_s, 3),
        "batch_ms": round(1000 * float(np.mean(each)), 1),
        "key": int(first.key[0]),
    }


def main() -> None:
    """Read it each way, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--late-ms", type=float, default=30, help="How long the bucket takes to answer.")
    parser.add_argument("--mb-per-s", type=float, default=100, help="What a connection gets.")
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--no-copy", action="store_true", help="Leave out what is copied whole.")
    told = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_EC2_METADATA_DISABLED": "true"}
    with tempfile.TemporaryDirectory(prefix="ganray-first-batch.") as folder:
        os.environ["GANRAY_CACHE"] = f"{folder}/cache"
        data = grown(told.dataset, Path(folder) / "bucket" / "speech", told.hours)
        card = Dataset.open(data).card["splits"]["train"]
        size = {"clips": card["clips"], "hours": card["seconds"] / 3600, "mb": sum(card["shard_bytes"]) / 1e6}
        bucket = Bucket(data.parent, told.late_ms / 1000, told.mb_per_s * 1e6)
        rows: dict[str, Any] = {"folder": read(str(data), told.batches)}
        rows["streamed"] = read(bucket.uri("speech"), told.batches)
        rows["streamed"] |= {"requests": bucket.requests, "sent_mb": round(bucket.sent_bytes / 1e6, 1)}
        shutil.rmtree(cache_folder(), ignore_errors=True)
        if not told.no_copy:
            began = time.perf_counter()
            cached(bucket.uri("speech"))
            rows["copied_whole"] = {"seconds": round(time.perf_counter() - began, 3)}
            rows["cached"] = read(bucket.uri("speech"), told.batches)
        bucket.close()
    assert len({row["key"] for row in rows.values() if "key" in row}) == 1
    print(json.dumps({"of": {name: round(value, 1) for name, value in size.items()}, **rows}))


if __name__ == "__main__":
    main()
