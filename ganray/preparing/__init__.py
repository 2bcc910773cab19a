"""Ray Data: a corpus becomes a dataset."""

from ganray.preparing.check import check
from ganray.preparing.prepare import prepare

__all__ = ["check", "prepare"]
