"""YAML for Ray's cluster launcher (`ray up`): Amazon, Google, and machines of your own."""

import shlex
from typing import Any

from ganray.config.cluster import ClusterConfig
from ganray.config.machines import AwsConfig, GcpConfig, PoolConfig, RackConfig
from ganray.provisioning import pools
from ganray.provisioning.start import PORT, assignments, common, environment, head_environment, resources

HEAD = "head"
"""Node type of the head, beside one node type a pool."""
_TOKEN = "~/.ray/auth_token"
_FIRST_AUTOSCALER = {"RAY_enable_autoscaler_v2": "0"}
"""On a rack. The launcher gives head and workers one node type there, and Ray 2.60's second autoscaler counts the head
among the workers: one machine would never be started (seen by tools/hosts)."""


def aws(cluster: ClusterConfig, provider: AwsConfig) -> dict[str, Any]:
    """For Amazon. The zones of all pools are taken together: Ray's launcher has one list of them."""

    def node(pool: PoolConfig) -> dict[str, Any]:
        config: dict[str, Any] = {"InstanceType": pool.instances["aws"]}
        if provider.image:
            config["ImageId"] = provider.image
        disk = {"VolumeSize": provider.disk_gb, "VolumeType": "gp3", "Encrypted": True}
        config["BlockDeviceMappings"] = [{"DeviceName": "/dev/sda1", "Ebs": disk}]
        config["MetadataOptions"] = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}
        if provider.instance_profile:
            config["IamInstanceProfile"] = {"Arn": provider.instance_profile}
        if pool.spot:
            config["InstanceMarketOptions"] = {"MarketType": "spot"}
        return config

    zones = list(dict.fromkeys([*provider.zones, *(z for p in cluster.pools.values() for z in p.zones.get("aws", ()))]))
    where: dict[str, Any] = {"type": "aws", "region": provider.region}
    if zones:
        where["availability_zone"] = ",".join(zones)
    types = _types(cluster, {name: node(pool) for name, pool in cluster.pools.items()})
    return _cloud(cluster, {**where, "cache_stopped_nodes": False}, provider.ssh_user, types)


def gcp(cluster: ClusterConfig, provider: GcpConfig) -> dict[str, Any]:
    """For Google. Ray's launcher uses one zone."""

    def node(pool: PoolConfig) -> dict[str, Any]:
        start = {"diskSizeGb": provider.disk_gb, "sourceImage": provider.image}
        disks = [{"boot": True, "autoDelete": True, "type": "PERSISTENT", "initializeParams": start}]
        config: dict[str, Any] = {"machineType": pool.instances["gcp"], "disks": disks}
        scheduling: list[dict[str, Any]] = [{"preemptible": True}] if pool.spot else []
        scheduling += [{"onHostMaintenance": "TERMINATE"}] if pool.gpus else []
        if scheduling:
            config["scheduling"] = scheduling
        if pool.gpus:
            config["metadata"] = {"items": [{"key": "install-nvidia-driver", "value": "True"}]}
        return config

    where = {
        "type": "gcp",
        "region": provider.region,
        "availability_zone": provider.zones[0],
        "project_id": provider.project,
        "cache_stopped_nodes": False,
    }
    types = _types(cluster, {name: node(pool) for name, pool in cluster.pools.items()})
    return _cloud(cluster, where, provider.ssh_user, types)


def rack(cluster: ClusterConfig, provider: RackConfig) -> dict[str, Any]:
    """For machines of your own. The launcher knows one kind: each finds its pool by its own address."""
    head = cluster.pools[cluster.head_pool].hosts[0]
    hosts = {host: name for name, pool in cluster.pools.items() for host in pool.hosts if host != head}
    sizes = {
        "|".join(host for host, pool in hosts.items() if pool == name): [
            *resources(cluster, name),
            *common(cluster, name),
        ]
        for name in dict.fromkeys(hosts.values())
    }
    cases = " ".join(f"{those}) size='{' '.join(size)}';;" for those, size in sizes.items())
    mine = f'for host in {" ".join(hosts)}; do hostname -I | grep -qwF "$host" && mine=$host; done'
    joins = f"ray start --address=$RAY_HEAD_IP:{PORT} --node-ip-address=$mine $size"
    document = _common(cluster, len(hosts))
    if cluster.security.tls:
        document["file_mounts"][cluster.security.tls_dir] = cluster.security.tls_dir
    return document | {
        "provider": {"type": "local", "head_ip": head, "worker_ips": list(hosts)},
        "auth": {"ssh_user": provider.ssh_user, "ssh_private_key": provider.ssh_private_key},
        "head_start_ray_commands": [
            "ray stop",
            _exports(head_environment(cluster) | _FIRST_AUTOSCALER, rack=True)
            + f"ulimit -n 65536; ray start --head --port={PORT} --node-ip-address={head} "
            + "--autoscaling-config=~/ray_bootstrap_config.yaml "
            + f"--dashboard-host={cluster.security.dashboard_host} "
            + shlex.join(
                [*resources(cluster, cluster.head_pool, cluster.head_works), *common(cluster, cluster.head_pool)]
            ),
        ],
        "worker_start_ray_commands": [
            "ray stop",
            f"{_exports(environment(cluster), rack=True)}{mine}; case $mine in {cases} esac; ulimit -n 65536; {joins}",
        ]
        if hosts
        else [],
    }


def _types(cluster: ClusterConfig, nodes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`available_node_types`: the head, and the machines of each pool that work besides it."""
    name = cluster.head_pool
    types: dict[str, Any] = {
        HEAD: {
            "min_workers": 0,
            "max_workers": 0,
            "resources": _resources(cluster, name, cluster.head_works),
            "labels": pools.labels(cluster, name),
            "node_config": nodes[name] | {},
        }
    }
    for name, pool in cluster.pools.items():
        here = 1 if name == cluster.head_pool else 0
        if pool.max_nodes - here > 0:
            types[name] = {
                "min_workers": max(0, pool.min_nodes - here),
                "max_workers": pool.max_nodes - here,
                "idle_timeout_s": pool.idle_minutes * 60,
                "resources": _resources(cluster, name),
                "labels": pools.labels(cluster, name),
                "node_config": nodes[name] | {},
            }
    return types


def _resources(cluster: ClusterConfig, name: str, works: bool = True) -> dict[str, int]:
    pool = cluster.pools[name]
    found = {"CPU": int(pool.cpus) if works else 0, "memory": int(pool.memory_gb * 1e9)}
    if pool.gpus:
        found["GPU"] = pool.gpus if works else 0
        if pool.gpu_type:
            found[f"accelerator_type:{pool.gpu_type}"] = 1
    if len(cluster.pools) > 1:
        found[pools.resource(name)] = pools.PLENTY
    return found


def _cloud(cluster: ClusterConfig, provider: dict[str, Any], user: str, types: dict[str, Any]) -> dict[str, Any]:
    joins = f"ulimit -n 65536; ray start --address=$RAY_HEAD_IP:{PORT} --object-manager-port=8076"
    port = f"--metrics-export-port={cluster.observability.metrics_port}"
    leads = (
        f"ulimit -n 65536; ray start --head --port={PORT} --object-manager-port=8076 "
        f"--autoscaling-config=~/ray_bootstrap_config.yaml --dashboard-host={cluster.security.dashboard_host}"
    )
    return _common(cluster, sum(kind["max_workers"] for kind in types.values())) | {
        "provider": provider,
        "auth": {"ssh_user": user},
        "head_node_type": HEAD,
        "available_node_types": types,
        "head_start_ray_commands": ["ray stop", _exports(head_environment(cluster)) + f"{leads} {port}"],
        "worker_start_ray_commands": ["ray stop", _exports(environment(cluster)) + f"{joins} {port}"],
    }


def _common(cluster: ClusterConfig, max_workers: int) -> dict[str, Any]:
    """What every launcher document has."""
    document: dict[str, Any] = {
        "cluster_name": cluster.name,
        "max_workers": max_workers,
        "idle_timeout_minutes": min(pool.idle_minutes for pool in cluster.pools.values()),
        # The token of whoever types `ray up` becomes the cluster's: ray get-auth-token --generate
        "file_mounts": {_TOKEN: _TOKEN} if cluster.security.token else {},
    }
    if cluster.image:
        document["docker"] = {
            "image": cluster.image,
            "container_name": "ganray",
            "pull_before_run": True,
            "run_options": ["--ulimit nofile=65536:65536"],
        }
    else:
        wanted = [shlex.quote(f"{name}{found}") for name, found in cluster.packages.items() if name != "python"]
        document["setup_commands"] = [f"pip install {' '.join(wanted)}"] if wanted else []
    return document


def _exports(variables: dict[str, str], rack: bool = False) -> str:
    """`export …; ` of what every Ray process needs to know."""
    found = {key: value for key, value in variables.items() if rack or not key.endswith("_IFNAME")}
    return "".join(f"export {one}; " for one in assignments(found))
