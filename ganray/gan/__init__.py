"""The GAN itself: what a run owns, and one update of it."""

from ganray.data.batch import Batch
from ganray.gan.state import GanState
from ganray.gan.step import GanStep, Losses

__all__ = ["Batch", "GanState", "GanStep", "Losses"]
