"""A real Ray cluster of three pools with faked sizes, which says what it places: JSON lines in, JSON lines out.

Reads one line of {pool: {resources, count}}, then for every line of [[pool, bundles], …] answers [placed, …]: each
group is asked for while the ones before it are held, and all are given back at the end of the line.
"""

import json
import sys
import time

import ray
from ray.cluster_utils import Cluster
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

from ganray.provisioning import pools

_REFUSED = ("NO_RESOURCES", "INFEASIBLE")


def main() -> None:
    """Until stdin ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # Ray prints
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for pool, kind in json.loads(sys.stdin.readline()).items():
        for _ in range(kind["count"]):
            size = kind["resources"]
            cluster.add_node(
                num_cpus=size["CPU"], num_gpus=size["GPU"], memory=size["memory"], labels={pools.LABEL: pool},
                resources={pools.resource(pool): pools.PLENTY}, object_store_memory=80_000_000,
            )  # fmt: skip
    cluster.connect()
    whole = ray.cluster_resources()
    print(json.dumps(len(cluster.list_all_nodes())), file=answers, flush=True)
    for line in sys.stdin:
        groups = []
        told = [_placed(pool, bundles, groups) for pool, bundles in json.loads(line)]
        for group in groups:
            remove_placement_group(group)
        _wait_until_free(whole)
        print(json.dumps(told), file=answers, flush=True)
    ray.shutdown()
    cluster.shutdown()


def _placed(pool: str, bundles: list, groups: list) -> bool:
    bundles = [{k: n for k, n in one.items() if n} | {pools.resource(pool): 1e-3} for one in bundles]
    group = placement_group(bundles, bundle_label_selector=[{pools.LABEL: pool}] * len(bundles))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        seen = placement_group_table(group)
        if seen["state"] == "CREATED":
            groups.append(group)
            return True
        if seen["stats"]["scheduling_state"] in _REFUSED:  # Ray looked, and there is no room
            remove_placement_group(group)
            return False
        time.sleep(0.005)
    raise TimeoutError(f"Ray says neither yes nor no: {seen}")


def _wait_until_free(whole: dict[str, float]) -> None:
    until = time.monotonic() + 60
    while any(ray.available_resources().get(key, 0) < amount for key, amount in whole.items() if "node:" not in key):
        if time.monotonic() > until:
            raise TimeoutError("what was given back is not free")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
