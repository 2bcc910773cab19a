"""The Pareto front: of several measures, what nothing beats in all of them."""

from collections.abc import Sequence

import numpy as np


def front(points: Sequence[Sequence[float]], lower: Sequence[bool]) -> list[int]:
    """Indices of the points that no other one beats: as good in every measure, and better in one.

    Args:
        points: One a trial, a value a measure.
        lower: Of each measure, whether less is better.
    """
    values = np.asarray(points, float) * np.where(lower, 1.0, -1.0)
    return [
        index
        for index, one in enumerate(values)
        if not any((other <= one).all() and (other < one).any() for other in values)
    ]
