"""How many trials at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.config.run import ResourcesConfig
from ganray.errors import PlacementError
from ganray.tuning.placement import concurrency


def node(cpus: float, gpus: float = 0, memory: float = 64e9, alive: bool = True) -> dict:
    return {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus, "memory": memory}}


@pytest.mark.parametrize(
    ("resources", "nodes", "at_once"),
    [
        ({"num_workers": 1}, [node(2)], 2),
        ({"num_workers": 2}, [node(2)], 1),
        ({"num_workers": 2}, [node(1), node(1)], 1),
        ({"num_workers": 2}, [node(3), node(3)], 3),
        ({"num_workers": 1, "cpus_per_worker": 2}, [node(3), node(3)], 2),
        ({"num_workers": 1, "gpus_per_worker": 1}, [node(8, 2), node(8)], 2),
        ({"num_workers": 1, "gpus_per_worker": 0.25}, [node(8, 2)], 8),
        ({"num_workers": 1, "gpus_per_worker": 0.25}, [node(3, 2)], 3),
        ({"num_workers": 1, "gpus_per_worker": 0.25, "cpus_per_worker": 0.5}, [node(8, 1), node(8, 1)], 8),
        ({"num_workers": 1, "gpus_per_worker": 0.4}, [node(8, 2)], 4),
        ({"num_workers": 1, "gpus_per_worker": 0.6}, [node(8, 2), node(8)], 2),
        ({"num_workers": 2, "gpus_per_worker": 0.6}, [node(8, 2), node(8, 2)], 2),
        ({"num_workers": 3, "gpus_per_worker": 0.3333333}, [node(8, 1)], 1),
        ({"num_workers": [1, 4]}, [node(2)], 1),
        ({"num_workers": [1, 2]}, [node(4)], 2),
        ({"num_workers": 1}, [node(64, memory=2e9)], 4),
        ({"num_workers": 1}, [node(2), node(64, alive=False)], 2),
        ({"num_workers": 1, "cpus_per_worker": 0.1}, [node(1)], 10),
    ],
)
def test_as_many_trials_run_as_the_cluster_holds(resources, nodes, at_once):
    assert concurrency(ResourcesConfig.model_validate(resources), nodes, 100) == at_once


def test_no_more_run_than_there_are():
    assert concurrency(ResourcesConfig(), [node(64)], 4) == 4


@pytest.mark.parametrize(
    ("resources", "nodes"),
    [
        ({"num_workers": 3}, [node(2)]),
        ({"num_workers": [3, 4]}, [node(2)]),
        ({"cpus_per_worker": 2}, [node(1), node(1)]),
        ({"gpus_per_worker": 1}, [node(8)]),
        ({"gpus_per_worker": 1.5}, [node(8, 4)]),
        ({"num_workers": 5, "gpus_per_worker": 0.4}, [node(8, 2)]),
        ({}, [node(8, memory=1e8)]),
        ({}, []),
    ],
)
def test_a_trial_that_can_never_be_placed_is_refused(resources, nodes):
    with pytest.raises(PlacementError, match="can never run on this cluster") as caught:
        concurrency(ResourcesConfig.model_validate(resources), nodes, 4)
    assert caught.value.exit_code == 3
    assert caught.value.mend


@settings(deadline=None)
@given(
    workers=st.integers(1, 4),
    cpus=st.integers(1, 3),
    nodes=st.lists(st.tuples(st.integers(1, 8), st.integers(1, 4)), min_size=1, max_size=4),
)
def test_what_is_counted_never_exceeds_what_is_there(workers, cpus, nodes):
    places = [node(there, memory=gigabytes * 1e9) for there, gigabytes in nodes]
    try:
        at_once = concurrency(ResourcesConfig(num_workers=workers, cpus_per_worker=cpus), places, 50)
    except PlacementError:
        assert sum(there // cpus for there, _ in nodes) < workers
        return
    assert at_once * workers <= sum(there // cpus for there, _ in nodes)
    assert at_once * 0.5e9 <= sum(gigabytes * 1e9 for _, gigabytes in nodes)
