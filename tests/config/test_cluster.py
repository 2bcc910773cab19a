"""The cluster config's schema and rules."""

from typing import Any

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.errors import ConfigError

LEAST: dict[str, Any] = {"name": "a", "storage": "runs", "pools": {"machine": {"cpus": 2, "memory_gb": 4}}}
TWO = {"one": {"cpus": 2, "memory_gb": 4}, "two": {"cpus": 8, "memory_gb": 32, "gpus": 1, "min_nodes": 0}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"verbs": {"train": "machin"}}, "verbs.train"),
        ({"verbs": {"trian": "machine"}}, "verbs.trian"),
        ({"pools": {}}, "pools"),
        (
            {"pools": {"machine": {"cpus": 2, "memory_gb": 4, "min_nodes": 2}}},
            "pools.machine.max_nodes",
        ),
        ({"pools": {"machine": {"cpus": 2, "memory_gb": 4, "min_nodes": 0}}}, "pools"),
        ({"pools": {"machine": {"cpus": 2, "memory": 4}}}, "pools.machine.memory"),
        ({"pools": {"Machine 1": {"cpus": 2, "memory_gb": 4}}}, "pools.Machine 1"),
        ({"packages": {"ray": "2.60 or so"}}, "packages"),
        ({"security": {"token": False, "dashboard_host": "0.0.0.0"}}, "security.dashboard_host"),
        ({"pools": TWO}, "storage"),
    ],
)
def test_a_cluster_that_cannot_be_meant_is_refused_by_its_key(change, path):
    with pytest.raises(ConfigError) as caught:
        load(ClusterConfig, LEAST | change, rules=cluster_rules)
    assert path in [problem.path for problem in caught.value.problems]


def test_a_verb_runs_on_its_pool_or_on_the_first():
    cluster = load(
        ClusterConfig, LEAST | {"pools": TWO, "storage": "s3://a/b", "verbs": {"train": "two"}}, rules=cluster_rules
    )
    assert (cluster.pool_of("train"), cluster.pool_of("serve")) == ("two", "one")
