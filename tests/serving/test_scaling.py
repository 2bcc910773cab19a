"""How many replicas a load needs."""

import time
from collections import deque
from types import SimpleNamespace

import pytest

from ganray.serving.app import build
from ganray.serving.backlog import LATELY_S, Backlog
from ganray.serving.scaling import OnBacklog


def context(busy=(), streams=(), backlog_s=(), speed=(), waited_s=(), queued=0.0, requests=0.0) -> SimpleNamespace:
    metrics = {"busy": busy, "streams": streams, "backlog_s": backlog_s, "speed": speed, "waited_s": waited_s}
    told = {name: dict(enumerate(values)) for name, values in metrics.items()}
    return SimpleNamespace(
        aggregated_metrics=told,
        total_queued_requests=queued,
        total_num_requests=requests,
        current_num_replicas=len(speed),
    )


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


def test_a_long_wait_for_first_audio_asks_for_more_but_never_for_more_than_twice_as_many():
    policy = OnBacklog(first_wait_s=0.2)
    load = {"busy": [0.1, 0.1], "streams": [1, 1], "backlog_s": [1, 1], "speed": [200, 200]}
    patient, late, far = (policy(context(**load, waited_s=[s, s]))[0] for s in (0.19, 0.3, 9))
    assert patient < 1
    assert late == pytest.approx(3)
    assert far == pytest.approx(4)


def test_a_wait_is_for_ones_turn_and_passes():
    load = Backlog(most_wait_s=9)
    one, other = load.take(1.0, "a"), load.take(1.0, "b")
    one.came = other.came = time.monotonic() - 0.5
    load.made(one, 0.2, work_s=0.4)
    load.made(other, 0.2, work_s=0.2)
    assert load.waited_s == pytest.approx(0.3, abs=0.05)
    assert load.by_voice == {"a": (1, 0.8), "b": (1, 0.8)}
    waiting = load.take(1.0, "b")
    waiting.came -= 2
    assert load.waited_s == pytest.approx(2 - load.first_s, abs=0.05), "one who has heard nothing yet counts, too"
    for promise in (one, other, waiting):
        load.drop(promise)
    load._waits = deque((at - LATELY_S, wait) for at, wait in load._waits)
    assert load.waited_s == 0


def deployments(**changes) -> dict:
    """What Serve is told of each, by name."""
    app = build({"voices": {"one": "english", "two": "english"}, "autoscaling": changes})
    found, left = {}, [app._bound_deployment]
    while left:
        one = left.pop()
        found[one.name] = one
        for value in (*one.init_args, *(v for a in one.init_args if isinstance(a, dict) for v in a.values())):
            left += [value._bound_deployment] if hasattr(value, "_bound_deployment") else []
    return found


def test_a_voice_may_have_replicas_of_its_own_and_the_others_share():
    found = deployments(max_replicas=3, voices={"two": {"min_replicas": 0, "max_replicas": 5}})
    assert set(found) == {"Ingress", "Generator", "Generator-two"}
    bounds = {name: one._deployment_config.autoscaling_config for name, one in found.items()}
    assert (bounds["Generator"].min_replicas, bounds["Generator"].max_replicas) == (1, 3)
    assert (bounds["Generator-two"].min_replicas, bounds["Generator-two"].max_replicas) == (0, 5)
    assert found["Generator"].init_args[1] == "one"
    assert found["Generator-two"].init_args[1] == "two"
    assert "OnBacklog" in str(bounds["Generator-two"].policy.policy_function)


def test_where_all_have_their_own_nobody_shares():
    assert set(deployments(voices={"one": {}, "two": {}})) == {"Ingress", "Generator-one", "Generator-two"}


def test_who_waits_at_the_door_counts():
    busy = context(streams=[1], backlog_s=[1], speed=[10])
    waiting = context(streams=[1], backlog_s=[1], speed=[10], queued=8)
    assert OnBacklog()(waiting)[0] > 4 * OnBacklog()(busy)[0]


def test_before_anything_is_measured_one_is_started_for_whoever_waits():
    assert OnBacklog()(context(requests=5))[0] == 1
    assert OnBacklog()(context())[0] == 0
