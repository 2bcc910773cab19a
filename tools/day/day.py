"""What is asked of a cluster through a day: a traffic curve, trainings and a sweep; and what became of it.

Listeners are those who hear a stream at one time. A replica keeps up with so many; Ray Serve is asked for as many
replicas as that makes, more after `upscale_delay_s` and fewer after `downscale_delay_s`. Trainings and trials wait in
line.
"""

import math
import random
from dataclasses import asdict, dataclass, field
from typing import Any

from machines import Machines, Unit, busy

from ganray.config.cluster import ClusterConfig
from ganray.config.serve import AutoscalingConfig
from ganray.provisioning.demands import Demand

TICK_S = 60.0
HOUR_S = 3600.0


@dataclass(frozen=True)
class Day:
    """A day's work.

    Attributes:
        peak: Most listeners at once, in the evening.
        a_replica: Listeners that one replica keeps up with.
        scaling: The service's, which may be short of replicas by `max_replicas`.
        replica: What one asks for.
        trial: What a trial of the sweep asks for.
        trials: How many, from `sweep_h` on; `at_once` at a time, each some `trial_h` long.
        training: What a training's worker asks for.
        trainings: (hour it is submitted, workers, hours it lasts).
    """

    peak: float
    a_replica: float
    scaling: AutoscalingConfig
    replica: Demand
    trial: Demand
    trials: int
    at_once: int
    sweep_h: float
    trial_h: float
    training: Demand
    trainings: tuple[tuple[float, int, float], ...]


@dataclass
class Seen:
    """Minute by minute, and in all.

    Attributes:
        waiting: Units without a place.
        beyond: Those of them for which the autoscaler starts no machine: their pool may have no more.
    """

    hours: list[float] = field(default_factory=list)
    listeners: list[float] = field(default_factory=list)
    room: list[float] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    machines: dict[str, list[int]] = field(default_factory=dict)
    working: dict[str, list[int]] = field(default_factory=dict)
    cost: list[float] = field(default_factory=list)
    waits_s: dict[str, list[float]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    beyond: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


def listeners(day: Day, hour: float, chance: random.Random) -> float:
    """Few at four in the morning, a bump at noon, the peak at eight in the evening; 5 % of noise."""
    base = 0.5 - 0.5 * math.cos((hour - 4) / 24 * 2 * math.pi)
    noon, evening = (math.exp(-(((hour - at) / width) ** 2)) for at, width in ((12, 1.5), (20, 2.0)))
    return day.peak * (0.05 + 0.4 * base + 0.15 * noon + 0.45 * evening) * chance.lognormvariate(0, 0.05)


def simulate(cluster: ClusterConfig, day: Day, boot_s: float = 180, seed: int = 0, hours: float = 24) -> Seen:
    """Live through a day.

    Args:
        cluster: Its pools, and which pool each verb runs on.
        day: What is asked.
        boot_s: From the autoscaler's decision to a machine that takes work.
        seed: Of the noise, and of how long each trial takes.
        hours: How long the day is.
    """
    chance, machines, seen = random.Random(seed), Machines(cluster, boot_s), Seen()
    trials = [chance.lognormvariate(math.log(day.trial_h), 0.3) * HOUR_S for _ in range(day.trials)]
    asked = sorted((hour, workers, lasts) for hour, workers, lasts in day.trainings)
    units: list[Unit] = []
    above_s = below_s = 0.0
    wanted = max(1, day.scaling.min_replicas)
    for minute in range(int(hours * HOUR_S / TICK_S)):
        now_s = minute * TICK_S
        for unit in [one for one in units if one.on and now_s >= one.began_s + one.lasts_s]:
            machines.end(unit, now_s)
            units.remove(unit)
            seen.ended[unit.kind] = seen.ended.get(unit.kind, 0) + 1
        while asked and asked[0][0] * HOUR_S <= now_s:
            _, workers, lasts = asked.pop(0)
            units.append(_unit("training", cluster, day.training, workers, now_s, lasts * HOUR_S))
        running = sum(one.kind == "trial" for one in units)
        while now_s >= day.sweep_h * HOUR_S and trials and running < day.at_once:
            units.append(_unit("trial", cluster, day.trial, 1, now_s, trials.pop(0)))
            running += 1
        here = listeners(day, now_s / HOUR_S, chance)
        right = min(max(math.ceil(here / day.a_replica), day.scaling.min_replicas), day.scaling.max_replicas)
        above_s = above_s + TICK_S if right > wanted else 0
        below_s = below_s + TICK_S if right < wanted else 0
        if above_s > day.scaling.upscale_delay_s or below_s > day.scaling.downscale_delay_s:
            wanted, above_s, below_s = right, 0, 0
        _replicas(units, cluster, day, wanted, machines, now_s)
        for unit in sorted((one for one in units if not one.on), key=lambda one: one.asked_s):
            if machines.place(unit, now_s):
                seen.waits_s.setdefault(unit.kind, []).append(now_s - unit.asked_s)
        seen.beyond.append(machines.scale([one for one in units if not one.on], now_s))
        _see(seen, cluster, day, units, machines, here, now_s)
    return seen


def _unit(kind: str, cluster: ClusterConfig, demand: Demand, count: int, now_s: float, lasts_s: float) -> Unit:
    bundles = [{k: n for k, n in one.items() if n} for one in demand.bundles] * count
    return Unit(kind, cluster.pool_of(demand.verb), bundles, now_s, lasts_s)


def _replicas(
    units: list[Unit], cluster: ClusterConfig, day: Day, wanted: int, machines: Machines, now_s: float
) -> None:
    """As many as Serve wants: those that still wait go first, then those on the emptiest machines."""
    there = [one for one in units if one.kind == "replica"]
    for _ in range(wanted - len(there)):
        units.append(_unit("replica", cluster, day.replica, 1, now_s, math.inf))
    there.sort(key=lambda one: -one.on[0][0].free["CPU"] if one.on else -math.inf)
    for unit in there[: max(0, len(there) - wanted)]:
        machines.end(unit, now_s)
        units.remove(unit)


def _see(
    seen: Seen, cluster: ClusterConfig, day: Day, units: list[Unit], machines: Machines, here: float, now_s: float
) -> None:
    seen.hours.append(now_s / HOUR_S)
    seen.listeners.append(here)
    seen.room.append(day.a_replica * sum(one.kind == "replica" and bool(one.on) for one in units))
    seen.waiting.append(sum(not one.on for one in units))
    cost = 0.0
    for pool, kind in cluster.pools.items():
        mine = [one for one in machines.all.values() if one.pool == pool or (one.head and pool == cluster.head_pool)]
        seen.machines.setdefault(pool, []).append(len(mine))
        seen.working.setdefault(pool, []).append(sum(busy(one) for one in mine))
        cost += len(mine) * (kind.price_per_hour or 0)
    seen.cost.append(cost)
