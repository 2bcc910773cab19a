"""Machines that are not there, started and given back by Ray's own autoscaler: the scheduler of its second version.

What is asked and what is there are told to it each minute as a cluster tells it; what it says should start, starts some
minutes later, and what it says should go, goes. Nothing else of Ray runs.
"""

import itertools
import logging
from dataclasses import dataclass, field
from typing import Any

from ray.autoscaler.v2.instance_manager.config import NodeTypeConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.schema import AutoscalerInstance
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.autoscaler_pb2 import GangResourceRequest, NodeState, NodeStatus
from ray.core.generated.instance_manager_pb2 import Instance, NodeKind

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import launcher, pools

Bundle = dict[str, float]
logging.getLogger("ray.autoscaler").setLevel(logging.ERROR)  # it tells every launch


@dataclass
class Machine:
    """One of them: `ready_s` is when Ray runs on it, `since_s` from when on nothing has."""

    name: str
    pool: str
    free: Bundle
    whole: Bundle
    ready_s: float
    since_s: float
    head: bool = False


@dataclass
class Unit:
    """A few bundles that are placed together or not at all: a training's workers, a trial, a replica."""

    kind: str
    pool: str
    bundles: list[Bundle]
    asked_s: float
    lasts_s: float
    began_s: float = -1
    on: list[tuple[Machine, Bundle]] = field(default_factory=list)


class Machines:
    """All of a cluster's."""

    def __init__(self, cluster: ClusterConfig, boot_s: float) -> None:
        """The machines that are always there, running.

        Args:
            cluster: With providers.aws: the autoscaler reads what is rendered for `ray up`.
            boot_s: From the autoscaler's decision to a machine that takes work.
        """
        assert cluster.providers.aws is not None
        rendered = launcher.aws(cluster, cluster.providers.aws)
        self._boot_s, self._names = boot_s, itertools.count()
        self._scheduler = ResourceDemandScheduler(event_logger=None)
        self._most = rendered["max_workers"] + 1
        self._idle_s = rendered["idle_timeout_minutes"] * 60
        self._types = {
            name: NodeTypeConfig(
                name, kind.get("min_workers", 0), kind["max_workers"] if name != launcher.HEAD else 1,
                idle_timeout_s=kind.get("idle_timeout_s"), resources=dict(kind["resources"]), labels=kind["labels"],
            )
            for name, kind in rendered["available_node_types"].items()
        }  # fmt: skip
        self.all: dict[str, Machine] = {}
        self._add(launcher.HEAD, 0, head=True)
        for name, kind in self._types.items():
            for _ in range(kind.min_worker_nodes):
                self._add(name, 0)

    def _add(self, pool: str, ready_s: float, head: bool = False) -> None:
        whole = {key: float(amount) for key, amount in self._types[pool].resources.items() if amount}
        name = f"{pool}-{next(self._names)}"
        self.all[name] = Machine(name, pool, dict(whole), whole, ready_s, ready_s, head)

    def place(self, unit: Unit, now_s: float) -> bool:
        """Put a unit's bundles onto its pool's machines, each onto the fullest that still holds it; or none of them."""
        taken: list[tuple[Machine, Bundle]] = []
        there = [one for one in self.all.values() if one.pool == unit.pool and one.ready_s <= now_s]
        for bundle in unit.bundles:
            fitting = [one for one in there if all(one.free.get(k, 0) >= n - 1e-6 for k, n in bundle.items())]
            if not fitting:
                self._free(taken, None)
                return False
            machine = min(fitting, key=lambda one: (one.free.get("GPU", 0), one.free.get("CPU", 0), one.name))
            for key, amount in bundle.items():
                machine.free[key] -= amount
            taken.append((machine, bundle))
        unit.on, unit.began_s = taken, now_s
        return True

    def end(self, unit: Unit, now_s: float) -> None:
        """Free what a unit had."""
        self._free(unit.on, now_s)
        unit.on = []

    @staticmethod
    def _free(taken: list[tuple[Machine, Bundle]], now_s: float | None) -> None:
        for machine, bundle in taken:
            for key, amount in bundle.items():
                machine.free[key] += amount
            if now_s is not None and not busy(machine):
                machine.since_s = now_s

    def scale(self, waiting: list[Unit], now_s: float) -> int:
        """Ask Ray's autoscaler, and do what it says; for how many units it says no machine may be started."""
        single = [_request(unit.bundles[0], unit.pool) for unit in waiting if len(unit.bundles) == 1]
        gangs = [unit for unit in waiting if len(unit.bundles) > 1]
        reply = self._scheduler.schedule(
            SchedulingRequest(
                disable_launch_config_check=True,
                node_type_configs=self._types,
                max_num_nodes=self._most,
                idle_timeout_s=self._idle_s,
                resource_requests=ResourceRequestUtil.group_by_count(single),
                gang_resource_requests=[
                    GangResourceRequest(requests=[_request(bundle, unit.pool) for bundle in unit.bundles])
                    for unit in gangs
                ],
                current_instances=[self._told(machine, now_s) for machine in self.all.values()],
            )
        )
        for launch in reply.to_launch:
            for _ in range(launch.count):
                self._add(launch.instance_type, now_s + self._boot_s)
        for gone in reply.to_terminate:
            assert not busy(self.all[gone.instance_id]), "Ray gives back idle machines only"
            del self.all[gone.instance_id]
        return len(reply.infeasible_resource_requests) + len(reply.infeasible_gang_resource_requests)

    def _told(self, machine: Machine, now_s: float) -> AutoscalerInstance:
        running = machine.ready_s <= now_s
        instance = Instance(
            instance_id=machine.name, cloud_instance_id=machine.name, instance_type=machine.pool, node_id=machine.name,
            status=Instance.RAY_RUNNING if running else Instance.REQUESTED,
            node_kind=NodeKind.HEAD if machine.head else NodeKind.WORKER,
        )  # fmt: skip
        if not running:
            return AutoscalerInstance(im_instance=instance)
        idle_s = 0 if busy(machine) else now_s - machine.since_s
        node: Any = NodeState(
            node_id=machine.name.encode(), instance_id=machine.name, ray_node_type_name=machine.pool,
            available_resources=machine.free, total_resources=machine.whole,
            labels=self._types[machine.pool].labels,
            status=NodeStatus.RUNNING if busy(machine) else NodeStatus.IDLE, idle_duration_ms=int(idle_s * 1000),
        )  # fmt: skip
        return AutoscalerInstance(im_instance=instance, ray_node=node, cloud_instance_id=machine.name)


def busy(machine: Machine) -> bool:
    """Whether anything runs on it."""
    return any(abs(machine.free[key] - amount) > 1e-6 for key, amount in machine.whole.items())


def _request(bundle: Bundle, pool: str) -> Any:
    return ResourceRequestUtil.make({**bundle, pools.resource(pool): 1e-3})
