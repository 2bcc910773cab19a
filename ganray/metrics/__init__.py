"""Objective measures, the scale they are read on, intervals, plots and report pages.

measure("pesq", estimate, reference=recording, sample_rate=24_000, audio=audio)

What a measure needs is imported when it is first used.
"""

from ganray.metrics.base import Measure
from ganray.metrics.registry import MEASURES, Scores, measure, measures_named, score

__all__ = ["MEASURES", "Measure", "Scores", "measure", "measures_named", "score"]
