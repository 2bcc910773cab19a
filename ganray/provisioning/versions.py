"""Versions that rendered files name: from the config's own ranges, so that they depend on nothing installed here."""

from packaging.specifiers import SpecifierSet

from ganray.config.cluster import ClusterConfig

_RAY, _PYTHON = "2.60.0", "3.11"


def ray_version(cluster: ClusterConfig) -> str:
    """The least Ray that the config allows, as `2.60.0`."""
    return _least(cluster.packages.get("ray", ""), _RAY)


def minor_python(cluster: ClusterConfig) -> str:
    """Python of the image, as `3.11`: the default where the config allows it, else the least that it allows."""
    wanted = cluster.packages.get("python", "")
    if SpecifierSet(wanted).contains(f"{_PYTHON}.0"):
        return _PYTHON
    return ".".join(_least(wanted, _PYTHON).split(".")[:2])


def _least(versions: str, default: str) -> str:
    for one in SpecifierSet(versions):
        if one.operator in (">=", "==", "~="):
            return ".".join([*one.version.split("."), "0", "0"][:3])
    return default
