"""How sure a mean over clips is."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
_BLOCK = 2_000_000
"""Values drawn at a time."""


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval; the bounds are NaN where one value says nothing about the spread."""

    mean: float
    low: float
    high: float
    num: int
    """Values that went in."""

    def as_json(self) -> dict[str, float | int | None]:
        """The keys of a score in a JSON document; what isn't known is null."""
        values = {"mean": self.mean, "low": self.low, "high": self.high}
        return {name: value if np.isfinite(value) else None for name, value in values.items()} | {"num": self.num}

    def __str__(self) -> str:
        if not np.isfinite(self.low):
            return f"{self.mean:.3g}"
        return f"{self.mean:.2f} ({self.low:.2f}–{self.high:.2f})"


def bootstrap(values: Sequence[float] | np.ndarray, seed: int = 0, level: float = LEVEL) -> Interval:
    """Mean of `values` and its bootstrap interval at 95 %.

    The percentiles are widened for small samples, where the plain percentile interval covers too little: 83 % instead
    of 95 % for five normal values.

    Args:
        values: One finite value a clip.
        seed: Of the resampling; the same values and seed give the same interval.
        level: How often the interval should hold the true mean.

    Returns:
        All NaN without values; with one value, or equal ones, the bounds are NaN or that value.

    Source: Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69(4), 2015, §5.3.
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    sample = np.asarray(values, dtype=np.float64)
    num = len(sample)
    if num < 2:
        mean = float(sample[0]) if num else float("nan")
        return Interval(mean, float("nan"), float("nan"), num)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // num)
    means = np.concatenate(
        [
            sample[rng.integers(num, size=(min(rows, RESAMPLES - start), num))].mean(axis=1)
            for start in range(0, RESAMPLES, rows)
        ]
    )
    quantile = float(stdtrit(num - 1, (1 - level) / 2)) * np.sqrt(num / (num - 1))
    tail = NormalDist().cdf(quantile)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(sample.mean()), float(low), float(high), num)


def student(values: Sequence[float]) -> Interval:
    """Mean of `values` and its 95 % interval by Student's t: for a handful of runs, which a bootstrap can't resample.

    Args:
        values: One finite value a run.

    Returns:
        All NaN without values; with one value the bounds are NaN.
    """
    from scipy.special import stdtrit

    sample = np.asarray(values, dtype=np.float64)
    num = len(sample)
    if num < 2:
        return Interval(float(sample[0]) if num else float("nan"), float("nan"), float("nan"), num)
    half = -float(stdtrit(num - 1, (1 - LEVEL) / 2)) * float(sample.std(ddof=1)) / np.sqrt(num)
    return Interval(float(sample.mean()), float(sample.mean() - half), float(sample.mean() + half), num)
