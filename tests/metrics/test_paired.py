"""Paired comparison, against closed forms and SciPy."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from ganray.metrics.paired import flip_test, paired


@pytest.mark.parametrize("num", [1, 5, 8, 13])
def test_all_of_one_sign_is_two_of_all_patterns(num):
    assert flip_test(np.arange(1, num + 1)) == pytest.approx(2 / 2**num)


@pytest.mark.parametrize("num", [7, 40])
def test_p_is_scipys(num):
    apart = np.random.default_rng(num).normal(0.25, 1, num)
    theirs = permutation_test((apart,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1)
    assert flip_test(apart) == pytest.approx(theirs.pvalue, abs=1e-9 if num == 7 else 0.015)


def test_pairs_see_what_two_intervals_do_not():
    """Clips differ by far more than the voices: side by side nothing is seen, clip by clip all is."""
    rng = np.random.default_rng(0)
    clips = {f"c{i}": float(v) for i, v in enumerate(rng.normal(3, 1, 40))}
    other = {name: value - 0.1 + rng.normal(0, 0.02) for name, value in clips.items()} | {"only here": 9.0}
    found = paired(clips, other)
    assert found.num == 40
    assert 0 < found.low < 0.1 < found.high < 0.12
    assert found.p_value < 1e-3
    assert found.wins + found.ties <= 40


def test_nothing_in_common_is_nothing_known():
    found = paired({"a": 1.0}, {"b": 2.0})
    assert found.num == 0
    assert found.as_json()["mean"] is None
    assert np.isnan(flip_test([]))


def test_a_wider_level_gives_a_wider_interval():
    rng = np.random.default_rng(0)
    ours = {str(i): float(v) for i, v in enumerate(rng.normal(0, 1, 20))}
    zero = dict.fromkeys(ours, 0.0)
    narrow, wide = paired(ours, zero), paired(ours, zero, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
