"""Recordings that are one and the same: copied, cut anew, louder, re-encoded or resampled.

Sub-fingerprints after Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): signs of the
differences of band energies along frequency and time. Another take of the sentence has another fingerprint.
"""

import itertools
from array import array

import numpy as np

_RATE_HZ = 8_000
_FRAME, _HOP = 2_048, 256
"""A quarter of a second, every 32 ms."""
_BANDS = 33
_COMMON = 24
"""A sub-fingerprint in more recordings than this says nothing: a hum, silence."""
_SAME = 0.25
"""Share of differing bits up to which two recordings are one; unrelated ones differ in half."""
_LEAST_FRAMES = 12
_PARTS = 16
"""A power of two."""


def fingerprint(waveform: np.ndarray, rate: int) -> np.ndarray:
    """(N,) uint32, a sub-fingerprint every 32 ms; none where the recording is shorter than a frame."""
    from ganray.audio import resample

    signal = resample(waveform, rate, _RATE_HZ) if rate != _RATE_HZ else waveform
    if len(signal) < _FRAME + _HOP:
        return np.zeros(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(signal, _FRAME)[::_HOP] * np.hanning(_FRAME).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames))).astype(np.float32)
    edges = np.geomspace(300, 3_000, _BANDS + 1) * _FRAME / _RATE_HZ
    energy = np.log(np.add.reduceat(power, edges.astype(int), axis=1)[:, :_BANDS] + 1e-12)
    along = np.diff(energy, axis=1)  # (N, 32)
    bits = np.diff(along, axis=0) > 0
    return np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32)


def duplicates(prints: list[np.ndarray]) -> list[list[int]]:
    """Groups of indices whose recordings are the same, each in order.

    Time and memory grow with the recordings, not with their pairs: only those that share a sub-fingerprint meet.
    """
    parent = list(range(len(prints)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in map(np.ndarray.tolist, _meeting(prints)):  # one by one: as lists, all would be much
        if root(first) != root(second) and _distance(prints[first], prints[second]) <= _SAME:
            parent[max(root(first), root(second))] = min(root(first), root(second))
    groups: dict[int, list[int]] = {}
    for index in range(len(prints)):
        groups.setdefault(root(index), []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def _meeting(prints: list[np.ndarray]) -> np.ndarray:
    """(pairs, 2), in order: recordings that share a sub-fingerprint that is not common."""
    all_values = np.concatenate([*prints, np.zeros(0, np.uint32)])
    all_owners = np.repeat(np.arange(len(prints), dtype=np.int32), [len(its) for its in prints])
    pairs = np.zeros(0, np.int64)  # first · all + second: of one voice there are many
    # Equal values lie in one part, so that what sorting needs is a small share of what all of them do.
    parts = all_values >> (32 - _PARTS.bit_length() + 1)
    for part in range(_PARTS):
        chosen = parts == part
        values, owners = all_values[chosen], all_owners[chosen]
        order = np.argsort(values, kind="stable")
        values, owners = values[order], owners[order]
        edges = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1], [True]]))
        found = array("q")
        for run in np.flatnonzero(np.diff(edges) > 1):
            its = sorted(set(owners[edges[run] : edges[run + 1]].tolist()))
            if 1 < len(its) <= _COMMON:
                found.extend(one * len(prints) + other for one, other in itertools.combinations(its, 2))
        pairs = np.union1d(pairs, np.frombuffer(found, np.int64))
    return np.stack(np.divmod(pairs, max(1, len(prints))), axis=1)


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """Least share of differing bits over all shifts at which half of the shorter one overlaps."""
    if len(first) > len(second):
        first, second = second, first
    short, long = len(first), len(second)
    least = max(_LEAST_FRAMES, short // 2)
    if short < least:
        return 1.0
    # Each with each, and the sums along the diagonals: rows a place longer than they are read make columns of those.
    differing = np.zeros((short, short + long), np.uint8)
    differing[:, :long] = np.bitwise_count(first[::-1, None] ^ second)
    sums = differing.ravel()[: short * (short + long - 1)].reshape(short, -1).sum(0, dtype=np.int64)
    shifts = np.arange(1 - short, long)
    overlap = np.minimum(short, long - shifts) - np.maximum(0, -shifts)
    enough = overlap >= least
    return float((sums[enough] / overlap[enough]).min(initial=32)) / 32
