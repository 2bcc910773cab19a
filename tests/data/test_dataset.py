import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ganray.data import Dataset
from ganray.errors import AudioContractError, DataError


def test_every_clip_is_what_was_written(split):
    assert len(split) == 21
    assert split.ids == [f"clip{n}" for n in range(21)]
    for clip, key, samples in zip(split.clips(), split.ids, split.num_samples, strict=True):
        assert (clip.id, clip.text) == (key, f"Sentence {key.removeprefix('clip')}.")
        assert clip.waveform.dtype == clip.f0.dtype == np.float32
        assert len(clip.waveform) == samples
        assert len(clip.f0) == samples // 256
        assert np.median(clip.f0) == pytest.approx(150, abs=0.5)


def test_any_order_gives_the_same_clips(split):
    in_order = {clip.id: clip.waveform for clip in split.clips()}
    for index in np.random.default_rng(1).integers(-21, 21, 60):
        clip = split[index]
        assert clip.id == split.ids[index]
        assert np.array_equal(clip.waveform, in_order[clip.id])


def test_a_segment_is_that_part_of_the_clip(split):
    random = np.random.default_rng(2)
    for _ in range(60):
        index = int(random.integers(0, 21))
        start = int(random.integers(0, split.num_samples[index]))
        length = int(random.integers(0, split.num_samples[index] - start + 1))
        assert np.array_equal(split.segment(index, start, length), split[index].waveform[start : start + length])


def test_f0_alone_is_the_clips_f0(split):
    assert np.array_equal(split.f0(-2), split[19].f0)


@pytest.mark.parametrize(("start", "length"), [(-1, 10), (0, 10**6), (10**6, 0)])
def test_a_segment_beyond_the_clip_is_refused(split, start, length):
    with pytest.raises(IndexError, match="clip3"):
        split.segment(3, start, length)


@pytest.mark.parametrize("index", [21, -22])
def test_a_clip_beyond_the_end_is_refused(split, index):
    with pytest.raises(IndexError, match="21 clips"):
        split[index]


def test_seconds_and_counts_agree_with_the_card(small_dataset, split):
    card = Dataset.open(small_dataset).card["splits"]["train"]
    assert split.seconds == pytest.approx(card["seconds"])
    assert split.seconds == pytest.approx(sum(len(clip.waveform) for clip in split.clips()) / 24_000)


def test_the_first_clips_can_be_asked_for(split):
    assert [clip.id for clip in split.clips(3)] == ["clip0", "clip1", "clip2"]
    assert len(list(split.clips(100))) == 21


def test_memory_stays_bounded(split):
    for _ in range(3):
        list(split.clips())
    assert len(split._cache) <= 8


def test_threads_may_share_a_split(split):
    want = [clip.waveform for clip in split.clips()]
    order = np.random.default_rng(3).integers(0, 21, 400).tolist()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda index: split[index].waveform, order))
    assert all(np.array_equal(waveform, want[index]) for index, waveform in zip(order, got, strict=True))


def test_a_split_can_be_pickled(split):
    copy = pickle.loads(pickle.dumps(split))
    assert len(pickle.dumps(split)) < 4096
    assert np.array_equal(copy[20].waveform, split[20].waveform)


def test_an_unknown_split_is_refused_with_the_ones_there_are(small_dataset):
    with pytest.raises(DataError, match=r"no split 'dev'.*use train"):
        Dataset.open(small_dataset).split("dev")


def edit(card, **keys):
    def change(folder):
        document = json.loads((folder / "dataset.json").read_text())
        (folder / "dataset.json").write_text(json.dumps({**document, **keys}))

    return change


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "dataset.json").unlink(), "has no dataset.json"),
        (lambda f: shutil.rmtree(f), "is no folder"),
        (lambda f: (f / "dataset.json").write_text('{"half": '), "cannot read"),
        (lambda f: (f / "dataset.json").write_text("[]"), "not the card of a dataset"),
        (edit("card", kind="voice"), "not the card of a dataset"),
        (edit("card", schema_version=2), "schema_version 2"),
        (lambda f: (f / "train-00001.parquet").unlink(), "lacks train-00001.parquet"),
    ],
)
def test_what_is_no_dataset_is_refused(small_dataset, tmp_path, damage, told):
    folder = shutil.copytree(small_dataset, tmp_path / "copy")
    damage(folder)
    with pytest.raises(DataError, match=told):
        Dataset.open(folder)


def test_an_audio_contract_that_makes_no_sense_is_refused(small_dataset, tmp_path):
    folder = shutil.copytree(small_dataset, tmp_path / "copy")
    edit("card", audio={"sample_rate": "fast"})(folder)
    with pytest.raises(AudioContractError):
        Dataset.open(folder)


def test_a_shard_cut_short_is_refused(small_dataset, tmp_path):
    folder = shutil.copytree(small_dataset, tmp_path / "copy")
    shard = folder / "train-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"train-00001\.parquet"):
        Dataset.open(folder).split("train")
