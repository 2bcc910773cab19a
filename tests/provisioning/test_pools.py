"""A verb's tasks get to their pool: by a label that Ray obeys, and nowhere in particular where nobody said."""

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.errors import UsageError
from ganray.provisioning import pools
from ganray.provisioning.start import environment, head_command, worker_command

CONFIG = {
    "name": "tested",
    "storage": "/shared",
    "pools": {
        "small": {"cpus": 2, "memory_gb": 4},
        "big": {"cpus": 8, "memory_gb": 16, "gpus": 1, "spot": True, "labels": {"tier": "a"}, "max_nodes": 3},
    },
    "verbs": {"train": "big", "tune": "big", "prepare": "big", "evaluate": "big", "serve": "big"},
    "security": {"tls": True},
}


@pytest.fixture
def cluster():
    return load(ClusterConfig, CONFIG, rules=cluster_rules)


def test_what_a_machine_is_started_with_is_what_a_verb_asks_for(cluster):
    there = pools.labels(cluster, "big")
    assert there == {"pool": "big", "market": "spot", "tier": "a"}
    assert pools.selector("train", environment(cluster)["GANRAY_POOLS"]).items() <= there.items()


def test_on_a_laptop_every_machine_will_do(monkeypatch):
    monkeypatch.delenv(pools.VARIABLE, raising=False)
    assert pools.selector("train") == {}
    alone = load(ClusterConfig, CONFIG | {"pools": {"one": {"cpus": 2, "memory_gb": 4}}, "verbs": {}})
    assert pools.VARIABLE not in environment(alone)


def test_an_assignment_that_cannot_be_meant_is_refused(monkeypatch):
    monkeypatch.setenv(pools.VARIABLE, "training=big")
    with pytest.raises(UsageError, match="training=big"):
        pools.selector("train")


def test_commands_carry_labels_and_a_head_that_does_not_work_has_no_cores(cluster):
    head, worker = head_command(cluster), worker_command(cluster, "big", "10.0.0.1:6379")
    assert {"--num-cpus=0", "--num-gpus=0", "--labels=pool=small,market=on-demand"} <= set(head)
    assert {"--num-cpus=8", "--num-gpus=1", "--address=10.0.0.1:6379"} <= set(worker)
    assert environment(cluster)["RAY_USE_TLS"] == "1"


def test_a_verbs_machines_are_its_pools_that_live(monkeypatch):
    nodes = [
        {"Alive": alive, "Labels": {"pool": pool}, "Resources": {"CPU": cpus}}
        for alive, pool, cpus in ((True, "big", 8), (False, "big", 8), (True, "small", 2), (True, "big", 4))
    ]
    monkeypatch.delenv(pools.VARIABLE, raising=False)
    assert (len(pools.machines("tune", nodes)), pools.cpus("tune", nodes)) == (3, 14)
    monkeypatch.setenv(pools.VARIABLE, "tune=big,serve=none")
    assert (len(pools.machines("tune", nodes)), pools.cpus("tune", nodes)) == (2, 12)
    assert (pools.machines("serve", nodes), pools.cpus("serve", nodes)) == ([], 1)


def test_a_trial_is_a_training_on_the_sweeps_machines(monkeypatch):
    monkeypatch.setenv(pools.VARIABLE, "train=big,tune=small,serve=big")
    with pools.as_verb("tune"):
        assert (pools.share("train"), pools.share("serve")) == ({"pool:small": 1e-3}, {"pool:big": 1e-3})
    assert pools.share("train") == {"pool:big": 1e-3}
    monkeypatch.delenv(pools.VARIABLE)
    with pools.as_verb("tune"):
        assert pools.share("train") == {}


@pytest.mark.parametrize(("assigned", "wanted"), [("", {}), ("train=big,serve=small", {"pool:small": 1e-3})])
def test_replicas_and_the_http_front_ask_for_their_pool(monkeypatch, assigned, wanted):
    from ganray.serving.app import build

    monkeypatch.setenv(pools.VARIABLE, assigned)
    front = build({"voices": {"default": "english"}})._bound_deployment
    replicas = front.init_args[0]._bound_deployment
    for deployment in (front, replicas):
        assert deployment.ray_actor_options.get("resources", {}) == wanted
