"""The one cluster config: how to reach the cluster, and whether it is what the config says."""

from ganray.provisioning.connect import connect

__all__ = ["connect"]
