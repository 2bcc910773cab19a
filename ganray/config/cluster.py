"""`ClusterConfig`: which machines there are, where things are kept, and which pool of machines each verb runs on."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from ganray.config.schema import Schema
from ganray.errors import Problem

Verb = Literal["prepare", "train", "tune", "evaluate", "serve"]
PoolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class PoolConfig(Schema):
    """Machines of one kind."""

    cpus: float = Field(gt=0, examples=[1])
    """CPU cores of each machine."""
    memory_gb: float = Field(gt=0, examples=[1])
    """Memory of each machine, in 10^9 bytes, that Ray may hand out."""
    gpus: int = Field(0, ge=0)
    """GPUs of each machine."""
    min_nodes: int = Field(1, ge=0)
    """Machines that are always there."""
    max_nodes: int = Field(1, ge=1)
    """Machines there may be at most."""


class SecurityConfig(Schema):
    """Who may use the cluster. A Ray cluster runs any code of whoever reaches it."""

    token: bool = True
    """Every request to the cluster carries Ray's token (RAY_AUTH_MODE=token)."""
    dashboard_host: str = Field("127.0.0.1", min_length=1)
    """Address that the dashboard and the job server listen on; loopback unless a network policy guards it."""


class ClusterConfig(Schema):
    """Which machines there are, where things are kept, and which pool of machines each verb runs on."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", examples=["my-cluster"])
    """Name of the cluster."""
    storage: str = Field(min_length=1, examples=["runs"])
    """Folder or URI where runs and sweeps are kept, seen from every machine under the same name."""
    packages: dict[str, str] = Field(default_factory=lambda: {"ganray": ""})
    """What must be installed on every machine, with versions as pip writes them; `python` is one of them."""
    pools: dict[PoolName, PoolConfig] = Field(min_length=1, examples=[{"machine": {"cpus": 1, "memory_gb": 1}}])
    """Machines by kind."""
    verbs: dict[Verb, PoolName] = Field(default_factory=dict)
    """Pool that each verb runs on; the first pool unless it is named here."""
    security: SecurityConfig = SecurityConfig()
    """Who may use the cluster."""

    @field_validator("packages")
    @classmethod
    def _are_version_specifiers(cls, packages: dict[str, str]) -> dict[str, str]:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        for name, versions in packages.items():
            try:
                SpecifierSet(versions)
            except InvalidSpecifier as error:
                raise ValueError(f"{name}: {versions!r} is no range of versions, as '>=2.60,<3' is") from error
        return packages

    def pool_of(self, verb: Verb) -> str:
        """Name of the pool that a verb runs on."""
        return self.verbs.get(verb, next(iter(self.pools)))


def cluster_rules(cluster: ClusterConfig) -> list[Problem]:
    """Every cross-field rule that `cluster` breaks."""
    problems = [
        Problem(f"verbs.{verb}", pool, f"there is no pool {pool!r}", f"use one of {', '.join(cluster.pools)}")
        for verb, pool in cluster.verbs.items()
        if pool not in cluster.pools
    ]
    problems += [
        Problem(f"pools.{name}.max_nodes", pool.max_nodes, f"is below min_nodes {pool.min_nodes}", "raise it")
        for name, pool in cluster.pools.items()
        if pool.max_nodes < pool.min_nodes
    ]
    if not any(pool.min_nodes for pool in cluster.pools.values()):
        problems.append(Problem("pools", None, "no machine is always there to be the head", "set a min_nodes to 1"))
    loopback = cluster.security.dashboard_host in ("127.0.0.1", "localhost", "::1")
    if not loopback and not cluster.security.token:
        problems.append(
            Problem(
                "security.dashboard_host",
                cluster.security.dashboard_host,
                "is open to the network without a token",
                "set security.token to true, or dashboard_host to 127.0.0.1",
            )
        )
    if "://" not in cluster.storage and not cluster.storage.startswith("/") and len(cluster.pools) > 1:
        problems.append(
            Problem("storage", cluster.storage, "several machines need one place", "give a URI or an absolute path")
        )
    return problems
