"""What a cluster is made of: pools of machines, where they come from, who may use them, and how much."""

from typing import Annotated, Literal

from pydantic import Field

from ganray.config.schema import Schema

Verb = Literal["prepare", "train", "tune", "evaluate", "serve"]
PoolName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,39}[a-z0-9])?$")]
_DOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
LabelKey = Annotated[str, Field(pattern=rf"^({_DOMAIN}/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?$")]
"""As Kubernetes and Ray have it: a domain and one slash may stand before it."""
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$")]
Cloud = Literal["aws", "gcp"]


class PoolConfig(Schema):
    """Machines of one kind."""

    cpus: float = Field(gt=0, examples=[1])
    """CPU cores of each machine."""
    memory_gb: float = Field(gt=0, examples=[1])
    """Memory of each machine, in 10^9 bytes, that Ray may hand out."""
    gpus: int = Field(0, ge=0)
    """GPUs of each machine."""
    gpu_type: str = Field("", pattern=r"^[A-Za-z0-9-]*$")
    """What Ray calls these GPUs (`A10G`, `L4`, `H100`): its accelerator type."""
    min_nodes: int = Field(1, ge=0)
    """Machines that are always there."""
    max_nodes: int = Field(1, ge=1)
    """Machines there may be at most."""
    spot: bool = False
    """Machines that the provider may take back, at a lower price: what runs on them must survive that."""
    instances: dict[Cloud, str] = Field(default_factory=dict)
    """What the provider calls such a machine: `{aws: g5.2xlarge, gcp: g2-standard-8}`."""
    hosts: tuple[str, ...] = ()
    """Addresses of the machines, where they are your own."""
    zones: dict[Cloud, tuple[str, ...]] = Field(default_factory=dict)
    """Zones of the provider's region that the machines may be in; those of the provider without it."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Ray labels of each machine, besides `pool`, which ganray sets."""
    price_per_hour: float | None = Field(None, ge=0)
    """What one machine costs an hour, in limits.currency."""
    idle_minutes: float = Field(5, gt=0)
    """Minutes without work after which a machine above min_nodes is given back."""


class HeadConfig(Schema):
    """The machine that keeps the cluster together."""

    pool: PoolName | None = None
    """Pool whose first machine it is; without it the first pool that always has one."""
    works: bool | None = None
    """Whether it runs trainings and replicas too. Without it: only where it is the only machine."""
    redis: str = Field("", pattern=r"^((redis|rediss)://)?([A-Za-z0-9.-]+:\d+)?$", examples=["10.0.0.2:6379"])
    """`HOST:PORT` of a Redis that remembers what the cluster is: a head that was lost comes back with its services and
    its list of jobs. Without it the head's memory ends with it."""


class LimitsConfig(Schema):
    """What may be used at most. `ganray cluster plan` holds every plan against it."""

    gpus: dict[Verb, float] = Field(default_factory=dict)
    """Most GPUs that a verb may take."""
    cpus: dict[Verb, float] = Field(default_factory=dict)
    """Most CPU cores that a verb may take."""
    spend_per_hour: float | None = Field(None, gt=0)
    """Most that all machines together may cost an hour; needs a price_per_hour of every pool."""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    """Of every price."""


class SecurityConfig(Schema):
    """Who may use the cluster. A Ray cluster runs any code of whoever reaches it."""

    token: bool = True
    """Every request to the cluster carries Ray's token (RAY_AUTH_MODE=token)."""
    dashboard_host: str = Field("127.0.0.1", min_length=1)
    """Address that the dashboard and the job server listen on; loopback unless a network policy guards it."""
    tls: bool = False
    """Encryption between the machines, each with its certificate. A token alone is readable on the wire."""
    tls_dir: str = Field("~/.ganray/tls", pattern=r"^(/|~/)")
    """Folder on every machine with what `ganray cluster certificates` made. Kubernetes makes its own."""
    network_policy: bool = True
    """On Kubernetes: nothing outside the cluster reaches its pods, but for the HTTP port of the service."""


class ObservabilityConfig(Schema):
    """Where to look."""

    metrics_port: int = Field(8080, ge=1024, le=65535)
    """Port on every machine where Prometheus reads Ray's and ganray's metrics."""
    prometheus: str = Field("", pattern=r"^(https?://.+)?$")
    """URL of your Prometheus, for the dashboard's graphs."""
    grafana: str = Field("", pattern=r"^(https?://.+)?$")
    """URL of your Grafana, for the same."""


class AwsConfig(Schema):
    """Amazon's machines, by the Ray cluster launcher."""

    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", examples=["us-west-2"])
    """Region."""
    zones: tuple[str, ...] = ()
    """Availability zones of the region, in the order they are tried; any without it."""
    ssh_user: str = "ubuntu"
    """User of the machine image."""
    image: str = Field("", pattern=r"^(ami-[0-9a-f]+)?$")
    """Machine image, with Docker; Ray's default deep learning image of the region without it."""
    disk_gb: int = Field(200, ge=30)
    """Disk of each machine."""
    instance_profile: str = ""
    """ARN of the role that lets machines reach storage; Ray's own, which can't, without it."""


class GcpConfig(Schema):
    """Google's machines, by the Ray cluster launcher."""

    project: str = Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", examples=["my-project"])
    """Project's id."""
    region: str = Field(pattern=r"^[a-z]+-[a-z]+\d$", examples=["us-west1"])
    """Region."""
    zones: tuple[str, ...] = Field(min_length=1, examples=[["us-west1-a"]])
    """Zone of the machines: one, as Ray's launcher uses no other."""
    ssh_user: str = "ubuntu"
    """User of the machine image."""
    image: str = "projects/deeplearning-platform-release/global/images/family/common-cu124"
    """Machine image, with Docker."""
    disk_gb: int = Field(200, ge=30)
    """Disk of each machine."""


class RackConfig(Schema):
    """Machines of your own, by the Ray cluster launcher over ssh. Their addresses are in the pools."""

    ssh_user: str = Field(min_length=1, examples=["ray"])
    """User on every machine."""
    ssh_private_key: str = "~/.ssh/id_ed25519"
    """Key that lets in."""
    interface: str = ""
    """Network interface the machines see each other by; where there are several, gloo and NCCL take a wrong one."""


class KubernetesConfig(Schema):
    """Pods, by KubeRay v1.7. A pool is a worker group."""

    namespace: str = Field("ganray", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """Namespace."""
    service_account: str = "default"
    """Service account of the pods: what lets them reach storage."""
    keys_secret: str = Field("ganray-keys", pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$")
    """Secret with `keys.txt`, as `ganray keys add` writes it: who may ask the service. Empty: all who reach it."""
    node_selectors: dict[PoolName, dict[str, str]] = Field(default_factory=dict)
    """Kubernetes labels of the nodes that a pool's pods may run on."""
    ingress_from: dict[str, str] = Field(default_factory=dict)
    """Labels of the namespace whose pods may use the service's HTTP port; any pod's without it."""


class SlurmConfig(Schema):
    """A Slurm partition: one job that starts Ray, runs a verb and ends."""

    partition: str = ""
    """Partition; Slurm's default without it."""
    time: str = Field("08:00:00", pattern=r"^(\d+-)?\d{1,2}:\d{2}:\d{2}$")
    """Time after which Slurm ends the job."""
    setup: tuple[str, ...] = ()
    """Shell lines before Ray starts: modules, the environment."""


class ProvidersConfig(Schema):
    """Where the machines come from. `ganray cluster render` writes files for each that is here."""

    aws: AwsConfig | None = None
    """Amazon."""
    gcp: GcpConfig | None = None
    """Google."""
    rack: RackConfig | None = None
    """Your own."""
    kubernetes: KubernetesConfig | None = None
    """Kubernetes with KubeRay."""
    slurm: SlurmConfig | None = None
    """Slurm."""


class WorkloadConfig(Schema):
    """What the rendered jobs and the service run."""

    recipe: str = "source_filter_small"
    """Recipe of the training: a name in the box, or a file in the image."""
    sweep: str = "tune_configs/smoke.yaml"
    """Sweep of the tuning."""
    service: str = "serve/local.yaml"
    """Serve YAML of the service."""
    data: str = "data/speech"
    """Dataset: a folder or URI that all machines see under one name."""
