"""Blind listening tests as static pages, and what their results say."""

from ganray.blind.analysis import analyse
from ganray.blind.make import make_test

__all__ = ["analyse", "make_test"]
