"""Kubernetes objects for KubeRay v1.7: RayCluster, RayJob, RayService, and who may reach their pods."""

import json
import math
from collections.abc import Mapping
from typing import Any

from ganray.config.cluster import ClusterConfig
from ganray.config.documents import dump_yaml
from ganray.config.machines import KubernetesConfig
from ganray.provisioning import pools
from ganray.provisioning.plain import USER_ID
from ganray.provisioning.start import environment
from ganray.provisioning.versions import ray_version

SERVE_PORT = 8000
DASHBOARD_PORT = 8265
MEMORY_FACTOR = 1.5
"""A pod's memory over what Ray may hand out of it: the rest is for the object store and Ray itself."""
_PART_OF = "app.kubernetes.io/part-of"
_JOBS = ("train", "tune")
"""Verbs that have a RayJob."""
Document = dict[str, Any]


def documents(cluster: ClusterConfig, where: KubernetesConfig, service: Mapping[str, Any]) -> dict[str, list[Document]]:
    """{file: its objects}."""
    work, policy = cluster.workload, [network_policy(cluster, where)] if cluster.security.network_policy else []
    spec = cluster_spec(cluster, where)
    to = f"--data {work.data} --storage {cluster.storage}"
    first = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": where.namespace}}
    return {
        "kuberay-cluster.yaml": [first, *policy, _object(cluster, where, "RayCluster", cluster.name, spec)],
        "kuberay-train.yaml": [*policy, job(cluster, where, "train", f"ganray train {work.recipe} {to}")],
        "kuberay-tune.yaml": [*policy, job(cluster, where, "tune", f"ganray tune {work.sweep} {to}")],
        "kuberay-serve.yaml": [*policy, serve(cluster, where, service)],
    }


def job(cluster: ClusterConfig, where: KubernetesConfig, verb: str, command: str) -> Document:
    """A RayJob: its own cluster, one verb, and the cluster ends with it."""
    spec = {
        "entrypoint": command,
        "submissionMode": "K8sJobMode",
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 600,
        # A verb that failed by its own fault fails again; lost machines are the verb's own business.
        "backoffLimit": 0,
        "submitterConfig": {"backoffLimit": 0},
        "rayClusterSpec": cluster_spec(cluster, where),
    }
    return _object(cluster, where, "RayJob", _job(cluster, verb), spec)


def serve(cluster: ClusterConfig, where: KubernetesConfig, service: Mapping[str, Any]) -> Document:
    """A RayService, with its Serve config. HTTP comes in on every pod that works."""
    http = {**service.get("http_options", {}), "host": "0.0.0.0", "port": SERVE_PORT}
    config = {**service, "proxy_location": "EveryNode", "http_options": http}
    spec = {
        "serveConfigV2": dump_yaml(config),
        "excludeHeadPodFromServeSvc": not cluster.head_works,
        "rayClusterConfig": cluster_spec(cluster, where),
    }
    return _object(cluster, where, "RayService", f"{cluster.name}-serve", spec)


def cluster_spec(cluster: ClusterConfig, where: KubernetesConfig) -> Document:
    """A RayClusterSpec: the head, and a worker group for each pool."""
    name = cluster.head_pool
    start = {"dashboard-host": "0.0.0.0", **_start(cluster, name, cluster.head_works)}
    spec: Document = {
        "rayVersion": ray_version(cluster),
        "authOptions": {"mode": "token" if cluster.security.token else "disabled"},
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {"version": "v2", "upscalingMode": "Default"},
        "headGroupSpec": {
            "serviceType": "ClusterIP",
            "rayStartParams": start,
            "labels": pools.labels(cluster, name),
            "template": _pod(cluster, where, name, head=True),
        },
        "workerGroupSpecs": [],
    }
    if cluster.head.redis:
        # The password, where there is one: redisPassword.valueFrom.secretKeyRef.
        spec["gcsFaultToleranceOptions"] = {"redisAddress": cluster.head.redis}
    if cluster.security.tls:
        spec["tlsOptions"] = {"enabled": True}
    for name, pool in cluster.pools.items():
        here = 1 if name == cluster.head_pool else 0
        if pool.max_nodes - here:
            least = max(0, pool.min_nodes - here)
            spec["workerGroupSpecs"].append(
                {
                    "groupName": name,
                    "replicas": least,
                    "minReplicas": least,
                    "maxReplicas": pool.max_nodes - here,
                    "idleTimeoutSeconds": int(pool.idle_minutes * 60),
                    "rayStartParams": _start(cluster, name),
                    "labels": pools.labels(cluster, name),
                    "template": _pod(cluster, where, name),
                }
            )
    return spec


def network_policy(cluster: ClusterConfig, where: KubernetesConfig) -> Document:
    """The pods talk to each other; the operator and its submitters reach the dashboard; HTTP is open as configured."""

    def port(number: int) -> list[Document]:
        return [{"protocol": "TCP", "port": number}]

    mine = {"matchLabels": {_PART_OF: cluster.name}}
    operator = {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {"app.kubernetes.io/component": "kuberay-operator"}},  # by Helm or kustomize
    }
    # A RayJob's submitter carries no label of KubeRay's: Kubernetes gives it its job's name, which is the RayJob's.
    jobs = {"key": "batch.kubernetes.io/job-name", "operator": "In", "values": [_job(cluster, verb) for verb in _JOBS]}
    submitter = {"podSelector": {"matchExpressions": [jobs]}}
    http: Document = {"ports": port(SERVE_PORT)}
    if where.ingress_from:
        http = {"from": [{"namespaceSelector": {"matchLabels": where.ingress_from}}], **http}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": cluster.name, "namespace": where.namespace},
        "spec": {
            "podSelector": mine,
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": mine}]},
                {"from": [operator], "ports": port(DASHBOARD_PORT) + port(SERVE_PORT)},  # it asks a head that serves
                {"from": [submitter], "ports": port(DASHBOARD_PORT)},
                http,
            ],
        },
    }


def _object(cluster: ClusterConfig, where: KubernetesConfig, kind: str, name: str, spec: Document) -> Document:
    metadata = {"name": name, "namespace": where.namespace, "labels": {_PART_OF: cluster.name}}
    return {"apiVersion": "ray.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _job(cluster: ClusterConfig, verb: str) -> str:
    return f"{cluster.name}-{verb}"


def _start(cluster: ClusterConfig, pool: str, works: bool = True) -> dict[str, str]:
    kind = cluster.pools[pool]
    found = {
        "num-cpus": str(int(kind.cpus) if works else 0),
        "memory": str(int(kind.memory_gb * 1e9)),
        "metrics-export-port": str(cluster.observability.metrics_port),
    }
    if len(cluster.pools) > 1:
        # As KubeRay hands it to a shell: a JSON text in quotes of both kinds.
        found["resources"] = "'" + json.dumps({pools.resource(pool): pools.PLENTY}) + "'"
    return found | ({"num-gpus": str(kind.gpus if works else 0)} if kind.gpus else {})


def _pod(cluster: ClusterConfig, where: KubernetesConfig, pool: str, head: bool = False) -> Document:
    """A pod template: not root, no more rights than it needs, as large as its pool says."""
    kind = cluster.pools[pool]
    size = {"cpu": f"{kind.cpus:g}", "memory": f"{math.ceil(kind.memory_gb * MEMORY_FACTOR)}G"}
    limits = size | ({"nvidia.com/gpu": str(kind.gpus)} if kind.gpus else {})
    kept = {key: value for key, value in environment(cluster).items() if not key.startswith(("RAY_AUTH", "RAY_TLS"))}
    kept = {key: value for key, value in kept.items() if key != "RAY_USE_TLS" and not key.endswith("_IFNAME")}
    ports = {"metrics": cluster.observability.metrics_port, "serve": SERVE_PORT}
    if head:
        ports = {"gcs-server": 6379, "dashboard": DASHBOARD_PORT, "client": 10001, **ports}
    container: Document = {
        "name": "ray-head" if head else "ray-worker",
        "image": cluster.image,
        "resources": {"limits": limits, "requests": limits},
        "env": [{"name": key, "value": value} for key, value in kept.items()],
        "ports": [{"name": key, "containerPort": number} for key, number in ports.items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec: Document = {
        "serviceAccountName": where.service_account,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    selector = where.node_selectors.get(pool)
    if selector:
        spec["nodeSelector"] = dict(selector)
    zones = [zone for found in kind.zones.values() for zone in found]
    if zones:
        match = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": zones}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [match]}]}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    if kind.gpus:
        spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    return {"metadata": {"labels": {_PART_OF: cluster.name}}, "spec": spec}
