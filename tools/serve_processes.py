"""The processes of this Ray session's actors, as the system knows them: Ray's own list is late on a busy machine."""

import os
from pathlib import Path

import ray

GENERATOR, INGRESS = "ServeReplica:speech:Generator", "ServeReplica:speech:Ingress"
PROXY_MANAGER, CONTROLLER = "HAProxyManager", "ServeController"


def pids(name: str) -> list[int]:
    """Of the actors whose class begins with `name`."""
    session = Path(ray._private.worker._global_node.get_session_dir_path()).name
    found = []
    for folder in Path("/proc").iterdir():
        try:
            title, log = (folder / "cmdline").read_text(), os.readlink(folder / "fd" / "1")
        except (OSError, ValueError):
            continue
        if title.startswith(f"ray::{name}") and session in log:
            found.append(int(folder.name))
    return sorted(found)


def proxies() -> list[int]:
    """The HAProxy processes that this session's managers started."""
    return [child for pid in pids(PROXY_MANAGER) for child, name in children(pid) if name == "haproxy"]


def children(pid: int) -> list[tuple[int, str]]:
    """Of a process: (pid, name)."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            name, rest = (folder / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue
        if int(rest.split()[1]) == pid:
            found.append((int(folder.name), name))
    return sorted(found)


def memory_mb(pid: int) -> float:
    """Resident memory; 0 of a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.split("VmRSS:")[1].split()[0]) / 1000 if "VmRSS:" in status else 0.0
