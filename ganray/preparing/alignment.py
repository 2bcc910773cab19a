"""Where in what was heard each phoneme of a text is: an alignment of least edits, in a band about the diagonal."""

from collections.abc import Sequence

import numpy as np

SLACK = 1_500
"""Phonemes by which text and sound may run apart: some two minutes of what only one of them has."""
_FAR = 1 << 28
_BOTH, _ONLY_WANTED, _ONLY_HEARD = range(3)


def places(wanted: Sequence[str], heard: Sequence[str], slack: int = SLACK) -> np.ndarray:
    """(N,) int, for each of `wanted` its place in `heard`; -1 where another phoneme or none is there.

    Args:
        wanted: N phonemes of a text.
        heard: M of a recogniser.
        slack: Half of the band's width. Time and memory grow with N · slack.
    """
    number = {phoneme: index for index, phoneme in enumerate(dict.fromkeys([*wanted, *heard]))}
    text, sound = (np.array([number[p] for p in its], np.int32) for its in (wanted, heard))
    rows, columns = len(text), len(sound)
    found = np.full(rows, -1)
    if not rows or not columns:
        return found
    width = min(columns, 2 * slack) + 1
    firsts = np.clip(np.rint(np.arange(rows + 1) * columns / rows).astype(int) - slack, 0, columns + 1 - width)
    steps = np.arange(width, dtype=np.int32)
    cost = steps + firsts[0]
    ways = np.empty((rows, width), np.uint8)
    padded = np.concatenate([[-1], sound])  # column j ends with the heard phoneme j - 1
    for row in range(rows):
        shift = firsts[row + 1] - firsts[row]
        before = np.concatenate([[_FAR], cost, np.full(shift, _FAR)]).astype(np.int32)
        skipped = before[1 + shift : 1 + shift + width] + 1
        here = padded[firsts[row + 1] : firsts[row + 1] + width]
        both = before[shift : shift + width] + (here != text[row])
        least = np.minimum(both, skipped)
        cost = np.minimum.accumulate(least - steps) + steps
        ways[row] = np.where(cost == both, _BOTH, np.where(cost == skipped, _ONLY_WANTED, _ONLY_HEARD))
    row, column = rows, firsts[rows] + int(np.argmin(cost + (columns - firsts[rows] - steps)))
    while row and column > 0:
        way = ways[row - 1, column - firsts[row]]
        if way == _ONLY_HEARD:
            column -= 1
            continue
        row -= 1
        if way == _BOTH:
            column -= 1
            if text[row] == sound[column]:
                found[row] = column
    return found
