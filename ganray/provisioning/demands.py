"""What a training, a sweep and a service ask of the cluster, at least and at most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganray.config.machines import Verb
from ganray.config.run import ResourcesConfig
from ganray.config.serve import ServeConfig
from ganray.config.sweep import SweepConfig

Bundle = Mapping[str, float]
TRIAL_MEMORY = 0.5e9
"""Bytes that Tune books for a trial's driver, besides its workers."""


@dataclass(frozen=True)
class Demand:
    """So many units, each a few bundles that are placed together or not at all.

    Attributes:
        name: What it is for.
        verb: Whose pool it goes to.
        unit: What one unit is called.
        bundles: Resources of the parts of one unit; a part is never split over machines.
        least: Units without which it does not start.
        most: Units it would like to have.
        held: Units that it never gives back, however long others wait: a service's fewest replicas.
    """

    name: str
    verb: Verb
    unit: str
    bundles: Sequence[Bundle]
    least: int
    most: int
    held: int = 0

    def total(self, resource: str) -> float:
        """Of one unit, over all its bundles."""
        return sum(bundle.get(resource, 0) for bundle in self.bundles)


def of_training(name: str, resources: ResourcesConfig) -> Demand:
    """A training: workers, between the fewest and the most that it may have."""
    fewest = resources.num_workers if isinstance(resources.num_workers, int) else resources.num_workers[0]
    return Demand(name, "train", "worker", [_worker(resources)], fewest, resources.max_workers)


def of_sweep(sweep: SweepConfig, resources: ResourcesConfig) -> Demand:
    """A sweep: trials, each a whole training of the fewest workers it runs with; at least one at a time."""
    resources = sweep.resources or resources
    fewest = resources.num_workers if isinstance(resources.num_workers, int) else resources.num_workers[0]
    bundles = [{"memory": TRIAL_MEMORY}, *[_worker(resources)] * fewest]
    most = min(sweep.num_trials, sweep.concurrency or sweep.num_trials)
    return Demand(sweep.name, "tune", "trial", bundles, 1, most)


def of_service(config: ServeConfig) -> list[Demand]:
    """A service: replicas of the generator, and the HTTP front where it books cores."""
    replica = {"CPU": float(config.replica.threads), "GPU": config.replica.gpus}
    scaling = config.autoscaling
    bounds = {"replicas": (scaling.min_replicas, scaling.max_replicas)} if config.shares else {}
    bounds |= {f"replicas of {name}": (own.min_replicas, own.max_replicas) for name, own in scaling.voices.items()}
    found = [
        Demand(name, "serve", "replica", [replica], max(1, fewest), most, held=fewest)
        for name, (fewest, most) in bounds.items()
    ]
    if config.ingress.cpus:
        fronts, front = config.ingress.replicas, [{"CPU": config.ingress.cpus}]
        found.append(Demand("http front", "serve", "replica", front, fronts, fronts, held=fronts))
    return found


def _worker(resources: ResourcesConfig) -> dict[str, float]:
    return {"CPU": resources.cpus_per_worker, "GPU": resources.gpus_per_worker}
