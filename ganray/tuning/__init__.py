"""Sweeps of any key of a recipe on Ray Tune; every trial is a whole Ray Train run."""

from ganray.tuning.loading import load_sweep
from ganray.tuning.tune import SweepResult, resume, tune

__all__ = ["SweepResult", "load_sweep", "resume", "tune"]
