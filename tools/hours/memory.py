"""What a program and all that it starts hold in memory, as the system counts it, and the most of it that there was."""

import threading
from collections import defaultdict
from pathlib import Path

MB = 1_000_000


def parents() -> dict[int, int]:
    """Process → its parent, of all."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(folder.name)] = int(after_name[1])
    return found


def family(root: int) -> list[int]:
    """`root` and its children, theirs, and so on."""
    children = defaultdict(list)
    for child, parent in parents().items():
        children[parent].append(child)
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def memory_mb(pid: int) -> tuple[float, float]:
    """(its own, its part of memory that it shares), so that each page counts once over all; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0.0, 0.0
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    shared = kilobytes.get("Pss_Shmem", 0)
    return (kilobytes.get("Pss", 0) - shared) * 1024 / MB, shared * 1024 / MB


def part_of(pid: int, root: int) -> str:
    """Whether it is the driver, a worker of Ray's, or Ray itself."""
    if pid == root:
        return "driver"
    try:
        title = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return "ray"
    return "worker" if title.startswith("ray::MapBatches") else "ray"


class Watch:
    """Looks at a program in a thread of its own.

    Attributes:
        peaks: Part → most MB that one process of it (`driver`, `worker`), or that all of it together (`ray`, `shared`:
            the object store), held at a time.
        seen: {"at_s", part: MB, …} over time.
    """

    def __init__(self, root: int, every_s: float = 1.0) -> None:
        self.root, self.every_s = root, every_s
        self.peaks: dict[str, float] = defaultdict(float)
        self.seen: list[dict[str, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        at_s = 0.0
        while not self._ended.wait(self.every_s):
            at_s += self.every_s
            now: dict[str, float] = defaultdict(float)
            for pid in family(self.root):
                own, shared = memory_mb(pid)
                part = part_of(pid, self.root)
                now[part] = max(now[part], own) if part in ("driver", "worker") else now[part] + own
                now["shared"] += shared
                now["together"] += own + shared
            for part, most in now.items():
                self.peaks[part] = max(self.peaks[part], most)
            self.seen.append({"at_s": at_s} | {part: round(mb, 1) for part, mb in now.items()})
