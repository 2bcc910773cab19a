"""Where the curves and sounds of a run are shown: TensorBoard always, others as `log.trackers` says."""

from ganray.training.trackers.tracker import Sample, Tracker
from ganray.training.trackers.trackers import MEND, Trackers, missing

__all__ = ["MEND", "Sample", "Tracker", "Trackers", "missing"]
