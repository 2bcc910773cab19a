"""`ganray cluster`: the one cluster config, and the cluster that should match it."""

from pathlib import Path

import click

from ganray.cli.options import emit, json_option
from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.errors import GanrayError, Problem

DEFAULT = Path("cluster/ganray.yaml")


@click.group("cluster")
def group() -> None:
    """Describe your machines once, and see whether they are as described.

    \b
    Example:
      ganray cluster check
      ganray cluster check cluster/ganray.yaml --address auto
    """


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--address", help="Compare with the cluster that runs there: HOST:PORT, or auto for this machine's.")
@json_option
def check(file: Path, address: str | None, as_json: bool) -> None:
    """Check FILE (cluster/ganray.yaml by default), and with --address the cluster that runs.

    \b
    Example:
      ganray cluster check
      ganray cluster check cluster/ganray.yaml --address auto --json
    """
    cluster = load(ClusterConfig, file, rules=cluster_rules)
    document = {"cluster": cluster.name, "config": cluster.model_dump(mode="json"), "checks": []}
    if address is None:
        emit(document, _summary(cluster, file), as_json)
        return
    checks = _look(cluster, address)
    failed = [one for one in checks if not one["ok"]]
    if failed:
        problems = [Problem(one["name"], one["ok"], one["detail"], one["mend"]) for one in failed]
        count = f"{len(failed)} of {len(checks)} checks"
        raise GanrayError(f"{count} failed: the cluster at {address} is not what {file} says", problems=problems)
    lines = [f"{one['name']:<20} {one['detail']}" for one in checks]
    emit(document | {"checks": checks}, "\n".join([*lines, f"{cluster.name}: {len(checks)} checks passed"]), as_json)


def _look(cluster: ClusterConfig, address: str) -> list[dict]:
    """The checks of a running cluster, as documents."""
    from dataclasses import asdict

    import ray

    from ganray.provisioning.check import check as compare
    from ganray.provisioning.connect import connect

    ours = connect(address)
    try:
        return [asdict(one) for one in compare(cluster)]
    finally:
        if ours:
            ray.shutdown()


def _summary(cluster: ClusterConfig, file: Path) -> str:
    from ganray.provisioning.start import environment, head_command

    pools = [
        f"  {name:<12} {pool.min_nodes} to {pool.max_nodes} × {pool.cpus:g} CPU, {pool.gpus} GPU, {pool.memory_gb:g} GB"
        for name, pool in cluster.pools.items()
    ]
    setting = " ".join(f"{key}={value}" for key, value in environment(cluster).items())
    return "\n".join(
        [
            f"{file}: no problem",
            f"{cluster.name}, storage {cluster.storage}",
            *pools,
            "start its head, then compare:",
            f"  {setting} {' '.join(head_command(cluster))}",
            f"  ganray cluster check {file} --address auto",
        ]
    )
