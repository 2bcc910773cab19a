"""Questions to one machine of a cluster, and what came of a check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ganray.provisioning import probe

_TIMEOUT_S = 60
# The probes travel by value, so that a node without ganray can say so.
ray.cloudpickle.register_pickle_by_value(probe)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


def ask(node: dict[str, Any], question: Callable, *arguments: Any) -> Any:
    """The answer of a node. The task takes no CPU, so a busy cluster answers too."""
    there = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
    task = ray.remote(question).options(num_cpus=0, scheduling_strategy=there)
    return ray.get(task.remote(*arguments), timeout=_TIMEOUT_S)


def name_of(node: dict[str, Any]) -> str:
    """Host and node: several nodes may share a host."""
    return f"{node.get('NodeManagerHostname') or node['NodeManagerAddress']}/{node['NodeID'][:6]}"
