"""The plan agrees with what can be placed, names the limit that is the reason, and counts what it costs."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.config.run import ResourcesConfig
from ganray.config.serve import ServeConfig
from ganray.config.sweep import SweepConfig
from ganray.provisioning.demands import Demand, of_service, of_sweep, of_training
from ganray.provisioning.plan import plan
from ganray.provisioning.room import Room

POOLS: dict[str, Any] = {
    "head": {"cpus": 2, "memory_gb": 4, "price_per_hour": 0.1},
    "gpus": {"cpus": 4, "memory_gb": 16, "gpus": 1, "min_nodes": 0, "max_nodes": 4, "price_per_hour": 1},
    "web": {"cpus": 2, "memory_gb": 8, "min_nodes": 1, "max_nodes": 2, "price_per_hour": 0.2},
}
VERBS = {"prepare": "gpus", "train": "gpus", "tune": "gpus", "evaluate": "gpus", "serve": "web"}
SWEEP = {"name": "s", "recipe": "r", "space": {"seed": {"choice": [1]}}, "samples": 6, "budget": {"steps": 1}}


def cluster(**change: Any) -> ClusterConfig:
    document = {"name": "a", "storage": "/shared", "pools": POOLS, "verbs": VERBS} | change
    return load(ClusterConfig, document, rules=cluster_rules)


def training(workers: Any, gpus: float = 1, cpus: float = 1) -> Demand:
    resources = {"num_workers": workers, "gpus_per_worker": gpus, "cpus_per_worker": cpus}
    return of_training("t", ResourcesConfig.model_validate(resources))


def sweep(**resources: Any) -> Demand:
    return of_sweep(SweepConfig.model_validate(SWEEP), ResourcesConfig.model_validate(resources))


def test_what_fits_says_how_many_machines_and_what_they_cost():
    service = of_service(ServeConfig.model_validate({"voices": {"a": "voices/a"}}))
    found = plan(cluster(), [training([2, 3]), *service])
    assert (found.fits, found.never, found.queues) == (True, [], [])
    assert {pool["name"]: (pool["least"], pool["most"]) for pool in found.pools} == {
        "head": (1, 1), "gpus": (2, 3), "web": (1, 1),
    }  # fmt: skip
    assert found.cost_per_hour == {"always": 0.3, "least": 2.3, "most": 3.3}
    assert set(found.as_json()) >= {"fits", "pools", "demands", "never", "queues"}


@pytest.mark.parametrize(
    ("demand", "change", "reason"),
    [
        (training(5), {}, "pools.gpus.max_nodes"),
        (training(1, gpus=2), {}, "pools.gpus"),
        (training(1, gpus=0, cpus=8), {}, "pools.gpus"),
        (training(3), {"limits": {"gpus": {"train": 2}}}, "limits.gpus.train"),
        (training(4, gpus=0), {"limits": {"cpus": {"train": 3}}}, "limits.cpus.train"),
        (training(4), {"limits": {"spend_per_hour": 3}}, "limits.spend_per_hour"),
        (sweep(num_workers=5, gpus_per_worker=1), {}, "pools.gpus.max_nodes"),
        (training(3, gpus=0, cpus=3), {"verbs": VERBS | {"train": "web"}}, "pools.web"),
    ],
)
def test_what_can_never_be_is_told_with_the_limit_that_is_the_reason(demand, change, reason):
    found = plan(cluster(**change), [demand])
    assert not found.fits
    assert [trouble.reason for trouble in found.never] == [reason]
    assert all(trouble.mend for trouble in found.never)


def test_what_waits_is_told():
    found = plan(cluster(), [training([2, 4]), sweep(gpus_per_worker=1)])
    assert found.fits
    assert {one["verb"]: one["at_once"] for one in found.demands} == {"train": 3, "tune": 1}
    assert {trouble.name: trouble.reason for trouble in found.queues} == {
        "t": "pools.gpus.max_nodes", "s": "pools.gpus.max_nodes",
    }  # fmt: skip
    found = plan(cluster(), [training(4), sweep(gpus_per_worker=1)])
    assert "waits until" in found.queues[0].detail


@pytest.mark.parametrize(("fewest", "fits", "told"), [(2, False, "beside the service"), (1, True, ""), (0, True, "")])
def test_what_the_service_keeps_for_ever_nobody_waits_for(fewest, fits, told):
    """Two machines of two cores: beside two replicas of two cores a training never starts; beside one it does."""
    scaling = {"min_replicas": fewest, "max_replicas": 2}
    service = {"voices": {"a": "a"}, "autoscaling": scaling, "replica": {"threads": 2}}
    beside = VERBS | {"train": "web", "tune": "web"}
    asked = [
        *of_service(ServeConfig.model_validate(service)),
        training(1, gpus=0, cpus=2),
        sweep(num_workers=1, gpus_per_worker=0, cpus_per_worker=2),
    ]
    found = plan(cluster(verbs=beside), asked)
    assert found.fits == fits
    assert {trouble.name for trouble in found.never} == (set() if fits else {"t", "s"})
    assert all(told in trouble.detail and "verbs.serve" in trouble.mend for trouble in found.never)
    assert ("s" in {trouble.name for trouble in found.queues}) == fits, "a sweep does wait for a training"


def test_a_voice_with_replicas_of_its_own_is_counted_by_itself():
    scaling = {"min_replicas": 1, "max_replicas": 2, "voices": {"b": {"min_replicas": 0, "max_replicas": 3}}}
    service = {"voices": {"a": "a", "b": "b"}, "autoscaling": scaling}
    asked = of_service(ServeConfig.model_validate(service))
    counted = {one.name: (one.least, one.most, one.held) for one in asked if one.name != "http front"}
    assert counted == {"replicas": (1, 2, 1), "replicas of b": (1, 3, 0)}
    alone = ServeConfig.model_validate(service | {"voices": {"b": "b"}})
    assert "replicas" not in {one.name for one in of_service(alone)}, "no other voice could come to shared ones"


def test_a_service_that_leaves_no_room_for_its_own_front_never_fits():
    service = {"voices": {"a": "a"}, "autoscaling": {"min_replicas": 4, "max_replicas": 4}, "ingress": {"cpus": 1}}
    found = plan(cluster(), of_service(ServeConfig.model_validate(service)))
    assert [trouble.name for trouble in found.never] == ["http front"]


def test_a_limit_below_the_machines_is_the_reason():
    found = plan(cluster(limits={"gpus": {"tune": 2}}), [sweep(gpus_per_worker=1)])
    assert [(trouble.detail, trouble.reason) for trouble in found.queues] == [
        ("2 of 6 trials at once", "limits.gpus.tune")
    ]


def test_prices_come_from_the_file_before_the_config():
    assert plan(cluster(), [], {"gpus": 9, "web": 0.5}).cost_per_hour["always"] == 0.6
    without = {name: {k: v for k, v in pool.items() if k != "price_per_hour"} for name, pool in POOLS.items()}
    assert plan(cluster(pools=without), []).cost_per_hour is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 4), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2), st.integers(1, 9))
def test_equal_bundles_fit_by_the_arithmetic(cpus, gpus, machines, cpu, gpu, units):
    """Of one kind, as many fit as each machine holds, times the machines: nothing cleverer is possible."""
    held = min(cpus // cpu, gpus // gpu if gpu else 99) * machines
    assert Room({"CPU": cpus, "GPU": gpus}, machines).place_units([{"CPU": cpu, "GPU": gpu}], units) == min(held, units)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=6), st.integers(1, 3))
def test_what_was_placed_was_free_and_what_was_refused_left_nothing(bundles, machines):
    room = Room({"CPU": 4.0}, machines)
    placed = room.place([{"CPU": float(bundle)} for bundle in bundles])
    taken = sum(4 - node.free["CPU"] for node in room.nodes)
    assert taken == (sum(bundles) if placed else 0)
    assert all(node.free["CPU"] >= 0 for node in room.nodes)


@pytest.mark.ray
@pytest.mark.parametrize(("workers", "cpus"), [(4, 1), (5, 1), (2, 2), (3, 2), (1, 4), (1, 5), (2, 1.5), (3, 1.5)])
def test_the_plan_and_rays_scheduler_agree(ray_session, workers, cpus):
    """The session's cluster has four cores: what never fits by the plan is what Ray never places."""
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group

    one = {"machine": {"cpus": 4, "memory_gb": 1}}
    planned = plan(cluster(pools=one, verbs={}), [training(workers, gpus=0, cpus=cpus)]).fits
    group = placement_group([{"CPU": cpus}] * workers, strategy="PACK")
    try:
        assert group.wait(20 if planned else 1) == planned
    finally:
        remove_placement_group(group)
    assert ray.cluster_resources()["CPU"] == 4
