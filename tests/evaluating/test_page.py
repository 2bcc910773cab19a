"""The report's page, of numbers that are made up: no cluster."""

from types import SimpleNamespace

from ganray.evaluating.page import _axes, _failures
from ganray.evaluating.scorer import Failure
from ganray.metrics.intervals import Interval

GOOD = Interval(3.0, 2.9, 3.1, 8)


def report_of(rows, failures=()):
    about = {"measures": ["distillmos", "pesq"], "voice": {"name": "anne", "kind": "text"}}
    return SimpleNamespace(about=about, rows=rows, failures=list(failures), clips=8)


def test_what_is_marked_as_the_voice_is_the_voice():
    """A text voice has no pesq: the first row of that axis is its vocoder's copy, and no more than that."""
    rows = {"voice": {"distillmos": GOOD}, "copy": {"distillmos": GOOD, "pesq": GOOD}}
    axes = {axis.title: axis for axis in _axes(report_of(rows)).axes}
    assert axes["distillmos"].rows[axes["distillmos"].highlight][0] == "anne"
    assert axes["pesq"].highlight is None


def test_failures_of_a_kind_are_one_line_and_the_voices_are_first():
    failures = [Failure(f"c{i}", "noise", "f0_rmse", f"got {i}, want 10") for i in range(7)]
    failures.append(Failure("c9", "voice", "distillmos", "it is silent"))
    rows = _failures(report_of({}, failures)).rows
    assert rows == [
        ["anne", "distillmos", "1", "c9: it is silent"],
        ["white noise", "f0_rmse", "7", "c0: got 0, want 10"],
    ]
