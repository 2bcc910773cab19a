"""The cluster config's schema and rules."""

from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.config.documents import read_yaml
from ganray.errors import ConfigError

LEAST: dict[str, Any] = {"name": "a", "storage": "runs", "pools": {"machine": {"cpus": 2, "memory_gb": 4}}}
GCP = {"project": "my-project", "region": "us-west1", "zones": ["us-west1-a"]}
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
        ({"head": {"pool": "machin"}}, "head.pool"),
        ({"pools": TWO, "head": {"pool": "two"}}, "head.pool"),
        ({"pools": {"one": TWO["one"] | {"spot": True}, "two": TWO["two"]}}, "pools.one.spot"),
        ({"pools": TWO}, "verbs.train"),
        ({"pools": {"machine": {"cpus": 2, "memory_gb": 4, "gpu_type": "L4"}}}, "pools.machine.gpu_type"),
        ({"pools": {"machine": {"cpus": 2, "memory_gb": 4, "labels": {"pool": "a"}}}}, "pools.machine.labels.pool"),
        (
            {"pools": {"machine": {"cpus": 2, "memory_gb": 4, "labels": {"ray.io/x": "a"}}}},
            "pools.machine.labels.ray.io/x",
        ),
        ({"pools": {"machine": {"cpus": 2, "memory_gb": 4, "labels": {"a/b/c": "d"}}}}, "pools.machine.labels.a/b/c"),
        ({"pools": {"machine": {"cpus": 2, "memory_gb": 4, "labels": {"A.b/c": "d"}}}}, "pools.machine.labels.A.b/c"),
        ({"limits": {"gpus": {"train": 2}}}, "limits.gpus.train"),
        ({"limits": {"spend_per_hour": 1}}, "limits.spend_per_hour"),
        (
            {"pools": {"machine": {"cpus": 2, "memory_gb": 4, "price_per_hour": 3}}, "limits": {"spend_per_hour": 1}},
            "limits.spend_per_hour",
        ),
        ({"providers": {"aws": {"region": "us-west-2"}}}, "pools.machine.instances.aws"),
        ({"providers": {"aws": {"region": "us-west-2", "zones": ["us-east-1a"]}}}, "providers.aws.zones"),
        ({"providers": {"aws": {"region": "us-west-2", "zones": ["us-west-20a"]}}}, "providers.aws.zones"),
        ({"providers": {"gcp": GCP | {"zones": ["us-west10-a"]}}}, "providers.gcp.zones"),
        ({"providers": {"gcp": GCP | {"zones": ["us-west1"]}}}, "providers.gcp.zones"),
        ({"providers": {"gcp": GCP | {"zones": []}}}, "providers.gcp.zones"),
        ({"providers": {"gcp": {key: GCP[key] for key in ("project", "region")}}}, "providers.gcp.zones"),
        ({"providers": {"gcp": GCP | {"zones": ["us-west1-a", "us-west1-b"]}}}, "providers.gcp.zones"),
        ({"providers": {"rack": {"ssh_user": "ray"}}}, "pools.machine.hosts"),
        ({"providers": {"kubernetes": {}}}, "image"),
        (
            {"providers": {"kubernetes": {}}, "security": {"token": False, "network_policy": False}},
            "security.token",
        ),
        (
            {"providers": {"kubernetes": {"node_selectors": {"nobody": {}}}}},
            "providers.kubernetes.node_selectors.nobody",
        ),
        ({"providers": {"awz": {}}}, "providers.awz"),
    ],
)
def test_a_cluster_that_cannot_be_meant_is_refused_by_its_key(change, path):
    with pytest.raises(ConfigError) as caught:
        load(ClusterConfig, LEAST | change, rules=cluster_rules)
    found = {problem.path: problem for problem in caught.value.problems}
    assert path in found
    assert found[path].rule


@pytest.mark.parametrize(
    ("provider", "zones", "wrong"),
    [
        ({"gcp": GCP}, {"gcp": ["us-west1-a"]}, False),
        ({"gcp": GCP}, {"gcp": ["us-west1-b"]}, True),
        ({"aws": {"region": "us-west-2"}}, {"aws": ["us-west-2c", "us-west-2-lax-1a"]}, False),
        ({"aws": {"region": "us-west-2"}}, {"aws": ["us-west-2c", "us-west-1a"]}, True),
    ],
)
def test_a_pools_zones_are_in_the_providers_region_and_one_on_google(provider, zones, wrong):
    machine = {"cpus": 2, "memory_gb": 4, "instances": {"aws": "m7i.large", "gcp": "n2-standard-2"}, "zones": zones}
    document = LEAST | {"pools": {"machine": machine}, "providers": provider}
    problems = cluster_rules(load(ClusterConfig, document))
    assert [problem.path.rpartition(".")[0] for problem in problems] == ["pools.machine.zones"] * wrong
    assert all(problem.mend for problem in problems)


def test_a_verb_runs_on_its_pool_or_on_the_first():
    cluster = load(
        ClusterConfig,
        LEAST | {"pools": TWO, "storage": "s3://a/b", "verbs": {"train": "two"}, "head": {"works": True}},
        rules=cluster_rules,
    )
    assert (cluster.pool_of("train"), cluster.pool_of("serve")) == ("two", "one")


def test_one_machine_in_two_pools_is_refused():
    pools = {name: pool | {"hosts": ["10.0.0.1"]} for name, pool in TWO.items()}
    document = LEAST | {"pools": pools, "storage": "/shared", "providers": {"rack": {"ssh_user": "ray"}}}
    with pytest.raises(ConfigError, match=r"is in pools\.one too"):
        load(ClusterConfig, document, rules=cluster_rules)


def test_all_that_is_wrong_is_told_at_once():
    change = {
        "verbs": {"train": "machin"},
        "head": {"pool": "machines"},
        "providers": {"kubernetes": {"namespaces": "a"}},
    }
    with pytest.raises(ConfigError) as caught:
        load(ClusterConfig, LEAST | change, rules=cluster_rules)
    told = {problem.path: problem.mend for problem in caught.value.problems}
    assert told["verbs.train"] == "did you mean machine?"
    assert told["head.pool"] == "did you mean machine?"
    assert told["providers.kubernetes.namespaces"] == "did you mean providers.kubernetes.namespace?"


def test_a_head_beside_others_runs_no_work_unless_it_should():
    alone = load(ClusterConfig, LEAST, rules=cluster_rules)
    assert (alone.head_works, alone.workers("machine")) == (True, (1, 1))
    several = LEAST | {"storage": "/shared", "pools": {"machine": {"cpus": 2, "memory_gb": 4, "max_nodes": 3}}}
    cluster = load(ClusterConfig, several, rules=cluster_rules)
    assert (cluster.head_works, cluster.workers("machine")) == (False, (0, 2))
    cluster = load(ClusterConfig, several | {"head": {"works": True}}, rules=cluster_rules)
    assert cluster.workers("machine") == (1, 3)


def test_the_shipped_config_names_every_key_there_is():
    """`cluster/ganray.yaml` says everything: no key of the schema is missing from it."""
    shipped = read_yaml(Path(__file__).parents[2] / "cluster" / "ganray.yaml")
    assert missing(ClusterConfig, shipped) == []


def missing(schema: Any, *documents: Any, at: str = "") -> list[str]:
    """Keys of `schema` that none of the documents at its place has."""
    found: list[str] = []
    for name, field in schema.model_fields.items():
        given = [document[name] for document in documents if name in document]
        if not given:
            found.append(at + name)
            continue
        inner = [t for t in (field.annotation, *get_args(field.annotation)) if hasattr(t, "model_fields")]
        values = [v for g in given for v in (g.values() if get_origin(field.annotation) is dict else [g])]
        if inner:
            found += missing(inner[0], *values, at=f"{at}{name}.")
    return found
