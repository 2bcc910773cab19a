"""Does the running cluster match `cluster/ganray.yaml`? One line a check: ok, or what to do."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import probe
from ganray.provisioning.connect import dashboard_url

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


def check(cluster: ClusterConfig) -> list[Check]:
    """Compare the cluster that Ray is connected to with its config.

    Every node is asked: it runs a task of no CPU for each question, so a busy cluster answers too.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    checks = [_nodes(cluster, nodes), *_pools(cluster, nodes)]
    checks += _packages(cluster, nodes)
    checks.append(_storage(cluster, nodes))
    checks += _security(cluster, nodes)
    return checks


def _ask(node: dict[str, Any], question: Callable, *arguments: Any) -> Any:
    """The answer of a node."""
    there = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
    task = ray.remote(question).options(num_cpus=0, scheduling_strategy=there)
    return ray.get(task.remote(*arguments), timeout=_TIMEOUT_S)


def _name(node: dict[str, Any]) -> str:
    """Host and node: several nodes may share a host."""
    return f"{node.get('NodeManagerHostname') or node['NodeManagerAddress']}/{node['NodeID'][:6]}"


def _nodes(cluster: ClusterConfig, nodes: list[dict]) -> Check:
    low = sum(pool.min_nodes for pool in cluster.pools.values())
    high = sum(pool.max_nodes for pool in cluster.pools.values())
    wanted = str(low) if low == high else f"{low} to {high}"
    mend = "start the missing machines" if len(nodes) < low else "raise max_nodes, or stop machines"
    return Check("nodes", low <= len(nodes) <= high, f"{len(nodes)} alive, {wanted} wanted", mend)


def _pools(cluster: ClusterConfig, nodes: list[dict]) -> list[Check]:
    """Whether enough machines of each kind are there; a machine counts for one pool, the largest kinds choose first."""
    checks, free = {}, list(nodes)
    for name, pool in sorted(cluster.pools.items(), key=lambda item: (-item[1].gpus, -item[1].cpus)):
        wanted = {"CPU": pool.cpus, "GPU": pool.gpus, "memory": pool.memory_gb * 1e9}
        fitting = [node for node in free if all(node["Resources"].get(key, 0) >= n for key, n in wanted.items())]
        taken = fitting[: pool.max_nodes]
        free = [node for node in free if node not in taken]
        shape = f"{pool.cpus:g} CPU, {pool.gpus} GPU, {pool.memory_gb:g} GB"
        detail = f"{len(taken)} of {pool.min_nodes} or more machines with {shape}"
        if len(taken) < pool.min_nodes and free:
            largest = max(free, key=lambda node: node["Resources"].get("CPU", 0))["Resources"]
            detail += (
                f"; the largest other one has {largest.get('CPU', 0):g} CPU, {largest.get('GPU', 0):g} GPU, "
                f"{largest.get('memory', 0) / 1e9:.1f} GB"
            )
        mend = f"start more, or make pools.{name} what the machines are"
        checks[name] = Check(f"pool {name}", len(taken) >= pool.min_nodes, detail, mend)
    return [checks[name] for name in cluster.pools]


def _packages(cluster: ClusterConfig, nodes: list[dict]) -> list[Check]:
    """Wanted versions, and the same ones everywhere."""
    names = list(dict.fromkeys(["python", "ray", *cluster.packages]))
    found = {_name(node): _ask(node, probe.versions, names) for node in nodes}
    checks = []
    for name in names:
        there = {node: versions[name] for node, versions in found.items()}
        wanted = cluster.packages.get(name, "")
        bad = {node: version or "none" for node, version in there.items() if not _within(version, wanted)}
        differ = len(set(there.values())) > 1
        detail = ", ".join(f"{version or 'none'} on {node}" for node, version in there.items())
        if not bad and not differ:
            detail = f"{next(iter(there.values()), '')} on {len(there)} node{'s' if len(there) != 1 else ''}"
        mend = f"install {name}{wanted} on {', '.join(bad)}" if bad else f"install one {name} everywhere"
        checks.append(Check(f"package {name}", not bad and not differ, detail, mend))
    return checks


def _within(version: str, wanted: str) -> bool:
    try:
        return bool(version) and SpecifierSet(wanted).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _storage(cluster: ClusterConfig, nodes: list[dict]) -> Check:
    """Every node writes a file that every node must then read."""
    folder = cluster.storage if "://" in cluster.storage else str(Path(cluster.storage).resolve())
    token = uuid.uuid4().hex
    files = {node["NodeID"]: f".ganray-check-{token}-{i}" for i, node in enumerate(nodes)}
    broken = {
        _name(node): why for node in nodes if (why := _ask(node, probe.write, folder, files[node["NodeID"]], token))
    }
    mend = "make it writable from every machine, or change storage"
    if broken:
        return Check("storage", False, "; ".join(f"{node} cannot write: {why}" for node, why in broken.items()), mend)
    blind = {
        _name(reader)
        for reader in nodes
        if any(_ask(reader, probe.read, folder, file) != token for file in files.values())
    }
    for node in nodes:
        _ask(node, probe.remove, folder, files[node["NodeID"]])
    if blind:
        detail = f"{', '.join(sorted(blind))} cannot read what others wrote to {folder}"
        return Check("storage", False, detail, "use storage that all machines share")
    return Check("storage", True, f"{folder} is written and read by {len(nodes)} node{'s' if len(nodes) != 1 else ''}")


def _security(cluster: ClusterConfig, nodes: list[dict]) -> list[Check]:
    """The dashboard, from where the job server is reached: where it listens, and whether it asks for a token."""
    url = dashboard_url()
    if not url:
        return [Check("dashboard", True, "off: no jobs can be submitted")]
    listens, wanted = urlsplit(url).hostname or "", cluster.security.dashboard_host
    loopback = listens in ("127.0.0.1", "localhost", "::1")
    checks = [
        Check(
            "dashboard",
            loopback or listens == wanted or wanted == "0.0.0.0",
            f"listens on {listens}",
            f"start the head with --dashboard-host {wanted}",
        )
    ]
    head = next((node for node in nodes if "node:__internal_head__" in node["Resources"]), None)
    if cluster.security.token and head:
        status = _ask(head, probe.knock, f"{url}/api/jobs/")
        refused = status in (401, 403)
        detail = f"a request without a token gets {status or 'no answer'}"
        mend = "start the head with RAY_AUTH_MODE=token, after `ray get-auth-token --generate`"
        checks.append(Check("token", refused, detail, mend))
    return checks
