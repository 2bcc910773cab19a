import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ganray.data.index import read_index
from ganray.data.schema import COLUMNS
from ganray.errors import DataError
from ganray.preparing.shards import SplitWriter, beside, may_write


def rows(first, count):
    keys = [str(number) for number in range(first, first + count)]
    values = {"id": keys, "text": keys, "speaker": ["s"] * count, "language": ["en"] * count, "style": [""] * count}
    values |= {name: [[]] * count for name in ("phonemes", "f0", "energy", "flags")}
    values |= {"audio": [b"flac"] * count, "num_samples": [256] * count}
    return pa.table({name: values[name] for name in COLUMNS.names}, schema=COLUMNS)


@pytest.mark.parametrize("chunk", [1, 3, 8, 50])
def test_row_groups_and_shards_do_not_depend_on_how_the_clips_came(tmp_path, chunk):
    writer = SplitWriter(tmp_path, "train", clips_per_shard=16)
    for first in range(0, 50, chunk):
        writer.write(rows(first, min(chunk, 50 - first)))
    written = writer.close()
    assert (written["clips"], written["num_samples"], len(written["shards"])) == (50, 50 * 256, 4)
    files = [pq.ParquetFile(tmp_path / shard) for shard in written["shards"]]
    sizes = [[f.metadata.row_group(g).num_rows for g in range(f.num_row_groups)] for f in files]
    assert sizes == [[8, 8], [8, 8], [8, 8], [2]]
    assert [key for f in files for key in f.read(["id"])["id"].to_pylist()] == [str(n) for n in range(50)]
    assert len(set(written["digests"])) == 4


def test_the_index_tells_where_every_clip_is(tmp_path):
    writer = SplitWriter(tmp_path, "train", clips_per_shard=16)
    writer.write(rows(0, 50))
    written, said = writer.close(), writer.index()
    index = read_index((tmp_path / said["index"]).read_bytes(), 4, said["index"])
    assert index.begins == [0, 16, 32, 48, 50]
    assert index.ids == [str(n) for n in range(50)]
    assert index.num_samples.tolist() == [256] * 50
    assert said["shard_bytes"] == [(tmp_path / shard).stat().st_size for shard in written["shards"]]
    with pytest.raises(DataError, match="names other shards"):
        read_index((tmp_path / said["index"]).read_bytes(), 3, said["index"])
    with pytest.raises(DataError, match="cannot read it"):
        read_index(b"no table", 4, "it")


def test_a_split_without_clips_has_no_shard(tmp_path):
    assert SplitWriter(tmp_path, "test").close() == {"clips": 0, "num_samples": 0, "shards": [], "digests": []}


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with beside(tmp_path / "out") as folder:
        (folder / "file").touch()
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(RuntimeError), beside(tmp_path / "other") as folder:
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_was_there_stays_until_the_new_is_whole(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with pytest.raises(RuntimeError), beside(tmp_path / "out") as folder:
        raise RuntimeError
    assert (tmp_path / "out" / "old").exists()
    with beside(tmp_path / "out") as folder:
        (folder / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "new"]


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from ganray.preparing.shards import beside\n"
        "with beside(Path(sys.argv[1])) as folder: (folder / 'half').touch(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "out")], check=False)
    assert done.returncode == -9
    assert len(list(tmp_path.glob(".out.*/half"))) == 1
    assert not (tmp_path / "out").exists()
    running = tmp_path / f".out.{os.uname().nodename}.{os.getppid()}"
    running.mkdir()
    with beside(tmp_path / "out") as folder:
        (folder / "whole").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"out", running.name}


def test_only_a_dataset_is_overwritten_and_only_when_told_to(tmp_path):
    may_write(tmp_path / "new", overwrite=False)
    (tmp_path / "empty").mkdir()
    may_write(tmp_path / "empty", overwrite=False)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(DataError, match="is no dataset"):
        may_write(tmp_path / "photos", overwrite=True)
    (tmp_path / "photos" / "dataset.json").touch()
    with pytest.raises(DataError, match="--overwrite"):
        may_write(tmp_path / "photos", overwrite=False)
    may_write(tmp_path / "photos", overwrite=True)
