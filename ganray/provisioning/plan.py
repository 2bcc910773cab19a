"""Before anything starts: does it fit, what will wait, which limit is the reason, and what does it cost an hour?

Verbs on one pool are served in this order: the service, then the training, then the sweep. A training and a sweep end,
a service does not: what only fits where the service's fewest replicas are does not wait, it never fits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ganray.config.cluster import ClusterConfig
from ganray.provisioning.demands import Demand
from ganray.provisioning.room import Room

_ORDER = ("serve", "train", "tune", "evaluate", "prepare")


@dataclass(frozen=True)
class Trouble:
    """Something that can't be had, at all or at once."""

    name: str
    detail: str
    reason: str
    mend: str


@dataclass
class Plan:
    """What was found.

    Attributes:
        pools: Each with its machines: always, needed at least, needed at most, allowed.
        demands: Each with its units: at least, at most, at once.
        never: What can never be scheduled.
        queues: What will wait.
        cost_per_hour: Of all machines: always, at least, at most; None without every price.
    """

    pools: list[dict[str, Any]] = field(default_factory=list)
    demands: list[dict[str, Any]] = field(default_factory=list)
    never: list[Trouble] = field(default_factory=list)
    queues: list[Trouble] = field(default_factory=list)
    cost_per_hour: dict[str, float] | None = None

    @property
    def fits(self) -> bool:
        """Whether everything can start at some time."""
        return not self.never

    def as_json(self) -> dict[str, Any]:
        """`ganray cluster plan --json`."""
        return {"fits": self.fits, **asdict(self)}

    def table(self, currency: str) -> str:
        """The same for people."""
        lines = [f"{'pool':<12}{'machine':<30}{'always':>7}{'least':>7}{'most':>6}{'allowed':>8}"]
        for pool in self.pools:
            size = pool["machine"]
            machine = f"{size['CPU']:g} CPU, {size['GPU']:g} GPU, {size['memory'] / 1e9:g} GB"
            counts = f"{pool['always']:>7}{pool['least']:>7}{pool['most']:>6}{pool['allowed']:>8}"
            lines.append(f"{pool['name']:<12}{machine:<30}{counts}")
        lines.append(f"{'what':<24}{'pool':<12}{'least':>7}{'most':>6}{'at once':>9}")
        for one in self.demands:
            counts = f"{one['least']:>7}{one['most']:>6}{one['at_once']:>9}"
            lines.append(f"{one['name']:<24}{one['pool']:<12}{counts}  {one['unit']}s")
        lines += [f"never   {one.name}: {one.detail} ({one.reason}); {one.mend}" for one in self.never]
        lines += [f"queues  {one.name}: {one.detail} ({one.reason}); {one.mend}" for one in self.queues]
        if self.cost_per_hour:
            cost = ", ".join(f"{value:.2f} {kind}" for kind, value in self.cost_per_hour.items())
            lines.append(f"{currency} an hour: {cost}")
        return "\n".join([*lines, "fits" if self.fits else "never fits"])


def plan(cluster: ClusterConfig, demands: Sequence[Demand], prices: Mapping[str, float] | None = None) -> Plan:
    """Hold demands against a cluster's config; nothing has to run.

    Args:
        cluster: The config.
        demands: Of the verbs that should run together.
        prices: An hour's price by pool or instance, before the config's own.
    """
    found = Plan()
    rooms = {}
    for name in cluster.pools:
        always, most = cluster.workers(name)
        rooms[name] = Room(_machine(cluster, name), most, running=always)
    queue = sorted(demands, key=lambda demand: _ORDER.index(demand.verb))
    possible, kept = [], {name: room.copy() for name, room in rooms.items()}
    for demand in queue:
        room = kept[cluster.pool_of(demand.verb)]
        if not _never(cluster, demand, found) and not _held(cluster, demand, room, found):
            room.place([bundle for _ in range(demand.held) for bundle in demand.bundles])
            possible.append(demand)
    running: dict[int, int] = {}
    for demand in possible:
        room = rooms[cluster.pool_of(demand.verb)]
        together = [bundle for _ in range(demand.least) for bundle in demand.bundles]
        running[id(demand)] = demand.least if room.place(together) else 0
    least = {name: room.used for name, room in rooms.items()}
    for demand in possible:
        _grow(cluster, demand, rooms[cluster.pool_of(demand.verb)], running, found)
    for demand in queue:
        row: dict[str, Any] = {
            "name": demand.name,
            "verb": demand.verb,
            "pool": cluster.pool_of(demand.verb),
            "unit": demand.unit,
        }
        bundles = [dict(bundle) for bundle in demand.bundles]
        row |= {"unit": demand.unit, "least": demand.least, "most": demand.most}
        row |= {"at_once": running.get(id(demand), 0), "bundles": bundles}
        found.demands.append(row)
    _cost(cluster, least, {name: room.used for name, room in rooms.items()}, prices or {}, found)
    return found


def _machine(cluster: ClusterConfig, name: str) -> dict[str, float]:
    pool = cluster.pools[name]
    return {"CPU": float(int(pool.cpus)), "GPU": float(pool.gpus), "memory": pool.memory_gb * 1e9}


def _allowed(cluster: ClusterConfig, demand: Demand) -> tuple[int, str]:
    """(Units that the limits allow, the limit that does), `most` and an empty text where none does."""
    allowed, reason = demand.most, ""
    for kind, resource in (("gpus", "GPU"), ("cpus", "CPU")):
        limit = getattr(cluster.limits, kind).get(demand.verb)
        each = demand.total(resource)
        if limit is not None and each and math.floor(limit / each + 1e-9) < allowed:
            allowed, reason = math.floor(limit / each + 1e-9), f"limits.{kind}.{demand.verb}"
    return allowed, reason


def _never(cluster: ClusterConfig, demand: Demand, found: Plan) -> bool:
    """Whether the least of a demand does not even fit the empty pool, which is then told."""
    name = cluster.pool_of(demand.verb)
    wanted = f"{demand.least} {demand.unit}{'s' if demand.least != 1 else ''}"
    allowed, limit = _allowed(cluster, demand)
    if allowed < demand.least:
        mend = f"raise {limit}, or ask for less"
        found.never.append(Trouble(demand.name, f"{wanted} at least, {allowed} allowed", limit, mend))
        return True
    machine, count = _machine(cluster, name), cluster.workers(name)[1]
    for bundle in demand.bundles:
        if not Room(machine, 1).place([bundle]):
            detail = f"one {demand.unit} takes {_say(bundle)}; a machine of {name} has {_say(machine)}"
            mend = "give the verb a pool of larger machines, or ask for less"
            found.never.append(Trouble(demand.name, detail, f"pools.{name}", mend))
            return True
    if not Room(machine, count).place([bundle for _ in range(demand.least) for bundle in demand.bundles]):
        most = Room(machine, count).place_units(demand.bundles, demand.least)
        detail = f"{wanted} at least, {most} on {count} machine{'s' if count != 1 else ''} of {name}"
        mend = f"raise pools.{name}.max_nodes, or ask for less"
        if any(_uneven(bundle.get("GPU", 0)) for bundle in demand.bundles):
            mend += ", or for a share that divides a GPU evenly, as 0.5 and 0.25: Ray adds shares up over GPUs"
        found.never.append(Trouble(demand.name, detail, f"pools.{name}.max_nodes", mend))
        return True
    return False


def _held(cluster: ClusterConfig, demand: Demand, kept: Room, found: Plan) -> bool:
    """Whether the least of a demand finds no room beside what the service never gives back, which is then told."""
    name = cluster.pool_of(demand.verb)
    if kept.copy().place([bundle for _ in range(demand.least) for bundle in demand.bundles]):
        return False
    most = kept.copy().place_units(demand.bundles, demand.least)
    wanted = f"{demand.least} {demand.unit}{'s' if demand.least != 1 else ''}"
    detail = f"{wanted} at least, {most} beside the service, which keeps its fewest replicas on {name} for ever"
    mend = f"give serve a pool of its own (verbs.serve), raise pools.{name}.max_nodes, or ask for less"
    found.never.append(Trouble(demand.name, detail, f"pools.{name}.max_nodes", mend))
    return True


def _uneven(share: float) -> bool:
    """Whether some of a GPU is left over when it is full of such shares."""
    return 0 < share < 1 and abs(round(1 / share) * share - 1) > 1e-3


def _grow(cluster: ClusterConfig, demand: Demand, room: Room, running: dict[int, int], found: Plan) -> None:
    """From the least to the most that there is room for; what waits is told."""
    name = cluster.pool_of(demand.verb)
    reason = f"pools.{name}.max_nodes"
    if not running[id(demand)]:
        detail = f"waits until others on {name} end"
        found.queues.append(Trouble(demand.name, detail, reason, f"raise {reason}, or run one after the other"))
        return
    allowed, limit = _allowed(cluster, demand)
    running[id(demand)] += room.place_units(demand.bundles, allowed - demand.least)
    now = running[id(demand)]
    if now < demand.most:
        reason = limit if now == allowed and limit else reason
        detail = f"{now} of {demand.most} {demand.unit}s at once"
        found.queues.append(Trouble(demand.name, detail, reason, f"raise {reason} for more at once"))


def _cost(
    cluster: ClusterConfig, least: Mapping[str, int], most: Mapping[str, int], prices: Mapping[str, float], found: Plan
) -> None:
    """Machines of every pool, their price, and whether the spending limit allows them."""
    for name, pool in cluster.pools.items():
        idle = pool.max_nodes - cluster.workers(name)[1]
        named = [prices[key] for key in (name, *pool.instances.values()) if key in prices]
        price = named[0] if named else pool.price_per_hour
        row: dict[str, Any] = {"name": name, "machine": _machine(cluster, name), "always": pool.min_nodes}
        row |= {"least": max(pool.min_nodes, least[name] + idle), "most": max(pool.min_nodes, most[name] + idle)}
        found.pools.append(row | {"allowed": pool.max_nodes, "price_per_hour": price})
    if any(row["price_per_hour"] is None for row in found.pools):
        return
    cost = {
        kind: round(sum(row["price_per_hour"] * row[kind] for row in found.pools), 4)
        for kind in ("always", "least", "most")
    }
    found.cost_per_hour, limit = cost, cluster.limits.spend_per_hour
    if limit is None or cost["most"] <= limit:
        return
    mend, reason = "raise limits.spend_per_hour, or ask for less", "limits.spend_per_hour"
    if cost["least"] > limit:
        found.never.append(Trouble("spend", f"{cost['least']:g} an hour at least, {limit:g} allowed", reason, mend))
    else:
        found.queues.append(Trouble("spend", f"{cost['most']:g} an hour at most, {limit:g} allowed", reason, mend))


def _say(resources: Mapping[str, float]) -> str:
    said = [f"{resources[name]:g} {name}" for name in ("CPU", "GPU") if resources.get(name)]
    memory = resources.get("memory")
    return ", ".join([*said, *([f"{memory / 1e9:g} GB"] if memory else [])]) or "nothing"
