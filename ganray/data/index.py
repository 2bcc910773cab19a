"""The index of a split: its clips' ids and lengths, and which shard each is in. All that drawing segments needs.

The shards hold the same, but a few bytes of it a row group: from a bucket that would be a request each.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ganray.errors import DataError

INDEX = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("num_samples", pa.int32(), nullable=False),
        # Place of its shard in the card's list.
        pa.field("shard", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True, eq=False)
class Index:
    """An index, read.

    Attributes:
        ids: Clip ids, in order.
        num_samples: (clips,) int32, samples of each clip.
        begins: At which clip each shard begins; one more than there are shards, the last is the number of clips.
    """

    ids: list[str]
    num_samples: np.ndarray
    begins: list[int]


def write_index(path: Path, ids: Sequence[str], num_samples: Sequence[int], clips: Sequence[int]) -> None:
    """Write the index of a split.

    Args:
        path: The file.
        ids: Of its clips, in order.
        num_samples: Of each.
        clips: How many of them each shard holds.
    """
    shard = np.repeat(np.arange(len(clips), dtype=np.int32), clips)
    table = pa.table([pa.array(ids, pa.string()), pa.array(num_samples, pa.int32()), shard], schema=INDEX)
    pq.write_table(table, path, compression="zstd", use_dictionary=["shard"])


def read_index(content: bytes, shards: int, name: str) -> Index:
    """An index from the bytes of its file.

    Args:
        content: Of the file.
        shards: How many the split has.
        name: Of the file, for errors.

    Raises:
        DataError: It is no index of so many shards.
    """
    try:
        table = pq.read_table(io.BytesIO(content), columns=INDEX.names, use_threads=False)
        shard = table["shard"].to_numpy()
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(f"cannot read {name}: {error}", mend="copy the dataset again, or prepare it again") from error
    if len(shard) and (np.diff(shard).min(initial=0) < 0 or shard[0] < 0 or shard[-1] >= shards):
        raise DataError(f"{name} names other shards than the card", mend="copy the dataset again, or prepare it again")
    begins = np.searchsorted(shard, np.arange(shards + 1)).tolist()
    return Index(table["id"].to_pylist(), table["num_samples"].to_numpy(), begins)
