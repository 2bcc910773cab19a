"""Ray Data: a corpus becomes a dataset."""

from ganray.preparing.prepare import prepare

__all__ = ["prepare"]
