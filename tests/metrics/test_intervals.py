import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganray.metrics.intervals import bootstrap

finite = st.floats(-1e3, 1e3, allow_nan=False)


@pytest.mark.parametrize("num", [5, 10, 40])
def test_the_interval_holds_the_true_mean_about_as_often_as_it_says(num):
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, 0.5, size=(250, num))
    intervals = [bootstrap(sample, seed) for seed, sample in enumerate(samples)]
    covered = np.mean([interval.low <= 3.0 <= interval.high for interval in intervals])
    assert 0.90 <= covered <= 0.985


@given(st.lists(finite, min_size=2, max_size=30), st.integers(0, 2**31))
def test_the_bounds_lie_around_the_mean_and_inside_the_values(values, seed):
    interval = bootstrap(values, seed)
    rounding = 1e-6
    assert min(values) - rounding <= interval.low <= interval.mean + rounding
    assert interval.mean - rounding <= interval.high <= max(values) + rounding
    assert interval.num == len(values)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(1).normal(size=20)
    assert bootstrap(values, 5) == bootstrap(values, 5)
    assert bootstrap(values, 5) != bootstrap(values, 6)


def test_the_order_of_clips_hardly_matters_and_more_clips_narrow_it():
    values = np.random.default_rng(2).normal(size=200)
    few, many = bootstrap(values[:20]), bootstrap(values)
    assert many.high - many.low < (few.high - few.low) / 2


def test_one_clip_says_nothing_about_the_spread():
    assert bootstrap([3.5]).as_json() == {"mean": 3.5, "low": None, "high": None, "num": 1}
    assert bootstrap([]).as_json() == {"mean": None, "low": None, "high": None, "num": 0}
