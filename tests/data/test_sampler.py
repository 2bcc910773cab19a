"""Which segments an update sees: all of them, once an epoch, whoever shares them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.audio import LogMel
from ganray.data import Dataset
from ganray.data.loader import load_batches, read_batch
from ganray.data.sampler import SegmentSampler

LENGTHS = np.array([3_000, 20_000, 9_000, 16_384, 50_000])


def sampler(seed=1):
    return SegmentSampler(LENGTHS, 8192, 256, seed)


def test_an_epoch_holds_every_clip_as_often_as_a_segment_fits_into_it():
    source = sampler()
    for epoch in (0, 1, 5):
        draws = [source.draw(epoch * len(source) + i) for i in range(len(source))]
        assert np.bincount([d.index for d in draws]).tolist() == [1, 2, 1, 2, 6]
        assert {d.epoch for d in draws} == {epoch}


def test_segments_lie_inside_their_clips():
    source = sampler()
    for position in range(200):
        draw = source.draw(position)
        assert draw.start_frame * 256 + 8192 <= max(LENGTHS[draw.index], 8192)


@given(
    position=st.integers(0, 10_000), batch=st.integers(1, 33), workers=st.integers(1, 9), seed=st.integers(0, 2**31 - 1)
)
@settings(max_examples=50, deadline=None)
def test_shares_of_any_number_of_workers_make_the_same_batch(position, batch, workers, seed):
    whole = sampler(seed).share(position, batch, 0, 1)
    parts = [sampler(seed).share(position, batch, rank, workers) for rank in range(workers)]
    assert [draw for part in parts for draw in part] == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_epochs_and_seeds_differ():
    order = [sampler().draw(i).index for i in range(12)]
    assert order != [sampler().draw(12 + i).index for i in range(12)]
    assert order != [sampler(2).draw(i).index for i in range(12)]
    keys = {sampler().draw(i).key for i in range(600)}
    assert len(keys) == 600


@pytest.fixture(scope="module")
def split(small_dataset):
    return Dataset.open(small_dataset).split("train")


def test_the_mel_of_a_segment_is_a_cut_from_that_of_the_clip(split):
    audio = split.audio
    source = SegmentSampler(split.num_samples, 8192, 256, 0)
    draws = [source.draw(i) for i in range(len(source))]
    batch = read_batch(split, draws, audio, 8192, 1.0)
    cut = LogMel(audio)(batch.padded, padded=True)
    for row, draw in enumerate(draws):
        clip = split[draw.index]
        whole = LogMel(audio)(torch.from_numpy(clip.waveform)[None])[0]
        if len(clip.waveform) >= 8192:
            torch.testing.assert_close(cut[row], whole[:, draw.start_frame : draw.start_frame + 32], atol=1e-4, rtol=0)
            np.testing.assert_array_equal(batch.f0[row], clip.f0[draw.start_frame : draw.start_frame + 32])


def test_a_clip_shorter_than_a_segment_is_followed_by_silence(split):
    source = SegmentSampler(split.num_samples, 65_536, 256, 0)
    batch = read_batch(split, [source.draw(0)], split.audio, 65_536, 1.0)
    length = split.num_samples[source.draw(0).index]
    assert batch.real[0, 0, :length].abs().max() > 0.01
    assert batch.real[0, 0, length:].abs().max() == 0


def test_reading_from_a_position_goes_on_where_it_stopped(split):
    def batches(position):
        source = SegmentSampler(split.num_samples, 8192, 256, 3)
        return load_batches(split, source, split.audio, segment_length=8192, batch_size=4, position=position)

    first = batches(0)
    [next(first), next(first)]
    third, resumed = next(first), next(batches(8))
    torch.testing.assert_close(third.padded, resumed.padded, atol=0, rtol=0)
    assert third.key.tolist() == resumed.key.tolist()


def test_an_error_while_reading_reaches_the_caller(split):
    class Broken:
        num_samples = split.num_samples

        def segment(self, index, start, length):
            raise OSError("disk gone")

    source = SegmentSampler(split.num_samples, 8192, 256, 3)
    with pytest.raises(OSError, match="disk gone"):
        next(load_batches(Broken(), source, split.audio, segment_length=8192, batch_size=4))


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_workers_together_read_each_segment_of_an_epoch_once(split, workers):
    source = SegmentSampler(split.num_samples, 8192, 256, 3)
    expected = [source.draw(position) for position in range(len(source))]
    batch, keys = 6, []
    options = {"segment_length": 8192, "batch_size": batch, "world_size": workers}
    readers = [
        load_batches(split, SegmentSampler(split.num_samples, 8192, 256, 3), split.audio, rank=rank, **options)
        for rank in range(workers)
    ]
    while len(keys) < len(expected):
        parts = [next(reader) for reader in readers]
        assert sum(part.share for part in parts) == pytest.approx(1)
        keys += [key for part in parts for key in part.key.tolist()]
    for reader in readers:
        reader.close()
    assert keys[: len(expected)] == [draw.key for draw in expected]
    assert len(set(keys)) == len(keys)
