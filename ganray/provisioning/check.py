"""Does the running cluster match `cluster/ganray.yaml`? One line a check: ok, or what to do."""

import uuid
from pathlib import Path

import ray
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import network, pools, probe
from ganray.provisioning.ask import Check, ask, name_of
from ganray.provisioning.dashboard import HEAD, agents, dashboard
from ganray.provisioning.encryption import encryption


def check(cluster: ClusterConfig) -> list[Check]:
    """Compare the cluster that Ray is connected to with its config.

    Every node is asked: it runs a task of no CPU for each question, so a busy cluster answers too.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    address = ray.get_runtime_context().gcs_address
    return [
        Check("address", True, address),
        _nodes(cluster, nodes),
        *_pools(cluster, nodes),
        network.places(cluster, nodes),
        *_packages(cluster, nodes),
        _storage(cluster, nodes),
        network.clocks(nodes),
        network.interfaces(nodes),
        network.ports(nodes),
        encryption(cluster, nodes, address),
        *dashboard(cluster, nodes),
        *agents(cluster, nodes),
    ]


def _nodes(cluster: ClusterConfig, nodes: list[dict]) -> Check:
    low = sum(pool.min_nodes for pool in cluster.pools.values())
    high = sum(pool.max_nodes for pool in cluster.pools.values())
    wanted = str(low) if low == high else f"{low} to {high}"
    mend = "start the missing machines" if len(nodes) < low else "raise max_nodes, or stop machines"
    return Check("nodes", low <= len(nodes) <= high, f"{len(nodes)} alive, {wanted} wanted", mend)


def _pools(cluster: ClusterConfig, nodes: list[dict]) -> list[Check]:
    """Whether enough machines of each kind are there; a machine counts for one pool, the largest kinds choose first.

    A machine with a pool's label counts for that pool alone. A head that runs no work counts as it is.
    """
    checks, free = {}, list(nodes)
    for name, pool in sorted(cluster.pools.items(), key=lambda item: (-item[1].gpus, -item[1].cpus)):
        wanted = {"CPU": pool.cpus, "GPU": pool.gpus, "memory": pool.memory_gb * 1e9}
        fitting = [
            node
            for node in free
            if node.get("Labels", {}).get(pools.LABEL, name) == name
            and (
                all(node["Resources"].get(key, 0) >= n for key, n in wanted.items())
                or (name == cluster.head_pool and not cluster.head_works and HEAD in node["Resources"])
            )
        ]
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
    names = list(dict.fromkeys(["python", "ray", "ganray", *cluster.packages]))
    found = {name_of(node): ask(node, probe.versions, names) for node in nodes}
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
        name_of(node): why for node in nodes if (why := ask(node, probe.write, folder, files[node["NodeID"]], token))
    }
    mend = "make it writable from every machine, or change storage"
    if broken:
        return Check("storage", False, "; ".join(f"{node} cannot write: {why}" for node, why in broken.items()), mend)
    blind = {
        name_of(reader)
        for reader in nodes
        if any(ask(reader, probe.read, folder, file) != token for file in files.values())
    }
    for node in nodes:
        ask(node, probe.remove, folder, files[node["NodeID"]])
    if blind:
        detail = f"{', '.join(sorted(blind))} cannot read what others wrote to {folder}"
        return Check("storage", False, detail, "use storage that all machines share")
    return Check("storage", True, f"{folder} is written and read by {len(nodes)} node{'s' if len(nodes) != 1 else ''}")
