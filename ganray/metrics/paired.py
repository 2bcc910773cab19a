"""Two voices on the same clips: the difference clip by clip, which is far surer than two means side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganray.metrics.intervals import LEVEL, bootstrap

FLIPS = 10_000
EXACT = 13
"""Clips up to which all sign patterns are gone through: 8,192."""


@dataclass(frozen=True)
class Paired:
    """Difference of two voices in one measure.

    Attributes:
        mean: Of the first minus the second, over clips that both have.
        low: Of its interval; NaN with fewer than two clips.
        high: The same.
        num: Clips.
        p_value: Of a difference this large, where neither is better: two-sided sign-flip test.
        wins: Clips on which the first has the higher value.
        ties: Clips without a difference.
    """

    mean: float
    low: float
    high: float
    num: int
    p_value: float
    wins: int
    ties: int

    def as_json(self) -> dict[str, Any]:
        """For a document; what isn't known is null."""
        values = {"mean": self.mean, "low": self.low, "high": self.high, "p_value": self.p_value}
        return {name: round(v, 5) if np.isfinite(v) else None for name, v in values.items()} | {
            "num": self.num, "wins": self.wins, "ties": self.ties
        }  # fmt: skip


def paired(first: Mapping[str, float], second: Mapping[str, float], *, level: float = LEVEL, seed: int = 0) -> Paired:
    """Compare {clip: value} of two voices on the clips that both have.

    Args:
        first: Of the one.
        second: Of the other.
        level: Of the interval.
        seed: Of the resampling.

    Source: paired bootstrap, Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, §8.3; sign-flip test,
    Fisher, "The Design of Experiments", 1935, §21: all patterns for up to 13 clips, else 10,000 at random.
    """
    apart = np.array([first[clip] - second[clip] for clip in sorted(first.keys() & second.keys())])
    interval = bootstrap(apart, seed, level)
    return Paired(
        interval.mean, interval.low, interval.high, len(apart), flip_test(apart, seed),
        int(np.count_nonzero(apart > 0)), int(np.count_nonzero(apart == 0)),
    )  # fmt: skip


def flip_test(apart: Sequence[float] | np.ndarray, seed: int = 0) -> float:
    """Two-sided p-value of the mean of (N,) differences, each of which might as well have the other sign."""
    apart = np.asarray(apart, float)
    if not len(apart):
        return float("nan")
    if len(apart) <= EXACT:
        signs = 1 - 2 * ((np.arange(2 ** len(apart))[:, None] >> np.arange(len(apart))) & 1)
        sums = np.abs(signs @ apart)
        return float(np.mean(sums >= abs(apart.sum()) - 1e-12))
    signs = 1 - 2 * np.random.default_rng(seed).integers(0, 2, (FLIPS, len(apart)), dtype=np.int8)
    hits = np.count_nonzero(np.abs(signs @ apart) >= abs(apart.sum()) - 1e-12)
    return float((hits + 1) / (FLIPS + 1))
