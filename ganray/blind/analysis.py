"""What listeners said: counts, exact tests, intervals."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from ganray.blind.key import ANCHOR, REFERENCE
from ganray.blind.result import checked
from ganray.errors import DataError
from ganray.metrics.intervals import LEVEL, bootstrap
from ganray.metrics.paired import paired

SURE = 90
"""A listener who rates the hidden reference below this in more than 15 % of the trials is left out."""
ALLOWED = 0.15


@dataclass(frozen=True)
class Share:
    """How often something was chosen.

    Attributes:
        count: Times.
        of: Times it could have been.
        low: Clopper-Pearson's interval of the share, at 95 %.
        high: The same.
        p_value: Of so many, or more, if chance chose.
    """

    count: int
    of: int
    low: float
    high: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        """For a document."""
        share = round(self.count / self.of, 5) if self.of else None
        return {"count": self.count, "of": self.of, "share": share, "low": round(self.low, 5),
                "high": round(self.high, 5), "p_value": round(self.p_value, 6)}  # fmt: skip


def share_of(count: int, of: int, *, sides: int = 2) -> Share:
    """`count` of `of` against even chance.

    Source: sign test and interval of Clopper and Pearson, Biometrika 26, 1934, as SciPy has them.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    if not of:
        return Share(0, 0, 0.0, 1.0, 1.0)
    test = binomtest(count, of, 0.5, alternative="two-sided" if sides == 2 else "greater")
    interval = binomtest(count, of, 0.5).proportion_ci(LEVEL, "exact")
    return Share(count, of, float(interval.low), float(interval.high), float(test.pvalue))


def analyse(key: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What several listeners said in one test.

    Args:
        key: `key.json` of the test.
        results: Files that its page gave; one listener's twice counts once, the later one.

    Returns:
        {"type", "listeners", "trials", and what the kind gives}: `ab` and `abx` {"pairs"}, `mushra` {"systems",
        "differences", "left_out"}.

    Raises:
        DataError: A result is of another test, an answer is none that its page can give, or there is no result.
    """
    told = {}
    for given in results:
        result = checked(key, given)
        told[result["listener"]] = result
    if not told:
        raise DataError("there is no result", mend="give the files that the page saved")
    votes = [(who, key["trials"][trial["trial"]], trial) for who, one in told.items() for trial in one["trials"]]
    document: dict[str, Any] = {
        "test": key["test"], "type": key["type"], "title": key["title"], "listeners": len(told), "trials": len(votes)
    }  # fmt: skip
    kinds = {"ab": _preferences, "abx": _detections, "mushra": _ratings}
    return document | kinds[key["type"]](key["names"], votes)


Votes = Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]


def _preferences(names: Mapping[str, str], votes: Votes) -> dict[str, Any]:
    """By pair: how often each was preferred; ties are left out of the test."""
    counts: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for _, trial, vote in votes:
        one, other = (names[sound] for sound in trial["sounds"])
        chosen = None if vote["vote"] == "equal" else names[vote["order"]["ab".index(vote["vote"])]]
        counts[one, other][chosen] += 1
    return {
        "pairs": [
            {"one": one, "other": other, "equal": count[None],
             "prefers_one": share_of(count[one], count[one] + count[other]).as_json()}
            for (one, other), count in counts.items()
        ]
    }  # fmt: skip


def _detections(names: Mapping[str, str], votes: Votes) -> dict[str, Any]:
    """By pair: how often X was found, against guessing, one-sided."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for _, trial, vote in votes:
        one, other = (names[sound] for sound in trial["sounds"])
        counts[one, other][0] += vote["vote"] == vote["x"]
        counts[one, other][1] += 1
    return {
        "pairs": [
            {"one": one, "other": other, "right": share_of(*count, sides=1).as_json()}
            for (one, other), count in counts.items()
        ]
    }


def _ratings(names: Mapping[str, str], votes: Votes) -> dict[str, Any]:
    """Means and paired differences over (listener, clip), after the screening of BS.1534-3, section 4.1.2."""
    missed: dict[str, list[bool]] = defaultdict(list)
    for who, _, vote in votes:
        missed[who] += [value < SURE for sound, value in vote["ratings"].items() if names[sound] == REFERENCE]
    left_out = sorted(who for who, slips in missed.items() if sum(slips) > ALLOWED * len(slips))
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for who, trial, vote in votes:
        if who not in left_out:
            for sound, value in vote["ratings"].items():
                values[names[sound]][f"{who} {trial['clip']}"] = float(value)
    systems = {name: bootstrap(list(its.values())).as_json() for name, its in values.items()}
    given = dict.fromkeys(names.values())  # as the test was asked for, not as some listener happened to hear them
    compared = [name for name in given if name in values and name not in (REFERENCE, ANCHOR)]
    return {
        "systems": dict(sorted(systems.items(), key=lambda item: -(item[1]["mean"] or 0))),
        "differences": [
            {"one": one, "other": other, **paired(values[one], values[other]).as_json()}
            for one, other in combinations(compared, 2)
        ],
        "left_out": left_out,
    }


def read_json(path: str | Path) -> dict[str, Any]:
    """A key or a result.

    Raises:
        DataError: It can't be read.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if not isinstance(document, dict) or document.get("schema_version") != 1:
        raise DataError(f"{path} is no file of a listening test", mend="give key.json, and what the page saved")
    return document
