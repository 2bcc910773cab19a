"""The columns of a dataset's Parquet shards, and how they are laid out."""

import pyarrow as pa

VERSION = 1
"""`schema_version` of `dataset.json`: a reader refuses newer ones."""
CLIPS_PER_ROW_GROUP = 8
"""Small, so that reading one clip reads little else."""
CLIPS_PER_SHARD = 2048
"""A quarter of a gigabyte or so."""

COLUMNS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("phonemes", pa.list_(pa.string()), nullable=False),
        pa.field("speaker", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        # Any word for how it is said; empty: no way in particular.
        pa.field("style", pa.string(), nullable=False),
        # FLAC, 16-bit, mono, the whole clip at audio.sample_rate.
        pa.field("audio", pa.binary(), nullable=False),
        pa.field("num_samples", pa.int32(), nullable=False),
        # Hz at the centre of each of num_samples // hop_length frames; 0: unvoiced.
        pa.field("f0", pa.list_(pa.float32()), nullable=False),
        # Root mean square of the win_length samples about the centre of each frame.
        pa.field("energy", pa.list_(pa.float32()), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
    ]
)
