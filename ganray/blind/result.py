"""What one listener's result must be: files come from strangers, and nothing but answers is taken from them."""

import re
from collections.abc import Mapping
from typing import Any

from ganray.errors import DataError

VOTES = {"ab": ("a", "b", "equal"), "abx": ("a", "b")}
LISTENER = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a page calls its listener: random, and never a person's name."""
LONGEST_S = 1e6
"""A round's length beyond which its number says nothing."""


def checked(key: Mapping[str, Any], result: Any) -> dict[str, Any]:
    """A result that holds answers to its test and nothing else.

    Args:
        key: `key.json` of the test.
        result: What a page gave, or anybody made up.

    Returns:
        The same, only with the fields that are known: a test that was ended early has fewer trials.

    Raises:
        DataError: It is of another test, or an answer is none that its page can give.
    """
    if not isinstance(result, Mapping) or result.get("kind") != "listening-result" or result.get("test") != key["test"]:
        got = result.get("test") if isinstance(result, Mapping) else result
        raise DataError("a result is not of this test", got=_short(got), want=key["test"])
    listener, trials = result.get("listener"), result.get("trials")
    if not isinstance(listener, str) or not LISTENER.fullmatch(listener):
        raise _wrong("listener", listener)
    if not isinstance(trials, list) or not 0 < len(trials) <= len(key["trials"]):
        raise _wrong("trials", f"{len(trials)} rounds" if isinstance(trials, list) else trials)
    answers = [_answer(key, trial, f"trials.{place}") for place, trial in enumerate(trials)]
    if len({answer["trial"] for answer in answers}) < len(answers):
        raise _wrong("trials", "one of them twice")
    started = result.get("started")
    return {
        "schema_version": 1,
        "kind": "listening-result",
        "test": key["test"],
        "type": key["type"],
        "listener": listener,
        "started": started if isinstance(started, str) and len(started) <= 40 else None,
        "trials": answers,
    }


def _answer(key: Mapping[str, Any], trial: Any, path: str) -> dict[str, Any]:
    number = trial.get("trial") if isinstance(trial, Mapping) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(key["trials"]):
        raise _wrong(f"{path}.trial", number)
    sounds, order = key["trials"][number]["sounds"], trial.get("order")
    if not isinstance(order, list) or not all(isinstance(s, str) for s in order) or sorted(order) != sorted(sounds):
        raise _wrong(f"{path}.order", order)
    answer: dict[str, Any] = {"trial": number, "order": order}
    if key["type"] == "mushra":
        ratings = trial.get("ratings")
        if not isinstance(ratings, Mapping) or set(ratings) != set(sounds):
            raise _wrong(f"{path}.ratings", ratings)
        if not all(_between(value, 0, 100) for value in ratings.values()):
            raise _wrong(f"{path}.ratings", list(ratings.values()))
        answer["ratings"] = dict(ratings)
    else:
        for name, known in (("vote", VOTES[key["type"]]), *([("x", ("a", "b"))] if key["type"] == "abx" else [])):
            if trial.get(name) not in known:
                raise _wrong(f"{path}.{name}", trial.get(name))
            answer[name] = trial[name]
    seconds = trial.get("seconds")
    return answer | ({"seconds": seconds} if _between(seconds, 0, LONGEST_S) else {})


def _between(value: Any, low: float, high: float) -> bool:
    """Whether it is a number there; NaN is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _short(got: Any) -> str:
    """A stranger's value, for a message: nothing that nests."""
    return str(got)[:80] if isinstance(got, str | int | float | None) else f"a {type(got).__name__}"


def _wrong(path: str, got: Any) -> DataError:
    return DataError(f"{path} of a listening result is not as its page writes it", got=_short(got))
