"""The plan and Ray's own scheduler agree, on a real cluster of three pools: what fits, and how many at once."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.config.run import ResourcesConfig
from ganray.config.serve import ServeConfig
from ganray.config.sweep import SweepConfig
from ganray.provisioning.demands import Demand, of_service, of_sweep, of_training
from ganray.provisioning.plan import Plan, plan

pytestmark = pytest.mark.ray
POOLS = {
    "head": {"cpus": 1, "memory_gb": 1},
    "machines": {"cpus": 4, "memory_gb": 2, "gpus": 2, "min_nodes": 2, "max_nodes": 2},
    "web": {"cpus": 3, "memory_gb": 1, "min_nodes": 1, "max_nodes": 1},
}
Place = Callable[[list], list[bool]]


def cluster(together: bool) -> ClusterConfig:
    """With the service on a pool of its own, or beside the training and the sweep."""
    verbs = dict.fromkeys(("prepare", "train", "tune", "evaluate"), "machines")
    verbs["serve"] = "machines" if together else "web"
    document = {"name": "a", "storage": "/shared", "pools": POOLS, "verbs": verbs}
    return load(ClusterConfig, document, rules=cluster_rules)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    kept |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "180"}
    kept |= {"RAY_TMPDIR": tempfile.mkdtemp(prefix="gr-", dir="/tmp")}  # short: sockets lie in it
    placer = Path(__file__).with_name("placer.py")
    child = subprocess.Popen(
        [sys.executable, placer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept,
        cwd=placer.parents[2],
    )  # fmt: skip

    def ask(document):
        child.stdin.write(json.dumps(document) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        assert line, "the cluster ended"
        return json.loads(line)

    sizes = {
        name: {
            "resources": {"CPU": pool["cpus"], "GPU": pool.get("gpus", 0), "memory": pool["memory_gb"] * 10**9},
            "count": pool["max_nodes"],
        }
        for name, pool in POOLS.items()
        if name != "head"
    }
    assert ask(sizes) == 4
    yield ask
    child.stdin.close()
    child.wait(60)


def demands(
    workers: tuple[int, int], cpus: float, gpus: float, trials: int, trial_gpus: float, replicas: tuple[int, int]
):
    least, more = workers
    training = {"num_workers": [least, least + more], "cpus_per_worker": cpus, "gpus_per_worker": gpus}
    space = {"seed": {"choice": [1]}}
    sweep = {"name": "sweep", "recipe": "r", "space": space, "samples": trials, "budget": {"steps": 1}}
    trial = {"num_workers": 1, "cpus_per_worker": 1, "gpus_per_worker": trial_gpus}
    scaling = {"min_replicas": replicas[0], "max_replicas": max(1, sum(replicas))}
    return [
        *of_service(ServeConfig.model_validate({"voices": {"a": "a"}, "autoscaling": scaling})),
        of_training("training", ResourcesConfig.model_validate(training)),
        of_sweep(SweepConfig.model_validate(sweep), ResourcesConfig.model_validate(trial)),
    ]


def really(config: ClusterConfig, asked: list[Demand], place: Place) -> dict[str, int]:
    """Units at once that Ray itself places, asked for in the plan's order: the least of each, then one by one."""
    ever: dict[str, bool] = {}  # beside what a service before it never gives back, and nothing else
    kept: list[list] = []
    for one in asked:
        pool = config.pool_of(one.verb)
        ever[one.name] = place([*kept, [pool, [*one.bundles] * one.least]])[-1]
        if ever[one.name] and one.held:
            kept.append([pool, [*one.bundles] * one.held])
    asked = [one for one in asked if ever[one.name]]
    began = place([[config.pool_of(one.verb), [*one.bundles] * one.least] for one in asked])
    groups = [(one, one.least) for one in asked] + [
        (one, 1) for one, there in zip(asked, began, strict=True) if there for _ in range(one.most - one.least)
    ]
    placed = place(
        [[config.pool_of(one.verb), [dict(bundle) for bundle in one.bundles] * count] for one, count in groups]
    )
    at_once = dict.fromkeys((one.name for one in asked), 0)
    for (one, count), there in zip(groups, placed, strict=True):
        at_once[one.name] += count if there else 0
    return {name: there and at_once[name] for name, there in ever.items()}


def planned(found: Plan) -> dict[str, int]:
    return {one["name"]: one["at_once"] for one in found.demands}


def agreed(found: Plan, config: ClusterConfig, asked: list[Demand], place: Place) -> dict[str, int]:
    """What Ray places; asked again where it differs, since Ray may refuse for what it has not yet heard is free."""
    for _ in range(3):
        placed = really(config, asked, place)
        if placed == planned(found):
            break
    return placed


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    together=st.booleans(),
    workers=st.tuples(st.integers(1, 5), st.integers(0, 3)),
    cpus=st.sampled_from([0.5, 1, 1.5, 2, 3, 5]),
    gpus=st.sampled_from([0, 0, 0.4, 0.5, 1, 2, 3]),
    trials=st.integers(1, 5),
    trial_gpus=st.sampled_from([0, 0.25, 0.7, 1]),
    replicas=st.tuples(st.integers(0, 7), st.integers(0, 4)),
)
@example(together=False, workers=(2, 0), cpus=3, gpus=1, trials=4, trial_gpus=1, replicas=(1, 3))
@example(together=True, workers=(3, 0), cpus=3, gpus=0, trials=1, trial_gpus=0, replicas=(1, 0))  # never: two machines
@example(together=True, workers=(2, 0), cpus=3, gpus=0, trials=1, trial_gpus=0, replicas=(3, 0))  # never: the service
@example(together=True, workers=(2, 0), cpus=3, gpus=0, trials=1, trial_gpus=0, replicas=(0, 3))  # it waits
def test_the_plan_and_ray_place_the_same(place, together, workers, cpus, gpus, trials, trial_gpus, replicas):
    config = cluster(together)
    asked = demands(workers, cpus, gpus, trials, trial_gpus, replicas)
    found = plan(config, asked)
    placed = agreed(found, config, asked, place)
    assert planned(found) == placed, found.table("USD")
    assert {one.name for one in found.never} == {name for name, there in placed.items() if there is False}


def test_neither_a_training_nor_a_sweep_takes_the_services_machine(place):
    """Three cores are free on the machine that serves, and none of them is for sale."""
    config = cluster(together=False)
    asked = demands((2, 6), 4, 0, 5, 0, (1, 2))
    found = plan(config, asked)
    assert planned(found) == agreed(found, config, asked, place)
    full = [
        ["machines", [{"CPU": 4}] * 2],
        ["machines", [{"CPU": 0.5}]],
        ["web", [{"CPU": 1}] * 3],
        ["web", [{"CPU": 1}]],
    ]
    assert place(full) == [True, False, True, False]
