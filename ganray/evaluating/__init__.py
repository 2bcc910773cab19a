"""Scores for many clips: a voice beside the scale that it is read on, spread over a Ray cluster."""

from ganray.evaluating.evaluate import evaluate
from ganray.evaluating.report import Report
from ganray.evaluating.scorer import SCALE

__all__ = ["SCALE", "Report", "evaluate"]
