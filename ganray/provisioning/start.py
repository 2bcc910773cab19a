"""The plain Ray commands that bring a cluster up."""

from ganray.config.cluster import ClusterConfig


def head_command(cluster: ClusterConfig) -> list[str]:
    """`ray start` for the head: a machine of the first pool that is always there. Ends with the process: `--block`."""
    pool = next(pool for pool in cluster.pools.values() if pool.min_nodes)
    return [
        "ray",
        "start",
        "--head",
        "--block",
        f"--num-cpus={int(pool.cpus)}",
        f"--num-gpus={pool.gpus}",
        f"--memory={int(pool.memory_gb * 1e9)}",
        f"--dashboard-host={cluster.security.dashboard_host}",
    ]


def environment(cluster: ClusterConfig) -> dict[str, str]:
    """What must be in the environment of whoever starts, joins or uses the cluster."""
    return {"RAY_AUTH_MODE": "token" if cluster.security.token else "disabled"}
