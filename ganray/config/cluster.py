"""`ClusterConfig`: which machines there are, where things are kept, and which pool of machines each verb runs on."""

import re
from collections.abc import Iterator

from pydantic import Field, field_validator

from ganray.config.machines import (
    AwsConfig,
    Cloud,
    GcpConfig,
    HeadConfig,
    LimitsConfig,
    ObservabilityConfig,
    PoolConfig,
    PoolName,
    ProvidersConfig,
    SecurityConfig,
    Verb,
    WorkloadConfig,
)
from ganray.config.problems import closest
from ganray.config.schema import Schema
from ganray.errors import Problem

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ClusterConfig(Schema):
    """Which machines there are, where things are kept, and which pool of machines each verb runs on."""

    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,39}[a-z0-9])?$", examples=["my-cluster"])
    """Name of the cluster."""
    storage: str = Field(min_length=1, examples=["runs"])
    """Folder or URI where runs and sweeps are kept, seen from every machine under the same name."""
    image: str = ""
    """Container image with ganray, built from the rendered Dockerfile; without it, `packages` are installed by pip."""
    packages: dict[str, str] = Field(default_factory=lambda: {"ganray": ""})
    """What must be installed on every machine, with versions as pip writes them; `python` is one of them."""
    pools: dict[PoolName, PoolConfig] = Field(min_length=1, examples=[{"machine": {"cpus": 1, "memory_gb": 1}}])
    """Machines by kind."""
    head: HeadConfig = HeadConfig()
    """The machine that keeps the cluster together."""
    verbs: dict[Verb, PoolName] = Field(default_factory=dict)
    """Pool that each verb runs on; the first pool unless it is named here."""
    limits: LimitsConfig = LimitsConfig()
    """What may be used at most."""
    security: SecurityConfig = SecurityConfig()
    """Who may use the cluster."""
    observability: ObservabilityConfig = ObservabilityConfig()
    """Where to look."""
    providers: ProvidersConfig = ProvidersConfig()
    """Where the machines come from."""
    workload: WorkloadConfig = WorkloadConfig()
    """What the rendered jobs and the service run."""

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

    @property
    def head_pool(self) -> str:
        """Name of the pool whose first machine is the head."""
        always = [name for name, pool in self.pools.items() if pool.min_nodes]
        return self.head.pool or next(iter(always or self.pools))

    @property
    def head_works(self) -> bool:
        """Whether the head runs trainings and replicas too."""
        if self.head.works is not None:
            return self.head.works
        return sum(pool.max_nodes for pool in self.pools.values()) == 1

    def workers(self, pool: str) -> tuple[int, int]:
        """(Least, most) machines of a pool that work; a head that doesn't is not among them."""
        idle = 1 if pool == self.head_pool and not self.head_works else 0
        return max(0, self.pools[pool].min_nodes - idle), self.pools[pool].max_nodes - idle


def cluster_rules(cluster: ClusterConfig) -> list[Problem]:
    """Every cross-field rule that `cluster` breaks."""
    rules = (_names, _numbers, _head, _limits, _security, _providers, _storage)
    return [problem for rule in rules for problem in rule(cluster)]


def _names(cluster: ClusterConfig) -> Iterator[Problem]:
    named = {f"verbs.{verb}": pool for verb, pool in cluster.verbs.items()}
    if cluster.head.pool:
        named["head.pool"] = cluster.head.pool
    if cluster.providers.kubernetes:
        named |= {f"providers.kubernetes.node_selectors.{p}": p for p in cluster.providers.kubernetes.node_selectors}
    for path, pool in named.items():
        if pool not in cluster.pools:
            meant = closest(pool, list(cluster.pools))
            mend = f"did you mean {meant}?" if meant else f"use one of {', '.join(cluster.pools)}"
            yield Problem(path, pool, f"there is no pool {pool!r}", mend)


def _numbers(cluster: ClusterConfig) -> Iterator[Problem]:
    for name, pool in cluster.pools.items():
        if pool.max_nodes < pool.min_nodes:
            yield Problem(f"pools.{name}.max_nodes", pool.max_nodes, f"is below min_nodes {pool.min_nodes}", "raise it")
        if pool.gpu_type and not pool.gpus:
            yield Problem(f"pools.{name}.gpu_type", pool.gpu_type, "has no GPUs", "set gpus, or leave gpu_type out")
        if "pool" in pool.labels:
            yield Problem(f"pools.{name}.labels.pool", pool.labels["pool"], "is set by ganray", "leave it out")
        for key in pool.labels:
            if key.startswith("ray.io/"):
                yield Problem(f"pools.{name}.labels.{key}", key, "ray.io/ is Ray's own", "use another name")


def _head(cluster: ClusterConfig) -> Iterator[Problem]:
    if not any(pool.min_nodes for pool in cluster.pools.values()):
        yield Problem("pools", None, "no machine is always there to be the head", "set a min_nodes to 1")
        return
    if cluster.head_pool not in cluster.pools:
        return
    pool = cluster.pools[cluster.head_pool]
    if cluster.head.pool and not pool.min_nodes:
        yield Problem("head.pool", cluster.head.pool, "has no machine that is always there", "set its min_nodes to 1")
    if pool.spot and sum(p.max_nodes for p in cluster.pools.values()) > 1:
        yield Problem(f"pools.{cluster.head_pool}.spot", True, "the head would be taken away", "name another head.pool")
    for verb in dict.fromkeys((*cluster.verbs, "train")):
        name = cluster.pool_of(verb)
        if name in cluster.pools and not cluster.workers(name)[1]:
            mend = "set head.works to true, or give it another pool"
            yield Problem(f"verbs.{verb}", name, "its only machine is the head, which runs no work", mend)


def _limits(cluster: ClusterConfig) -> Iterator[Problem]:
    for kind in ("gpus", "cpus"):
        for verb, most in getattr(cluster.limits, kind).items():
            pool = cluster.pools.get(cluster.pool_of(verb))
            if most and pool is not None and not getattr(pool, kind):
                mend = f"give {verb} a pool with {kind}, or leave the limit out"
                yield Problem(f"limits.{kind}.{verb}", most, f"pool {cluster.pool_of(verb)} has no {kind}", mend)
    unpriced = [name for name, pool in cluster.pools.items() if pool.price_per_hour is None]
    most_spend = cluster.limits.spend_per_hour
    if most_spend is None:
        return
    if unpriced:
        mend = f"give a price_per_hour to {', '.join(unpriced)}"
        yield Problem("limits.spend_per_hour", most_spend, "can't be held without prices", mend)
        return
    always = sum((pool.price_per_hour or 0) * pool.min_nodes for pool in cluster.pools.values())
    if always > most_spend:
        rule = f"the machines that are always there cost {always:g} an hour"
        yield Problem("limits.spend_per_hour", most_spend, rule, "raise it, or lower a min_nodes")


def _security(cluster: ClusterConfig) -> Iterator[Problem]:
    security = cluster.security
    if security.dashboard_host not in LOOPBACK and not security.token:
        yield Problem(
            "security.dashboard_host",
            security.dashboard_host,
            "is open to the network without a token",
            "set security.token to true, or dashboard_host to 127.0.0.1",
        )
    if cluster.providers.kubernetes and not (security.token or security.network_policy):
        rule = "lets every pod of the Kubernetes cluster run code here: dashboards listen on the network there"
        yield Problem("security.token", False, rule, "set it to true, or security.network_policy")


def _providers(cluster: ClusterConfig) -> Iterator[Problem]:
    providers = cluster.providers
    clouds: tuple[tuple[Cloud, AwsConfig | GcpConfig | None], ...] = (("aws", providers.aws), ("gcp", providers.gcp))
    for cloud, config in clouds:
        if config is None:
            continue
        named = {f"providers.{cloud}.zones": config.zones}
        for name, pool in cluster.pools.items():
            if cloud not in pool.instances:
                yield Problem(f"pools.{name}.instances.{cloud}", None, "is needed", f"what {cloud} calls this machine")
            named |= {f"pools.{name}.zones.{cloud}": pool.zones[cloud]} if cloud in pool.zones else {}
        yield from _zones(cloud, config.region, named)
    if providers.rack:
        seen: dict[str, str] = {}
        for name, pool in cluster.pools.items():
            if len(pool.hosts) != pool.max_nodes:
                rule = f"{len(pool.hosts)} addresses for {pool.max_nodes} machines"
                yield Problem(f"pools.{name}.hosts", list(pool.hosts), rule, "give one address a machine")
            for host in pool.hosts:
                if host in seen:
                    yield Problem(
                        f"pools.{name}.hosts", host, f"{host} is in {seen[host]} too", "a machine has one pool"
                    )
                seen[host] = f"pools.{name}"
    if providers.kubernetes and not cluster.image:
        yield Problem("image", "", "pods need an image", "build the rendered Dockerfile and name it here")


def _zones(cloud: Cloud, region: str, named: dict[str, tuple[str, ...]]) -> Iterator[Problem]:
    """{key: zones}: each is one of the region, and Google's is the only one."""
    ending = "[a-z]|-[a-z0-9-]+[a-z]" if cloud == "aws" else "-[a-z]"  # Amazon's local zones: us-west-2-lax-1a
    example = f"{region}a" if cloud == "aws" else f"{region}-a"
    for path, zones in named.items():
        for zone in zones:
            if not re.fullmatch(f"{re.escape(region)}({ending})", zone):
                yield Problem(path, zone, f"is not in region {region}", f"use a zone of the region, as {example}")
    used = dict.fromkeys(zone for zones in named.values() for zone in zones)
    if cloud == "gcp" and len(used) > 1:
        path = next(path for path, zones in named.items() if set(zones) != {next(iter(used))})
        yield Problem(path, list(used), "are several zones, and Ray's launcher uses one on Google", "name one alone")


def _storage(cluster: ClusterConfig) -> Iterator[Problem]:
    several = sum(pool.max_nodes for pool in cluster.pools.values()) > 1
    if "://" not in cluster.storage and not cluster.storage.startswith("/") and several:
        yield Problem("storage", cluster.storage, "several machines need one place", "give a URI or an absolute path")
