"""How a verb's tasks and actors get to their pool: every machine carries its pool's name as a Ray label.

Whoever starts a machine gives it `labels(cluster, pool)` and `environment(cluster)`; both are in every rendered file.
A verb asks `selector("train")` and hands the answer to Ray:

    task.options(label_selector=…)                  tasks, actors, `ray_remote_args` of Ray Data
    placement_group(bundles, bundle_label_selector=[…] * len(bundles))
    ray_actor_options={"label_selector": …}         Ray Serve

Ray Train counts free cores when it chooses how many workers a training of [min, max] gets, and looks at no labels
there: on the cores of other pools it would wait for ever. So every machine also has a resource that only its pool has,
and a worker takes a thousandth of one, `share("train")`.

Where nobody said which pool a verb runs on, as on a laptop, the answer is empty, and Ray takes any machine.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganray.config.cluster import ClusterConfig
from ganray.config.machines import Verb
from ganray.errors import UsageError

LABEL = "pool"
"""Label of every machine: the name of its pool."""
VARIABLE = "GANRAY_POOLS"
"""Environment variable of every machine, and so of every job: `prepare=data,train=trainers,…`."""
PLENTY = 1000
"""Of the resource that marks a pool, on each of its machines: it runs out last."""
VERBS: tuple[Verb, ...] = ("prepare", "train", "tune", "evaluate", "serve")


def labels(cluster: ClusterConfig, pool: str) -> dict[str, str]:
    """Ray labels of the machines of a pool."""
    kind = cluster.pools[pool]
    market = {"market": "spot" if kind.spot else "on-demand"} if "market" not in kind.labels else {}
    return {LABEL: pool, **market, **kind.labels}


def assignment(cluster: ClusterConfig) -> str:
    """Value of GANRAY_POOLS; empty where there is but one pool, which nothing can miss."""
    if len(cluster.pools) == 1:
        return ""
    return ",".join(f"{verb}={cluster.pool_of(verb)}" for verb in VERBS)


def resource(pool: str) -> str:
    """Name of the resource that the machines of a pool have."""
    return f"{LABEL}:{pool}"


def share(verb: Verb, assigned: str | None = None) -> dict[str, float]:
    """The resource that brings a worker of a verb to its pool; empty for anywhere. Arguments and errors: `selector`."""
    return {resource(name): 1e-3 for name in selector(verb, assigned).values()}


def machines(verb: Verb, nodes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of `ray.nodes()` that live and are a verb's."""
    wanted = selector(verb).items()
    return [node for node in nodes if node["Alive"] and wanted <= node.get("Labels", {}).items()]


def cpus(verb: Verb, nodes: Sequence[Mapping[str, Any]]) -> int:
    """Cores of a verb's machines; at least one."""
    return max(1, int(sum(node["Resources"].get("CPU", 0) for node in machines(verb, nodes))))


@contextlib.contextmanager
def as_verb(verb: Verb) -> Iterator[None]:
    """Inside, a training of this process goes where another verb's work goes: a sweep's trials are trainings."""
    before = os.environ.get(VARIABLE)
    mine = selector(verb)
    if mine:
        assert before is not None
        others = [part for part in before.split(",") if not part.startswith("train=")]
        os.environ[VARIABLE] = ",".join([*others, f"train={mine[LABEL]}"])
    try:
        yield
    finally:
        if mine and before is not None:
            os.environ[VARIABLE] = before


def selector(verb: Verb, assigned: str | None = None) -> dict[str, str]:
    """Ray's label selector for what a verb starts; empty for anywhere.

    Args:
        verb: The verb.
        assigned: Instead of the environment's GANRAY_POOLS.

    Raises:
        UsageError: GANRAY_POOLS is not of the form `verb=pool,…`.
    """
    assigned = os.environ.get(VARIABLE, "") if assigned is None else assigned
    pools: dict[str, str] = {}
    for part in filter(None, assigned.split(",")):
        name, equals, pool = part.partition("=")
        if not equals or name not in VERBS or not pool:
            raise UsageError(f"{VARIABLE} is {assigned!r}", mend="write it as train=POOL,serve=POOL, or unset it")
        pools[name] = pool
    return {LABEL: pools[verb]} if verb in pools else {}
