"""What a sweep of hundreds of trials costs its driver: memory, seconds a trial, and whether the table stays live.

python tools/many_trials.py DATASET [--trials 500] [--nodes 16] [--cpus 32] [--at-once 24]

The cluster's nodes are real Ray nodes on this machine, their cores are not; a trial is a process that holds a placement
group as a nested training would, and reports ten scores of no network. Prints a line every ten seconds, and JSON
at the end; `--nodes 64` needs 15 GB for the nodes alone.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from ganray.training import TrainResult
from ganray.tuning import tune
from ganray.tuning.board import Board

ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
STEPS, SECONDS = 10, 0.3
"""Reports of a trial, and what lies between two."""


def surrogate(run: Any, dataset: str, *, storage: str, name: str, callbacks: list, quiet: bool) -> TrainResult:
    """What a training is to Tune."""
    from ray import tune as ray_tune
    from ray.util.placement_group import placement_group, remove_placement_group

    group = placement_group([{"CPU": run.resources.cpus_per_worker}] * run.resources.max_workers)
    group.wait(600)
    started = time.monotonic()
    away = abs(run.optim.generator.lr / 1e-3 - 1) + abs(run.objective.adversarial.lambda_mse - 1)
    for step in range(1, STEPS + 1):
        time.sleep(SECONDS)
        ray_tune.report({"step": step * run.schedule.max_steps // STEPS, "val/mel": away + 1 / step})
    remove_placement_group(group)
    return TrainResult("", run.schedule.max_steps, "finished", None, 0.0, time.monotonic() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--nodes", type=int, default=16)
    parser.add_argument("--cpus", type=int, default=32)
    parser.add_argument("--at-once", type=int, default=24)
    given = parser.parse_args()
    begun = time.monotonic()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(given.nodes):
        cluster.add_node(num_cpus=given.cpus, object_store_memory=80_000_000, memory=64 * 10**9, wait=False)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    print(f"{given.nodes} nodes after {time.monotonic() - begun:.0f} s", flush=True)
    watched = Watch()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as storage, watched:
        result = tune(
            Path(__file__).parent.parent / "tune_configs" / "smoke.yaml",
            given.dataset,
            storage=storage,
            overrides=[f"samples={given.trials}", f"concurrency={given.at_once}",
                       "scheduler={type: fifo}", "resources={num_workers: 4, cpus_per_worker: 4}"],
            address="auto",
            quiet=True,
            trainer=surrogate,
        )  # fmt: skip
        took = time.monotonic() - begun
        size = (Path(result.document["sweep"]) / "sweep.json").stat().st_size
    statuses = [row.status for row in result.board.rows]
    print(
        json.dumps(
            {
                "nodes": given.nodes,
                "trials": given.trials,
                "at_once": given.at_once,
                "seconds": round(took, 1),
                "seconds_per_trial": round(took / given.trials, 3),
                "statuses": {status: statuses.count(status) for status in dict.fromkeys(statuses)},
                "driver_mb": {"at_first": watched.memory[0], "at_last": watched.memory[-1]},
                "table_at_most_ms": round(1e3 * max(watched.table), 1),
                "sweep_json_kb": size // 1000,
            }
        )
    )


class Watch:
    """Looks at this process and at a table of the trials while the sweep runs."""

    def __init__(self) -> None:
        self.memory: list[int] = []
        self.table: list[float] = []
        self._ended = threading.Event()
        self._boards: list[Board] = []
        original = Board.__init__

        def remembered(board: Board, *given: Any) -> None:
            original(board, *given)
            self._boards.append(board)

        Board.__init__ = remembered  # type: ignore[method-assign]

    def __enter__(self) -> "Watch":
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _look(self) -> None:
        from ganray.tuning.view import text

        while not self._ended.wait(10):
            status = Path("/proc/self/status").read_text()
            self.memory.append(int(status.split("VmRSS:")[1].split()[0]) // 1000)
            if not self._boards:
                continue
            begun = time.perf_counter()
            text(self._boards[0], most=40)
            self.table.append(time.perf_counter() - begun)
            ended = sum(row.status not in ("waiting", "running") for row in self._boards[0].rows)
            print(f"{ended} trials ended, driver {self.memory[-1]} MB, table {1e3 * self.table[-1]:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
