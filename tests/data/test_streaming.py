"""A dataset in a bucket is read at once, and as exactly as one in a folder; what goes wrong is told, or mended."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ganray.data import Dataset, cache
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.data.storage import Storage
from ganray.errors import DataError
from ganray.preparing.bucket import send


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GANRAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "datasets"


@pytest.fixture
def uri(s3, indexed_dataset, tmp_path):
    """A dataset of 21 clips in three shards, in a bucket."""
    where = s3.at(f"{tmp_path.name}/speech")
    send(indexed_dataset, where)
    return where


@pytest.fixture
def local(indexed_dataset):
    return Dataset.open(indexed_dataset).split("train")


def batches(split, workers=1, rank=0, count=8, ahead=4):
    """The first batches of a worker."""
    source = SegmentSampler(split.num_samples, 8192, 256, 3)
    reader = load_batches(
        split, source, split.audio, segment_length=8192, batch_size=6, rank=rank, world_size=workers, ahead=ahead
    )
    got = [next(reader) for _ in range(count)]
    reader.close()
    return got


def until(condition, patience_s=60):
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def shards(folder):
    return sorted(path.name for path in folder.glob("*/train-0*.parquet"))


def test_a_bucket_gives_the_clips_of_a_folder_in_any_order(uri, local):
    opened = Dataset.open(uri)
    split = opened.split("train")
    assert split.ids == local.ids
    assert np.array_equal(split.num_samples, local.num_samples)
    for index in np.random.default_rng(1).integers(-21, 21, 40).tolist():
        clip, want = split[index], local[index]
        assert (clip.id, clip.text, clip.speaker, clip.language) == (want.id, want.text, want.speaker, want.language)
        assert np.array_equal(clip.waveform, want.waveform)
        assert np.array_equal(clip.f0, want.f0)
    assert opened.shard_bytes == Dataset.open(local._shards[0].parent).shard_bytes


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_any_number_of_workers_draws_from_a_bucket_what_it_draws_from_a_folder(uri, local, workers):
    split = Dataset.open(uri).split("train")
    for rank in range(workers):
        for got, want in zip(batches(split, workers, rank), batches(local, workers, rank), strict=True):
            assert got.key.tolist() == want.key.tolist()
            torch.testing.assert_close(got.padded, want.padded, atol=0, rtol=0)
            torch.testing.assert_close(got.f0, want.f0, atol=0, rtol=0)


def test_nothing_is_fetched_before_a_clip_is_asked_for_and_then_all_of_it_comes(uri, cache_folder):
    split = Dataset.open(uri).split("train")
    assert shards(cache_folder) == []
    split.segment(20, 0, 100)
    until(lambda: len(shards(cache_folder)) == 3)
    until(lambda: not list(cache_folder.rglob("*.part")))


def test_what_is_cached_is_read_without_the_bucket(uri, s3, local, cache_folder):
    split = Dataset.open(uri).split("train")
    split.segment(0, 0, 100)
    until(lambda: len(shards(cache_folder)) == 3)
    s3.stop()
    try:
        for got, want in zip(batches(split), batches(local), strict=True):
            torch.testing.assert_close(got.padded, want.padded, atol=0, rtol=0)
    finally:
        s3.start()


def test_a_split_in_a_bucket_can_be_pickled(uri, local):
    copy = pickle.loads(pickle.dumps(Dataset.open(uri).split("train")))
    assert np.array_equal(copy[20].waveform, local[20].waveform)


def test_storage_that_goes_away_and_comes_back_is_waited_for(uri, s3, local):
    split = Dataset.open(uri).split("train")
    s3.stop()
    back = threading.Timer(1.0, s3.start)
    back.start()
    try:
        assert np.array_equal(split[3].waveform, local[3].waveform)
    finally:
        back.join()


def test_storage_that_stays_away_is_an_error_that_says_so(uri, s3, monkeypatch):
    monkeypatch.setattr("ganray.data.streaming._PAUSES_S", (0.1,))
    split = Dataset.open(uri).split("train")
    s3.stop()
    try:
        with pytest.raises(DataError, match=r"cannot read s3://.*--resume"):
            split.segment(0, 0, 100)
    finally:
        s3.start()


def test_a_shard_that_was_changed_ends_the_reading(uri, cache_folder):
    storage = Storage(uri)
    content = bytearray(storage.read("train-00001.parquet"))
    content[len(content) // 2] ^= 1  # as long as before
    storage.put_bytes(bytes(content), "train-00001.parquet")
    split = Dataset.open(uri).split("train")
    split.segment(0, 0, 100)

    def refused():
        try:
            split.segment(0, 0, 100)
        except DataError as error:
            return "train-00001.parquet" in str(error) and "not what dataset.json says" in str(error)
        return False

    until(refused)
    assert "train-00001.parquet" not in shards(cache_folder)
    until(lambda: not list(cache_folder.rglob("*.part")))  # the other shards may still be coming


def test_a_full_disk_is_told_and_clips_are_read_all_the_same(uri, local, cache_folder):
    folder = cache_folder / Dataset.open(uri).digest
    folder.mkdir(parents=True)
    for name in ("index-train.parquet", *(f"train-0000{number}.parquet" for number in range(3))):
        (folder / f".{name}.part").symlink_to("/dev/full")  # writing there ends as on a full disk
    split = Dataset.open(uri).split("train")
    for got, want in zip(batches(split), batches(local), strict=True):
        torch.testing.assert_close(got.padded, want.padded, atol=0, rtol=0)
    until(lambda: split.trouble)
    assert "No space left on device" in split.trouble
    assert "GANRAY_CACHE" in split.trouble
    assert len(shards(cache_folder)) < 3


def test_a_cache_that_cannot_be_written_is_told(uri, local, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANRAY_CACHE", str(tmp_path / "file"))
    split = Dataset.open(uri).split("train")
    assert np.array_equal(split[3].waveform, local[3].waveform)
    until(lambda: split.trouble)
    assert "cannot write the cache" in split.trouble


def test_threads_that_want_one_file_fetch_it_once(uri, tmp_path, monkeypatch):
    opened = []
    opens = cache.open_file
    monkeypatch.setattr(cache, "open_file", lambda where: opened.append(where) or opens(where))
    source = uri.replace("/speech", "/speech/train-00000.parquet")
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: cache.fetch(source, tmp_path / "to" / "shard", ""), range(8)))
    assert len(opened) == 1


READER = """
    import sys
    from ganray.data import Dataset

    split = Dataset.open(sys.argv[1]).split("train")
    print(sum(float(abs(clip.waveform).sum()) for clip in split.clips()))
"""


def test_processes_of_a_machine_share_a_cache(uri, local, cache_folder):
    readers = [_start(READER, uri) for _ in range(3)]
    told = [reader.communicate(timeout=300)[0] for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0, 0]
    assert {float(text) for text in told} == {sum(float(abs(clip.waveform).sum()) for clip in local.clips())}
    assert not list(cache_folder.rglob("*.part"))


SLOW = """
    import sys, time
    from pathlib import Path
    from ganray.data import cache

    cache._PIECE = 1 << 12
    cache.fetch(sys.argv[1], Path(sys.argv[2]), "", ended=lambda: time.sleep(0.2))
"""


def test_what_a_killed_process_left_harms_nobody(uri, tmp_path):
    source, target = uri.replace("/speech", "/speech/train-00000.parquet"), tmp_path / "to" / "shard"
    slow = _start(SLOW, source, str(target))
    until(lambda: (target.parent / ".shard.part").exists(), 300)
    assert not cache.fetch(source, target, "", wait=False)  # another one is at it
    slow.send_signal(signal.SIGKILL)
    slow.wait()
    assert (target.parent / ".shard.part").exists()
    assert cache.fetch(source, target, "", wait=False)
    assert target.read_bytes() == Storage(uri).read("train-00000.parquet")
    assert not (target.parent / ".shard.part").exists()


LEAVES = """
    import sys
    from ganray.data import Dataset, cache

    cache._PIECE = 1 << 8
    split = Dataset.open(sys.argv[1]).split("train")
    split.expect(range(21))
    split.segment(0, 0, 100)
"""


def test_a_program_that_ends_while_shards_come_ends_well(uri, cache_folder):
    program = _start(LEAVES, uri)
    program.communicate(timeout=300)
    assert program.returncode == 0
    assert not list(cache_folder.rglob("*.part"))


def test_a_split_that_is_gone_fetches_no_more(uri):
    split = Dataset.open(uri).split("train")
    split.segment(0, 0, 100)
    threads = split._streamed._filler._threads
    del split
    until(lambda: not any(thread.is_alive() for thread in threads))


def test_a_dataset_without_an_index_is_copied_whole(small_dataset, s3, tmp_path, cache_folder, split):
    where = s3.at(f"{tmp_path.name}/old")
    send(small_dataset, where)
    opened = Dataset.open(where)
    assert len(shards(cache_folder)) == 3
    assert opened.where == where
    assert np.array_equal(opened.split("train")[20].waveform, split[20].waveform)


def test_an_index_that_is_not_the_splits_is_refused(uri, cache_folder):
    storage = Storage(uri)
    storage.put_bytes(storage.read("train-00000.parquet"), "index-train.parquet")
    with pytest.raises(DataError, match=r"index-train\.parquet\?.* is not what dataset\.json says"):
        Dataset.open(uri).split("train")


def _start(program, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
