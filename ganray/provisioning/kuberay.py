"""Kubernetes objects for KubeRay v1.7: RayCluster, RayJob, RayService, and who may reach their pods."""

import json
import math
from collections.abc import Mapping
from pathlib import PurePosixPath
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
KEYS = "/etc/ganray/keys/keys.txt"
"""Where the pods of a service find its API keys: a file of the Secret `providers.kubernetes.keys_secret`."""
_CLOSED: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""Of every container, Kubernetes' own "restricted" standard with what its pod says."""
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
        "kuberay-train.yaml": [first, *policy, job(cluster, where, "train", f"ganray train {work.recipe} {to}")],
        "kuberay-tune.yaml": [first, *policy, job(cluster, where, "tune", f"ganray tune {work.sweep} {to}")],
        "kuberay-serve.yaml": [first, *policy, serve(cluster, where, service)],
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
        "submitterPodTemplate": {"spec": _submitter(cluster, where)},
        "rayClusterSpec": cluster_spec(cluster, where),
    }
    return _object(cluster, where, "RayJob", _job(cluster, verb), spec)


def _submitter(cluster: ClusterConfig, where: KubernetesConfig) -> Document:
    """The pod that types `ray job submit`: as KubeRay's own, but never root. The operator adds the command."""
    size = {"cpu": "500m", "memory": "1G"}
    container: Document = {
        "name": "ray-job-submitter",
        "image": cluster.image,
        "resources": {"limits": size, "requests": size},
        "securityContext": _CLOSED,
    }
    return {**_user(where), "restartPolicy": "Never", "containers": [container]}


def serve(cluster: ClusterConfig, where: KubernetesConfig, service: Mapping[str, Any]) -> Document:
    """A RayService, with its Serve config. HTTP comes in on every pod that works, and asks for an API key."""
    http = {**service.get("http_options", {}), "host": "0.0.0.0", "port": SERVE_PORT}
    applications = [_behind_keys(one) if where.keys_secret else one for one in service.get("applications", ())]
    config = {**service, "proxy_location": "EveryNode", "http_options": http, "applications": applications}
    spec = {
        "serveConfigV2": dump_yaml(config),
        "excludeHeadPodFromServeSvc": not cluster.head_works,
        "rayClusterConfig": cluster_spec(cluster, where, where.keys_secret),
    }
    return _object(cluster, where, "RayService", f"{cluster.name}-serve", spec)


def _behind_keys(application: Mapping[str, Any]) -> Mapping[str, Any]:
    """An application of ours, whose keys are the Secret's where its own file names none."""
    if not str(application.get("import_path", "")).startswith("ganray."):
        return application
    args = dict(application.get("args") or {})
    access = dict(args.get("access") or {})
    return {**application, "args": args | {"access": access | {"keys": access.get("keys") or KEYS}}}


def cluster_spec(cluster: ClusterConfig, where: KubernetesConfig, keys: str = "") -> Document:
    """A RayClusterSpec: the head, and a worker group for each pool; its pods have the Secret `keys`."""
    name = cluster.head_pool
    start = {"dashboard-host": "0.0.0.0", **_start(cluster, name, cluster.head_works)}
    spec: Document = {
        "rayVersion": ray_version(cluster),
        "authOptions": {"mode": "token" if cluster.security.token else "disabled"},
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {"version": "v2", "upscalingMode": "Default", "securityContext": _CLOSED},
        "headGroupSpec": {
            "serviceType": "ClusterIP",
            "rayStartParams": start,
            "labels": pools.labels(cluster, name),
            "template": _pod(cluster, where, name, keys, head=True),
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
                    "template": _pod(cluster, where, name, keys),
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


def _user(where: KubernetesConfig) -> Document:
    """Of every pod: who it is, and that it is not root."""
    return {
        "serviceAccountName": where.service_account,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _pod(cluster: ClusterConfig, where: KubernetesConfig, pool: str, keys: str = "", head: bool = False) -> Document:
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
        "securityContext": _CLOSED,
    }
    spec: Document = {**_user(where), "containers": [container]}
    if keys:
        container["volumeMounts"] = [{"name": "keys", "mountPath": str(PurePosixPath(KEYS).parent), "readOnly": True}]
        spec["volumes"] = [{"name": "keys", "secret": {"secretName": keys, "defaultMode": 0o440}}]
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
