"""The plain Ray commands that bring a cluster up. Rendering and `ganray cluster check` share them."""

import json
import shlex
from collections.abc import Mapping

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import pools

PORT = 6379
"""Where the head is found."""
LOST_NODE = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "5",
}
"""What the head's environment says of nodes that do not answer: lost after 5 s where their machine still refuses
connections, 20 s where nothing comes back. Ray's own values (3 s, 10 s, 5) make that 15 and 65 s."""


STOP_WAIT = {"RAY_JOB_STOP_WAIT_TIME_S": "60"}
"""What the head's environment says of `ray job stop`: so long may a training take to write its checkpoint; without
it Ray kills after 3 s."""


def head_command(cluster: ClusterConfig) -> list[str]:
    """`ray start` for the head. Ends with the process: `--block`."""
    return [
        "ray",
        "start",
        "--head",
        "--block",
        *resources(cluster, cluster.head_pool, works=cluster.head_works),
        f"--dashboard-host={cluster.security.dashboard_host}",
        *common(cluster, cluster.head_pool),
    ]


def worker_command(cluster: ClusterConfig, pool: str, head: str) -> list[str]:
    """`ray start` for a machine of a pool that joins the head at `HOST:PORT`."""
    start = ["ray", "start", f"--address={head}", "--block"]
    return [*start, *resources(cluster, pool), *common(cluster, pool)]


def resources(cluster: ClusterConfig, pool: str, works: bool = True) -> list[str]:
    """What Ray may hand out of a machine; nothing of one that runs no work."""
    kind = cluster.pools[pool]
    cpus, gpus = (int(kind.cpus), kind.gpus) if works else (0, 0)
    return [f"--num-cpus={cpus}", f"--num-gpus={gpus}", f"--memory={int(kind.memory_gb * 1e9)}"]


def common(cluster: ClusterConfig, pool: str) -> list[str]:
    """What every machine is started with."""
    port = f"--metrics-export-port={cluster.observability.metrics_port}"
    if len(cluster.pools) == 1:
        return [port]
    labels = ",".join(f"{key}={value}" for key, value in pools.labels(cluster, pool).items())
    mark = json.dumps({pools.resource(pool): pools.PLENTY}, separators=(",", ":"))
    return [port, f"--labels={labels}", f"--resources={mark}"]


def assignments(variables: Mapping[str, str]) -> list[str]:
    """`KEY=value` as bash reads it; a `~/` in front stays the home of whoever reads."""
    home = "~/"
    return [
        f"{key}={home}{shlex.quote(value[2:])}" if value.startswith(home) else f"{key}={shlex.quote(value)}"
        for key, value in variables.items()
    ]


def head_environment(cluster: ClusterConfig) -> dict[str, str]:
    """What must be in the environment of whoever starts the head."""
    found = environment(cluster)
    if cluster.head.redis:
        found |= {"RAY_REDIS_ADDRESS": cluster.head.redis, "RAY_external_storage_namespace": cluster.name}
    return found


def environment(cluster: ClusterConfig) -> dict[str, str]:
    """What must be in the environment of whoever starts, joins or uses the cluster."""
    found = {"RAY_AUTH_MODE": "token" if cluster.security.token else "disabled"} | STOP_WAIT
    if sum(pool.max_nodes for pool in cluster.pools.values()) > 1:
        found |= LOST_NODE
    assigned = pools.assignment(cluster)
    if assigned:
        found[pools.VARIABLE] = assigned
    if cluster.security.tls:
        folder = cluster.security.tls_dir.rstrip("/")
        files = {"SERVER_CERT": "node.crt", "SERVER_KEY": "node.key", "CA_CERT": "ca.crt"}
        found |= {"RAY_USE_TLS": "1"} | {f"RAY_TLS_{key}": f"{folder}/{file}" for key, file in files.items()}
    if cluster.providers.rack and cluster.providers.rack.interface:
        interface = cluster.providers.rack.interface
        found |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
    if cluster.observability.prometheus:
        found["RAY_PROMETHEUS_HOST"] = cluster.observability.prometheus
    if cluster.observability.grafana:
        found["RAY_GRAFANA_HOST"] = cluster.observability.grafana
    return found
