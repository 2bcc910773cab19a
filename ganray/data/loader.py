"""Batches of segments, read ahead in a thread."""

import contextlib
import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import soundfile
import torch

from ganray.config import AudioConfig
from ganray.data.batch import Batch
from ganray.data.sampler import Draw, SegmentSampler
from ganray.data.script import Script
from ganray.text.labels import Labels

JOIN_S = 10.0
"""What a reader may take to end: a segment from slow storage."""


class ReadsSegments(Protocol):
    """What the loader needs of a dataset's split."""

    num_samples: np.ndarray

    def segment(self, index: int, start: int, length: int) -> np.ndarray:
        """Samples [start, start + length) of a clip."""

    def f0(self, index: int) -> np.ndarray:
        """(F,) Hz of a clip, 0 where unvoiced."""

    def phonemes(self, index: int) -> tuple[str, ...]:
        """What is said in a clip."""

    def labels(self, index: int) -> dict[str, str]:
        """Its speaker, language and style."""


NO_LABELS = Labels()


def load_batches(
    split: ReadsSegments,
    sampler: SegmentSampler,
    audio: AudioConfig,
    *,
    segment_length: int,
    batch_size: int,
    position: int = 0,
    rank: int = 0,
    world_size: int = 1,
    symbols: Sequence[str] | None = None,
    labels: Labels = NO_LABELS,
    ahead: int = 4,
    pin: bool = False,
) -> Iterator[Batch]:
    """This worker's share of one global batch after the other, for ever.

    Args:
        split: Where the recordings are.
        sampler: Says which segments.
        audio: The audio contract.
        segment_length: T, in samples.
        batch_size: Of the global batch.
        position: Segments drawn before.
        rank: This worker.
        world_size: Workers.
        symbols: The front-end's inventory, where batches need a script.
        labels: Names that tell clips apart.
        ahead: Batches read in advance.
        pin: Whether they lie in pages that a GPU can fetch by itself.
    """
    ready: queue.Queue[Batch | BaseException] = queue.Queue(ahead)
    closed = threading.Event()

    # What comes next is known: a split in a bucket reads it ahead, many clips at a time.
    expect: Callable[[Iterable[int]], None] = getattr(split, "expect", lambda indices: None)

    def read() -> None:
        coming: deque[list[Draw]] = deque()
        try:
            for place in itertools.count(position, batch_size):
                coming.append(sampler.share(place, batch_size, rank, world_size))
                expect(draw.index for draw in coming[-1])
                if len(coming) <= ahead:
                    continue
                if closed.is_set():
                    return
                draws = coming.popleft()
                batch = read_batch(split, draws, audio, segment_length, len(draws) / batch_size)
                if symbols:
                    batch = replace(batch, script=read_script(split, draws, audio, symbols, batch.spoilt, labels))
                _put(ready, batch.pin() if pin else batch, closed)
        except BaseException as error:  # handed to the reader's caller
            _put(ready, error, closed)

    thread = threading.Thread(target=read, name="load_batches", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()
        thread.join(JOIN_S)  # a thread that reads while the interpreter ends takes the process down with it


def _put(ready: queue.Queue, item: Batch | BaseException, closed: threading.Event) -> None:
    while not closed.is_set():
        with contextlib.suppress(queue.Full):
            ready.put(item, timeout=0.1)
            break


def read_batch(split: ReadsSegments, draws: list[Draw], audio: AudioConfig, segment_length: int, share: float) -> Batch:
    """The segments that `draws` name."""
    num_frames = segment_length // audio.hop_length
    padded = np.zeros((len(draws), segment_length + 2 * audio.pad), np.float32)
    f0 = np.zeros((len(draws), num_frames), np.float32)
    spoilt = []
    for row, draw in enumerate(draws):
        start = draw.start_frame * audio.hop_length
        try:
            segment = _cut(split, draw.index, start, segment_length, audio)
            track = split.f0(draw.index)[draw.start_frame : draw.start_frame + num_frames]
            sound = np.isfinite(segment).all() and np.isfinite(track).all()
        except (soundfile.LibsndfileError, ValueError):  # can't be decoded, or ends too soon
            sound = False
        if not sound:  # one bad clip must not end a run of weeks: it is learned from as silence, and told
            spoilt.append(draw.index)
            continue
        padded[row] = segment
        f0[row, : len(track)] = track
    keys = torch.tensor([draw.key for draw in draws], dtype=torch.int64)
    return Batch(torch.from_numpy(padded), torch.from_numpy(f0), keys, share, audio.pad, spoilt=tuple(spoilt))


def read_script(
    split: ReadsSegments,
    draws: list[Draw],
    audio: AudioConfig,
    symbols: Sequence[str],
    spoilt: Sequence[int],
    labels: Labels = NO_LABELS,
) -> Script:
    """What is said in the clips that `draws` name, and the clips; silence stands for those that are spoilt.

    Every clip begins and ends with the inventory's first symbol, which stands for the silence around speech.
    """
    place = {symbol: number for number, symbol in enumerate(symbols)}
    said = [[0, *(place[symbol] for symbol in split.phonemes(draw.index)), 0] for draw in draws]
    frames = [int(split.num_samples[draw.index]) // audio.hop_length for draw in draws]
    ids = np.zeros((len(draws), max(map(len, said))), np.int64)
    padded = np.zeros((len(draws), max(frames) * audio.hop_length + 2 * audio.pad), np.float32)
    f0 = np.zeros((len(draws), max(frames)), np.float32)
    for row, draw in enumerate(draws):
        ids[row, : len(said[row])] = said[row]
        if draw.index in spoilt:
            continue
        length = frames[row] * audio.hop_length
        padded[row, : length + 2 * audio.pad] = _cut(split, draw.index, 0, length, audio)
        f0[row, : frames[row]] = split.f0(draw.index)[: frames[row]]
    return Script(
        torch.from_numpy(ids),
        torch.tensor([len(some) for some in said]),
        torch.from_numpy(padded),
        torch.from_numpy(f0),
        torch.tensor(frames),
        torch.tensor([draw.start_frame for draw in draws]),
        torch.from_numpy(np.stack([labels.weights(**split.labels(draw.index)) for draw in draws])),
    )


def _cut(split: ReadsSegments, index: int, start: int, length: int, audio: AudioConfig) -> np.ndarray:
    """A segment and `audio.pad` samples a side: the clip's own, or beyond its ends what the contract pads with."""
    total = int(split.num_samples[index])
    first, last = start - audio.pad, start + length + audio.pad
    have = split.segment(index, max(first, 0), min(last, total) - max(first, 0))
    before, after = max(-first, 0), max(last - total, 0)
    if total < length:  # a clip that is shorter than a segment is followed by silence
        have, after = np.pad(have, (0, length - total)), audio.pad
    return np.pad(have, (before, after), mode=audio.padding)
