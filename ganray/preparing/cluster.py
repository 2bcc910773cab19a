"""The Ray cluster that a preparation runs on."""

import logging
import os

import ray


def connect(address: str | None) -> None:
    """Connect to `address`, else to `RAY_ADDRESS`, else start Ray on this machine; nothing where Ray is connected."""
    if ray.is_initialized():
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    own = {"include_dashboard": False} if address == "local" else {}
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
