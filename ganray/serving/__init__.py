"""Serving: voices on Ray Serve, behind HTTP and a page."""

from ganray.serving.deploy import Endpoint, start
from ganray.serving.document import read

__all__ = ["Endpoint", "read", "start"]
