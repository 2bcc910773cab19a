"""How much each key of a sweep matters: a first look, from few trials."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

GROUPS = 3
"""Parts that the values of a number are divided into."""


def importance(tried: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> dict[str, float]:
    """Key → share of the scores' variance that its values explain, most first: the correlation ratio η², less what
    chance would give (Kelley's ε², not below 0).

    Numbers are divided into thirds of equal size; everything else into its values. Keys that say nothing of
    each other are assumed, as a random search draws them.

    Args:
        tried: The values of each trial.
        scores: One a trial.
    """
    values = np.asarray(scores, float)
    keys = list(dict.fromkeys(key for sample in tried for key in sample))
    found = {key: _explained(_groups([sample.get(key) for sample in tried]), values) for key in keys}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _groups(values: list[Any]) -> np.ndarray:
    """A group's number for each value."""
    distinct = list(dict.fromkeys(map(repr, values)))
    if len(distinct) <= GROUPS or not all(isinstance(value, int | float) for value in values):
        return np.array([distinct.index(repr(value)) for value in values])
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return ranks * GROUPS // len(values)


def _explained(groups: np.ndarray, scores: np.ndarray) -> float:
    numbers = np.unique(groups)
    total = float(((scores - scores.mean()) ** 2).sum())
    free = len(scores) - len(numbers)
    if total == 0 or free <= 0 or len(numbers) < 2:
        return 0.0
    inside = sum(float(((scores[groups == n] - scores[groups == n].mean()) ** 2).sum()) for n in numbers)
    return max(0.0, 1 - (inside / free) / (total / (len(scores) - 1)))
