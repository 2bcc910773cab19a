"""Benchmarks as documents: where they were made, and what changed from one to the next."""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np

import ganray
from ganray.errors import DataError
from ganray.metrics.intervals import bootstrap

FEWEST = 3
"""Repetitions from which a list of numbers counts as one figure, measured so often."""
LOWER = ("_ms", "_s", "_mb", "_gb", "seconds", "failed", "refused", "corrupted", "under_run_percent", "dropped")
HIGHER = ("times_real_time", "_per_s", "ratio", "ratios", "goodput", "whole", "of_bare", "over_it", "over_one")
UNSAID = ("machine", "date", "losses", "seed")
"""Parts of a document that are no speeds."""


def placed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A benchmark's document with the machine it was made on, and when."""
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {**document, "machine": machine() | dict(document.get("machine", {})), "date": when}


def machine() -> dict[str, Any]:
    """What a speed depends on besides the code."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "processor": named[0] if named else platform.processor(),
        "cores": os.cpu_count(),
        "amx": "amx_tile" in flags,
        "memory_gb": round(pages / 1e9, 1),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "ganray": ganray.__version__,
    }


@dataclass(frozen=True)
class Change:
    """One figure before and after.

    Attributes:
        key: Its path in the documents.
        before: Median of it.
        after: The same.
        ratio: After over before.
        low: Of the ratio's interval, where both were repeated; else NaN.
        high: The same.
        verdict: `better`, `worse`, or `same`: the interval holds 1, or the change is below a tenth without one;
            `changed` where neither way is better.
    """

    key: str
    before: float
    after: float
    ratio: float
    low: float
    high: float
    verdict: Literal["better", "worse", "same", "changed"]

    def as_json(self) -> dict[str, Any]:
        """For a document."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


def compare(before: Mapping[str, Any], after: Mapping[str, Any], *, tolerance: float = 0.1) -> list[Change]:
    """What became faster or slower between two documents of one benchmark.

    A figure that was repeated (a list of three or more numbers) has an interval: a bootstrap of the logarithm of each
    side, taken together. One that was not is called the same within `tolerance`.

    Raises:
        DataError: They have no figure in common.
    """
    ours, theirs = dict(_figures(after)), dict(_figures(before))
    shared = [key for key in theirs if key in ours]
    if not shared:
        raise DataError("the two documents have no figure in common", mend="compare two outputs of one ganray bench")
    return [_change(key, theirs[key], ours[key], tolerance) for key in shared]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What else changed: the machine and what was asked, which a speed must not be compared over."""
    told = []
    for key in ("processor", "cores", "amx", "gpu", "torch", "ray", "ganray"):
        a, b = before.get("machine", {}).get(key), after.get("machine", {}).get(key)
        if a != b:
            told.append(f"{key}: {a} → {b}")
    for key, value in before.items():
        if isinstance(value, str | bool) and key not in UNSAID and after.get(key) != value:
            told.append(f"{key}: {value} → {after.get(key)}")
    return told


def direction(key: str) -> int:
    """1 where higher is better, -1 where lower is, 0 where neither."""
    for part in reversed(key.split(".")):
        if any(part == name or part.endswith(name) for name in HIGHER):
            return 1
        if any(part == name or part.endswith(name) for name in LOWER):
            return -1
    return 0


def _change(key: str, before: list[float], after: list[float], tolerance: float) -> Change:
    old, new = float(np.median(before)), float(np.median(after))
    ratio = new / old if old else float("nan") if new else 1.0
    low = high = float("nan")
    if min(len(before), len(after)) >= FEWEST and min(*before, *after) > 0:
        a, b = (bootstrap(np.log(values)) for values in (before, after))
        middle, half = b.mean - a.mean, float(np.hypot(b.high - b.low, a.high - a.low)) / 2
        low, high = float(np.exp(middle - half)), float(np.exp(middle + half))
        moved = low > 1 or high < 1
    else:
        moved = abs(ratio - 1) > tolerance or (ratio != ratio)
    way = direction(key)
    up = new > old
    verdict: Literal["better", "worse", "same", "changed"] = "same"
    if moved:
        verdict = "changed" if not way else "better" if up == (way > 0) else "worse"
    return Change(key, old, new, ratio, low, high, verdict)


def _figures(document: Any, path: str = "") -> Iterator[tuple[str, list[float]]]:
    """(path, values) of all numbers; entries of a list go by their `name`, `level` or place."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if path or key not in UNSAID:
                yield from _figures(value, f"{path}.{key}" if path else str(key))
    elif isinstance(document, list):
        if len(document) >= FEWEST and all(_number(value) for value in document):
            yield path, [float(value) for value in document]
            return
        for place, value in enumerate(document):
            named = value.get("name", value.get("level", place)) if isinstance(value, Mapping) else place
            kind = f"{value.get('loop', '')}" if isinstance(value, Mapping) else ""
            yield from _figures(value, f"{path}.{kind}{named}")
    elif _number(document):
        yield path, [float(document)]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
