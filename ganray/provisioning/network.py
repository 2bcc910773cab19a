"""Whether the machines can work together: clocks, interfaces, ports, and a place for every verb."""

import time
from typing import Any

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import pools, probe
from ganray.provisioning.ask import Check, ask, name_of

SKEW_S = 2.0
"""Clocks further apart than this make logs, tokens and storage's own times misleading."""


def clocks(nodes: list[dict[str, Any]]) -> Check:
    """Every machine's clock against this one's, each asked three times: the quickest answer is the truest."""
    apart = {}
    for node in nodes:
        answers = []
        for _ in range(3):
            before = time.time()
            there = ask(node, probe.clock)
            after = time.time()
            answers.append((after - before, there - (before + after) / 2))
        taken, skew = min(answers)
        apart[name_of(node)] = max(0.0, abs(skew) - taken / 2)
    name, worst = max(apart.items(), key=lambda item: item[1], default=("", 0.0))
    detail = f"at most {worst:.1f} s apart" + (f" ({name})" if worst > SKEW_S else "")
    return Check("clocks", worst <= SKEW_S, detail, "run an NTP service (chrony) on every machine")


def interfaces(nodes: list[dict[str, Any]]) -> Check:
    """Whether gloo and NCCL will take the interface that the machines see each other by."""
    addresses = {node["NodeManagerAddress"] for node in nodes}
    if len(addresses) < 2:
        return Check("interface", True, "one machine: nothing to choose")
    wrong, names = [], set()
    for node in nodes:
        found = ask(node, probe.interface, node["NodeManagerAddress"])
        names.add(found["name"])
        chosen = {found["gloo"], found["nccl"]} - {""}
        if chosen - {found["name"]}:
            wrong.append(f"{name_of(node)} is told {', '.join(sorted(chosen))}, its address is on {found['name']}")
        elif not found["gloo"] and found["resolves"].startswith("127."):
            wrong.append(f"{name_of(node)} resolves its own name to {found['resolves']}: gloo would listen there")
    there = "/".join(sorted(names - {""})) or "INTERFACE"
    mend = f"export GLOO_SOCKET_IFNAME={there} NCCL_SOCKET_IFNAME={there} before `ray start` (providers.rack.interface)"
    return Check("interface", not wrong, "; ".join(wrong) or f"{there} on {len(nodes)} nodes", mend)


def ports(nodes: list[dict[str, Any]]) -> Check:
    """Whether every machine reaches every other's node and object managers."""
    wanted = [
        (node["NodeManagerAddress"], int(node[kind]))
        for node in nodes
        for kind in ("NodeManagerPort", "ObjectManagerPort")
        if node.get(kind)
    ]
    closed = {f"{name_of(node)} to {at}" for node in nodes for at in ask(node, probe.closed_ports, wanted)}
    detail = f"closed: {', '.join(sorted(closed)[:8])}" if closed else f"{len(wanted)} open between {len(nodes)} nodes"
    return Check("ports", not closed, detail, "let the machines reach each other on every TCP port; nobody else")


def places(cluster: ClusterConfig, nodes: list[dict[str, Any]]) -> Check:
    """Whether each verb's pool has a machine that takes work, or may get one."""
    lost, several = [], len(cluster.pools) > 1
    for verb in pools.VERBS:
        name = cluster.pool_of(verb)
        there = [node for node in nodes if not several or node.get("Labels", {}).get(pools.LABEL) == name]
        if not any(node["Resources"].get("CPU", 0) >= 1 for node in there) and cluster.pools[name].min_nodes:
            lost.append(f"{verb} on {name}")
    detail = f"no machine for {', '.join(lost)}" if lost else "every verb has a machine, or one that starts for it"
    mend = "start machines with the labels of `ganray cluster render`, or change verbs"
    return Check("placement", not lost, detail, mend)
