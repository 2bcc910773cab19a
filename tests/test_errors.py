"""Errors cross Ray whole, and become exit codes and documents."""

import inspect
import json
import pickle

import pytest

from ganray import errors
from ganray.errors import GanrayError, Problem

CLASSES = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)
]  # found, not listed: a new one is tested from its first day


def test_there_are_error_classes():
    assert len(CLASSES) >= 7


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling_whole(kind):
    problems = [Problem("audio.hop_length", 300, "is not 256", "resample"), Problem("seed", [1, None], "is a list")]
    error = kind("they disagree", mend="prepare again", problems=problems, path="runs/a", got=300, want=256)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.message, again.mend, again.problems, again.facts) == (
        error.message,
        error.mend,
        error.problems,
        error.facts,
    )
    assert str(again) == str(error)
    assert again.as_json() == error.as_json()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("GanrayError", 1),
        ("UsageError", 2),
        ("ConfigError", 2),
        ("PlacementError", 3),
        ("DataError", 4),
        ("AudioContractError", 4),
        ("DivergedError", 5),
    ],
)
def test_the_exit_codes_are_the_promised_ones(name, code):
    assert getattr(errors, name).exit_code == code


def test_an_error_says_what_where_and_how_to_mend_it():
    error = GanrayError("voice and request disagree", mend="resample the mel", got=300, want=256)
    assert str(error) == "voice and request disagree (got 300, want 256); resample the mel"


def test_the_document_has_every_problem():
    error = GanrayError("2 problems in a.yaml", problems=[Problem("a", 1, "is odd"), Problem("b", None, "is needed")])
    document = json.loads(json.dumps(error.as_json()))["error"]
    assert document["type"] == "GanrayError"
    assert [problem["path"] for problem in document["problems"]] == ["a", "b"]
    assert set(document["problems"][0]) == {"path", "value", "rule", "mend"}
