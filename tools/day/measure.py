"""A day of autoscaling on hundreds of machines that are not there: utilisation, queueing, cost. Nothing is started.

The machines are cluster/ganray.yaml's with larger pools; what starts and what goes is decided by Ray's own autoscaler,
which reads what `ganray cluster render` writes for Amazon. Traffic, trainings and a sweep are made up (see Day).

Example:
    .venv/bin/python tools/day/measure.py --out day.json --plot docs/day.svg
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import day as days

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.config.run import ResourcesConfig
from ganray.config.serve import AutoscalingConfig, ServeConfig
from ganray.config.sweep import SweepConfig
from ganray.provisioning import demands

ROOT = Path(__file__).resolve().parents[2]
LARGE = {"trainers": 240, "servers": 120}
"""Machines that the pools may have at most."""
CASES = ((2, 240), (10, 240), (30, 240), (10, 100))
"""Idle minutes until a machine goes, and trainers there may be."""


def main() -> None:
    """Live through the day with several idle times, and say what each came to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boot", type=float, default=180, help="Seconds until a machine takes work.")
    parser.add_argument("--out", type=Path, help="Write every minute here, as JSON.")
    parser.add_argument("--plot", type=Path, help="Draw the last day here.")
    told = parser.parse_args()
    rows, seen = [], []
    for idle, trainers in CASES:
        began, cluster = time.monotonic(), large(idle, LARGE | {"trainers": trainers})
        seen.append(days.simulate(cluster, busy_day(), told.boot))
        row = {"idle_minutes": idle, "most_trainers": trainers, **table(seen[-1], cluster)}
        rows.append(row | {"computed_s": round(time.monotonic() - began, 1)})
        print("  ".join(f"{key} {value:.4g}" for key, value in rows[-1].items()), flush=True)
    if told.out:
        told.out.write_text(json.dumps({"table": rows, "minutes": [one.as_json() for one in seen]}))
    if told.plot:
        plot(seen[-1], told.plot)


def large(idle_minutes: float, most: dict[str, int] = LARGE) -> ClusterConfig:
    """cluster/ganray.yaml with larger pools, whose machines go after so many idle minutes."""
    document = load(ClusterConfig, ROOT / "cluster" / "ganray.yaml", rules=cluster_rules).model_dump(mode="json")
    for name, count in most.items():
        document["pools"][name] |= {"max_nodes": count, "idle_minutes": idle_minutes, "hosts": []}
    document["limits"] = {}
    document["providers"]["rack"] = None
    return load(ClusterConfig, document, rules=cluster_rules)


def busy_day() -> days.Day:
    """400 trials and two trainings by day, and up to 5,000 listeners."""
    service = ServeConfig.model_validate({"voices": {"a": "a"}, "replica": {"threads": 2}})
    scaling = AutoscalingConfig(min_replicas=4, max_replicas=480, upscale_delay_s=30, downscale_delay_s=600)
    worker = ResourcesConfig.model_validate({"num_workers": 1, "gpus_per_worker": 1, "cpus_per_worker": 6})
    sweep = {"name": "sweep", "recipe": "r", "space": {"seed": {"choice": [1]}}, "samples": 400, "budget": {"steps": 1}}
    return days.Day(
        peak=5000, a_replica=16, scaling=scaling, replica=demands.of_service(service)[0],
        trial=demands.of_sweep(SweepConfig.model_validate(sweep), worker), trials=400, at_once=200,
        sweep_h=9, trial_h=0.75, training=demands.of_training("training", worker),
        trainings=((6, 16, 8), (14, 32, 4)),
    )  # fmt: skip


def table(seen: days.Seen, cluster: ClusterConfig) -> dict[str, Any]:
    """What a day came to."""
    short = [max(0.0, one - room) for one, room in zip(seen.listeners, seen.room, strict=True)]
    found: dict[str, Any] = {
        "most_machines": max(map(sum, zip(*seen.machines.values(), strict=True))),
        "cost": sum(seen.cost) / 60,
        "always_on_cost": 24 * sum(pool.max_nodes * (pool.price_per_hour or 0) for pool in cluster.pools.values()),
    }
    for pool in LARGE:
        paid = sum(seen.machines[pool])
        found[f"{pool}_busy_percent"] = 100 * sum(seen.working[pool]) / paid if paid else 0
    for kind in ("trial", "training"):
        waits = seen.waits_s.get(kind, [0])
        found |= {f"{kind}_waits_median_s": statistics.median(waits), f"{kind}_waits_most_s": max(waits)}
    return found | {
        "trials_ended": seen.ended.get("trial", 0),
        "listeners_without_room_percent": 100 * sum(short) / sum(seen.listeners),
    }


def plot(seen: days.Seen, path: Path) -> None:
    """Listeners and room, machines by pool with those that work, what waits, cost an hour."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 1, figsize=(8, 9), sharex=True, layout="constrained")
    hours, some = seen.hours[::5], slice(None, None, 5)  # five minutes are enough to see
    axes[0].plot(hours, seen.listeners[some], lw=0.8, label="listeners")
    axes[0].plot(hours, seen.room[some], lw=0.8, label="that running replicas keep up with")
    for pool in LARGE:
        (line,) = axes[1].plot(hours, seen.machines[pool][some], lw=0.8, label=f"{pool}, paid")
        axes[1].fill_between(
            hours, seen.working[pool][some], alpha=0.3, color=line.get_color(), label=f"{pool}, working"
        )
    axes[2].plot(hours, seen.waiting[some], lw=0.8, label="waiting: trials, trainings, replicas")
    axes[3].plot(hours, seen.cost[some], lw=0.8, label="USD an hour")
    for axis in axes:
        axis.legend(fontsize=8, loc="upper left")
        axis.grid(alpha=0.3)
    axes[3].set(xlabel="hour", xlim=(0, 24), xticks=range(0, 25, 3))
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
