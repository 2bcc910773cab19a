"""How many trials the cluster holds at once. Tune doesn't know what a nested training takes, so ganray counts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ganray.config.run import ResourcesConfig
from ganray.errors import PlacementError
from ganray.provisioning import pools

DRIVER = {"CPU": 0.0, "memory": 0.5e9}
"""What Tune books for a trial itself: its workers' CPUs are booked by Ray Train, so two workers fit two cores."""
_ROUNDING = 1e-6


def concurrency(
    resources: ResourcesConfig,
    nodes: Sequence[Mapping[str, Any]],
    most: int,
    *,
    verb: pools.Verb = "tune",
    driver: Mapping[str, float] = DRIVER,
) -> int:
    """Trials that can run at the same time without ever waiting for each other's workers.

    Args:
        resources: What each trial takes.
        nodes: Of the cluster, as `ray.nodes()` gives them.
        most: More are not needed.
        verb: On whose machines they run.
        driver: What each takes beside its workers.

    Raises:
        PlacementError: Not even one fits the empty cluster.
    """
    wanted = resources.num_workers
    fewest, many = (wanted, wanted) if isinstance(wanted, int) else wanted
    one = {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
    alive = [node["Resources"] for node in pools.machines(verb, nodes)]
    if not _place(_free(alive, one["GPU"]), one, fewest, driver):
        there = ", ".join(f"{node.get('CPU', 0):g} CPU and {node.get('GPU', 0):g} GPU" for node in alive) or "no node"
        each = " and ".join(f"{amount:g} {name}" for name, amount in one.items() if amount)
        raise PlacementError(
            f"a trial of {fewest} worker{'s' if fewest > 1 else ''} with {each} each can never run on this cluster",
            there=there,
            mend="ask for less under the sweep's resources",
        )
    free, count = _free(alive, one["GPU"]), 0
    while count < most and _place(free, one, many, driver):
        count += 1
    return max(count, 1)  # an elastic trial that only fits with fewer workers still runs alone


def _free(nodes: Sequence[Mapping[str, float]], share: float) -> list[dict[str, float]]:
    """What each node has, of its GPUs what workers of such a share can use."""
    free = [{name: float(node.get(name, 0)) for name in ("CPU", "GPU", "memory")} for node in nodes]
    for node in free:
        node["GPU"] = _usable(node["GPU"], share)
    return free


def _usable(gpus: float, share: float) -> float:
    """Ray splits no share over two GPUs, though it adds up what is left of them: two hold four workers of .4, not five.
    Above 1 it takes whole GPUs only."""
    if 0 < share < 1:
        return gpus * math.floor(1 / share + _ROUNDING) * share
    return gpus if share == int(share) else 0.0


def _place(free: list[dict[str, float]], one: Mapping[str, float], workers: int, driver: Mapping[str, float]) -> bool:
    """Take a trial out of what is free, packed; whether it fitted. After a refusal `free` is used up."""
    return _take(free, driver) and all(_take(free, one) for _ in range(workers))


def _take(free: list[dict[str, float]], bundle: Mapping[str, float]) -> bool:
    for node in sorted(free, key=lambda node: node["CPU"]):
        if all(node[name] + _ROUNDING >= amount for name, amount in bundle.items()):
            for name, amount in bundle.items():
                node[name] -= amount
            return True
    return False
