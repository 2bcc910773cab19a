"""How many replicas a load needs."""

from types import SimpleNamespace

import pytest

from ganray.serving.scaling import OnBacklog


def context(busy=(), streams=(), backlog_s=(), speed=(), queued=0.0, requests=0.0) -> SimpleNamespace:
    metrics = {"busy": busy, "streams": streams, "backlog_s": backlog_s, "speed": speed}
    told = {name: dict(enumerate(values)) for name, values in metrics.items()}
    return SimpleNamespace(aggregated_metrics=told, total_queued_requests=queued, total_num_requests=requests)


def test_nobody_asks_and_nobody_is_needed():
    assert OnBacklog()(context(streams=[0], backlog_s=[0], speed=[40]))[0] == 0


def test_a_long_text_weighs_more_than_a_word():
    policy = OnBacklog(drain_s=1)
    word, _ = policy(context(streams=[1], backlog_s=[0.5], speed=[40]))
    chapter, _ = policy(context(streams=[1], backlog_s=[120], speed=[40]))
    assert word < 1
    assert chapter == pytest.approx(3)


def test_listeners_are_kept_up_with_however_little_is_left():
    assert OnBacklog(use=0.5)(context(streams=[30, 30], backlog_s=[1, 1], speed=[40, 40]))[0] == pytest.approx(3)


def test_a_replica_that_works_all_the_time_is_one_too_few_however_fast_it_is():
    policy = OnBacklog(use=0.8)
    assert policy(context(busy=[1.0], streams=[4], backlog_s=[2], speed=[200]))[0] > 1
    assert policy(context(busy=[0.7], streams=[4], backlog_s=[2], speed=[200]))[0] < 1
    assert policy(context(busy=[0.5, 0.7], streams=[4, 4], backlog_s=[2, 2], speed=[200, 200]))[0] == pytest.approx(1.5)


def test_who_waits_at_the_door_counts():
    busy = context(streams=[1], backlog_s=[1], speed=[10])
    waiting = context(streams=[1], backlog_s=[1], speed=[10], queued=8)
    assert OnBacklog()(waiting)[0] > 4 * OnBacklog()(busy)[0]


def test_before_anything_is_measured_one_is_started_for_whoever_waits():
    assert OnBacklog()(context(requests=5))[0] == 1
    assert OnBacklog()(context())[0] == 0
