"""What is rendered is committed, is what its readers take, and says what the config says."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganray.config import load, read_yaml
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.provisioning.render import differences, render, write
from tests.provisioning.schema import problems

ROOT = Path(__file__).parents[2]
SERVICE = {"http_options": {"host": "127.0.0.1", "port": 8000}, "applications": [{"name": "speech"}]}
ROCKSDB = {"backend": "rocksdb"}
"""Of gcsFaultToleranceOptions."""
DELETED = {"policy": "DeleteSelf"}
"""What becomes of a RayJob."""
INCREMENTAL = {
    "type": "NewClusterWithIncrementalUpgrade",
    "clusterUpgradeOptions": {"stepSizePercent": 5, "intervalSeconds": 10, "gatewayClassName": "gateway"},
}
"""A RayService's upgradeStrategy."""
PROFILES = sorted(path.stem for path in (ROOT / "cluster").glob("*.yaml"))


def config(profile: str) -> ClusterConfig:
    return load(ClusterConfig, ROOT / "cluster" / f"{profile}.yaml", rules=cluster_rules)


def rendered(profile: str, service: dict[str, Any] = SERVICE) -> dict[str, str]:
    return render(config(profile), service, f"cluster/{profile}.yaml")


def changed(name: str, where: str, value: Any) -> str:
    """The last document of a rendered file with another value at a path; None leaves the key out."""
    *_, document = yaml.safe_load_all(rendered("ganray")[name])
    *folders, last = where.split(".")
    place = document
    for folder in folders:
        place = place[folder]
    place.pop(last, None)
    if value is not None:
        place[last] = value
    return yaml.safe_dump(document)


def test_what_is_committed_is_what_is_rendered():
    cluster = config("ganray")
    files = render(cluster, read_yaml(ROOT / cluster.workload.service), "cluster/ganray.yaml")
    assert differences(files, ROOT / "cluster" / "rendered") == [], "run: ganray cluster render"


def test_every_difference_is_found(tmp_path):
    files = {"a": "1\n", "b": "2\n"}
    assert differences(files, tmp_path / "none") == ["a", "b"]
    write(files, tmp_path)
    assert differences(files, tmp_path) == []
    (tmp_path / "a").write_text("3\n")
    (tmp_path / "c").write_text("")
    assert differences(files, tmp_path) == ["a", "c"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_renders_what_its_readers_take(profile):
    files = rendered(profile)
    assert "Dockerfile" in files
    for name, text in files.items():
        assert f"cluster/{profile}.yaml" in text.split("\n")[0 if not text.startswith("#!") else 1]
        if name.endswith(".yaml"):
            assert problems(text) == [], name


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("aws.yaml", "max_workers: 16", "max_worker: 16"),
        ("kuberay-cluster.yaml", "runAsNonRoot", "runAsNotRoot"),
        ("kuberay-cluster.yaml", "minReplicas", "minReplica"),
        ("kuberay-train.yaml", "shutdownAfterJobFinishes: true", "shutdownAfterJobFinishes: 'yes'"),
        ("kuberay-serve.yaml", "serveConfigV2", "serveConfig"),
        ("kuberay-cluster.yaml", "podSelector", "podSelectors"),
    ],
)
def test_a_misspelt_field_is_refused(name, old, new):
    text = rendered("ganray")[name]
    assert old in text
    assert problems(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("kuberay-train.yaml", "metadata.name", "a" * 48),
        ("kuberay-train.yaml", "metadata.name", "ends-in-"),
        ("kuberay-train.yaml", "spec.shutdownAfterJobFinishes", False),
        ("kuberay-train.yaml", "spec.rayClusterSpec", None),
        ("kuberay-train.yaml", "spec.rayClusterSpec.rayVersion", None),
        ("kuberay-train.yaml", "spec.rayClusterSpec.autoscalerOptions.version", "v1"),
        ("kuberay-train.yaml", "spec.rayClusterSpec.upgradeStrategy", {"type": "Recreate"}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.resources", {"CPU": "4"}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.rayStartParams.labels", "pool=head"),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.template.spec.restartPolicy", "Always"),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.template.spec.containers", []),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.template.metadata", {"generateName": "head-"}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.labels", {"tier": "of the best"}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.labels", {"a/b/c": "d"}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.rayStartParams.redis-username", "me"),
        ("kuberay-train.yaml", "spec.rayClusterSpec.authOptions", {"mode": "token", "enableK8sTokenAuth": True}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.gcsFaultToleranceOptions", {"storage": {"size": "1Gi"}}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.gcsFaultToleranceOptions", ROCKSDB | {"redisAddress": "redis:1"}),
        ("kuberay-train.yaml", "spec.rayClusterSpec.gcsFaultToleranceOptions", ROCKSDB | {"storage": {"size": "much"}}),
        ("kuberay-train.yaml", "spec.backoffLimit", 2**31),
        ("kuberay-train.yaml", "spec.clusterSelector", {"pool": "a"}),
        ("kuberay-train.yaml", "spec.submissionMode", "SidecarMode"),
        ("kuberay-train.yaml", "spec.deletionStrategy", {"onSuccess": {"policy": "DeleteSelf"}}),
        ("kuberay-train.yaml", "spec.deletionStrategy", {"onSuccess": {}, "onFailure": {}}),
        ("kuberay-train.yaml", "spec.preRunningDeadlineSeconds", 0),
        ("kuberay-serve.yaml", "spec.upgradeStrategy", {"type": "Recreate"}),
        ("kuberay-serve.yaml", "spec.upgradeStrategy", {"type": "NewClusterWithIncrementalUpgrade"}),
        ("kuberay-serve.yaml", "spec.upgradeStrategy", INCREMENTAL | {"clusterUpgradeOptions": {"stepSizePercent": 1}}),
        ("kuberay-serve.yaml", "spec.rayClusterConfig.headGroupSpec.headService", {"metadata": {"name": "mine"}}),
        ("kuberay-serve.yaml", "spec.managedBy", "me"),
    ],
)
def test_what_kuberays_operator_refuses_is_refused(name, where, value):
    assert problems(changed(name, where, value))


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("kuberay-train.yaml", "spec.rayClusterSpec.headGroupSpec.rayStartParams", None),
        ("kuberay-train.yaml", "spec.rayClusterSpec.gcsFaultToleranceOptions", ROCKSDB | {"storage": {"size": "1Gi"}}),
        ("kuberay-train.yaml", "spec.entrypoint", None),
        ("kuberay-train.yaml", "spec.deletionStrategy", {"onSuccess": DELETED, "onFailure": DELETED}),
        ("kuberay-serve.yaml", "spec.serveConfigV2", None),
        ("kuberay-serve.yaml", "spec.serveService", {"metadata": {"labels": {"a": "b"}}}),
        ("kuberay-serve.yaml", "spec.upgradeStrategy", INCREMENTAL),
    ],
)  # fmt: skip
def test_what_kuberays_operator_takes_is_taken(name, where, value):
    assert problems(changed(name, where, value)) == []


@pytest.mark.parametrize(
    ("change", "variable"),
    [({"security": {"tls": True}}, "RAY_USE_TLS"), ({"head": {"redis": "redis:6379"}}, "RAY_REDIS_ADDRESS")],
)
def test_what_kuberay_sets_itself_is_in_no_pods_environment(change, variable):
    document = config("kubernetes").model_dump(mode="json")
    document = {key: value | change.get(key, {}) if key in change else value for key, value in document.items()}
    text = render(load(ClusterConfig, document, rules=cluster_rules), SERVICE, "x")["kuberay-train.yaml"]
    assert problems(text) == []
    assert problems(text.replace("name: RAY_JOB_STOP_WAIT_TIME_S", f"name: {variable}"))


def test_rays_launcher_accepts_them_with_its_defaults():
    from ray.autoscaler._private.util import prepare_config, validate_config

    for name in ("aws.yaml", "gcp.yaml", "local.yaml"):
        validate_config(prepare_config(yaml.safe_load(rendered("ganray")[name])))


def test_scripts_are_shell(tmp_path):
    files = rendered("ganray")
    local = yaml.safe_load(files["local.yaml"])
    for text in (files["slurm.sh"], *local["head_start_ray_commands"], *local["worker_start_ray_commands"]):
        subprocess.run(["bash", "-n", "-c", text], check=True)


def test_a_machine_of_your_own_starts_as_its_pool_says(tmp_path):
    """The rack's one start command, run with `ray` and `hostname` that only say what they were asked."""
    for name, body in {"ray": 'echo "$@"', "hostname": "echo 172.17.0.1 10.0.0.21", "ulimit": ""}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    start = yaml.safe_load(rendered("ganray")["local.yaml"])["worker_start_ray_commands"][-1]
    script = f"ulimit() {{ :; }}; export RAY_HEAD_IP=10.0.0.1 PATH={tmp_path}:$PATH; {start}"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert "--address=10.0.0.1:6379 --node-ip-address=10.0.0.21" in said
    assert "--num-cpus=8 --num-gpus=1" in said
    assert "pool=trainers" in said


def assert_restricted(pod):
    """As Kubernetes' Pod Security Standard of that name asks."""
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize("verb", ["train", "tune"])
def test_a_rayjobs_submitter_is_not_root_either(verb):
    *_, job = yaml.safe_load_all(rendered("kubernetes")[f"kuberay-{verb}.yaml"])
    pod = job["spec"]["submitterPodTemplate"]["spec"]
    assert_restricted(pod)
    (container,) = pod["containers"]
    assert "command" not in container, "the operator's own"
    assert container["image"] == config("kubernetes").image
    assert pod["restartPolicy"] == "Never"


def test_a_service_on_kubernetes_is_behind_the_keys_of_a_secret(tmp_path):
    from ganray.serving import keys
    from ganray.serving.document import read

    service = read(ROOT / "serve" / "local.yaml")
    *_, found = yaml.safe_load_all(rendered("kubernetes", service)["kuberay-serve.yaml"])
    args = yaml.safe_load(found["spec"]["serveConfigV2"])["applications"][0]["args"]
    assert args["access"]["keys"] == "/etc/ganray/keys/keys.txt"
    read(yaml.safe_load(found["spec"]["serveConfigV2"]))
    for group in (
        found["spec"]["rayClusterConfig"]["headGroupSpec"],
        *found["spec"]["rayClusterConfig"]["workerGroupSpecs"],
    ):
        pod = group["template"]["spec"]
        assert pod["volumes"] == [{"name": "keys", "secret": {"secretName": "ganray-keys", "defaultMode": 0o440}}]
        assert pod["containers"][0]["volumeMounts"] == [
            {"name": "keys", "mountPath": "/etc/ganray/keys", "readOnly": True}
        ]
    keys.add(tmp_path / "keys.txt", "alice")  # the file that `kubectl create secret --from-file` takes
    assert [key.name for key in keys.read(tmp_path / "keys.txt")] == ["alice"]


def test_a_services_own_keys_stay_and_none_are_none():
    document = config("kubernetes").model_dump(mode="json")
    ours = {"name": "speech", "import_path": "ganray.serving.app:build", "args": {"access": {"keys": "/mine"}}}
    text = render(config("kubernetes"), {"applications": [ours]}, "x")["kuberay-serve.yaml"]
    assert "keys: /mine" in text
    document["providers"]["kubernetes"]["keys_secret"] = ""
    plain = render(load(ClusterConfig, document, rules=cluster_rules), {"applications": [ours | {"args": {}}]}, "x")
    assert "/etc/ganray" not in plain["kuberay-serve.yaml"]
    assert "secretName" not in plain["kuberay-serve.yaml"]


@pytest.mark.parametrize("asked", [[], ["ganray", "tune", "a sweep.yaml", "--address", "auto"]])
def test_a_slurm_job_starts_ray_on_every_node_and_the_verb_on_the_first(tmp_path, asked):
    """The script, run with `srun` and `scontrol` that only say what they were asked."""
    (tmp_path / "srun").write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done; env | grep "^RAY_\\|^GANRAY"\n')
    (tmp_path / "scontrol").write_text("#!/bin/sh\nprintf 'node7\\nnode8\\nnode9\\n'\n")
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    document = config("ganray").model_dump(mode="json")
    document["providers"]["slurm"]["setup"] = ["export RAY_SET_UP=yes"]
    script = tmp_path / "slurm.sh"
    script.write_text(render(load(ClusterConfig, document, rules=cluster_rules), SERVICE, "x")["slurm.sh"])
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_NODELIST": "node[7-9]", "SLURM_JOB_NUM_NODES": "3"}
    said = subprocess.run(
        ["bash", script, *asked], capture_output=True, text=True, check=True, env=environment
    ).stdout.splitlines()
    assert said[:2] == ["--ntasks=3", "--ntasks-per-node=1"]
    assert said[2:8] == ["ray", "symmetric-run", "--address", "node7:6379", "--min-nodes", "3"]
    verb = said[said.index("--") + 1 :]
    assert verb[: len(asked)] == asked if asked else verb[:2] == ["ganray", "train"]
    assert {"RAY_AUTH_MODE=token", "RAY_SET_UP=yes"} <= set(said)
    assert not [line for line in said if line.startswith("GANRAY_POOLS")], "every node will do"


def test_the_slurm_script_asks_for_machines_of_the_trainers_pool():
    text, pool = rendered("ganray")["slurm.sh"], config("ganray").pools["trainers"]
    asked = dict(line[10:].split("=", 1) for line in text.splitlines() if line.startswith("#SBATCH --"))
    assert asked["nodes"] == str(pool.max_nodes)
    assert asked["cpus-per-task"] == str(int(pool.cpus))
    assert f"--num-cpus={int(pool.cpus)} --num-gpus={pool.gpus}" in text


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob", "RayService"])
def test_pods_are_not_root_carry_a_token_and_are_closed_to_others(kind):
    texts = [text for name, text in rendered("ganray").items() if name.startswith("kuberay")]
    objects = [one for text in texts for one in yaml.safe_load_all(text)]
    (first, *_) = [one["spec"] for one in objects if one["kind"] == kind]
    spec = first.get("rayClusterSpec") or first.get("rayClusterConfig") or first
    assert spec["authOptions"] == {"mode": "token"}
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        assert_restricted(pod)
        assert group["template"]["metadata"]["labels"] == {"app.kubernetes.io/part-of": "ganray"}
    (policy, *_) = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/part-of": "ganray"}
    assert [rule.get("ports", [{}])[0].get("port") for rule in policy["ingress"]] == [None, 8265, 8265, 8000]


def test_a_rayjobs_submitter_and_the_operator_reach_the_dashboard():
    """The submitter is the pod of a Kubernetes job of the RayJob's name, and has no other label of its own."""
    for verb in ("train", "tune"):
        _, policy, job = yaml.safe_load_all(rendered("ganray")[f"kuberay-{verb}.yaml"])
        _, operator, submitter, _ = [rule["from"][0] for rule in policy["spec"]["ingress"]]
        assert operator["podSelector"]["matchLabels"] == {"app.kubernetes.io/component": "kuberay-operator"}
        (named,) = submitter["podSelector"]["matchExpressions"]
        assert named["key"] == "batch.kubernetes.io/job-name"
        assert job["metadata"]["name"] in named["values"]


def test_tls_is_one_switch():
    document = config("kubernetes").model_dump(mode="json")
    document["security"]["tls"] = True
    files = render(load(ClusterConfig, document, rules=cluster_rules), SERVICE, "x")
    assert "tlsOptions:\n      enabled: true" in files["kuberay-train.yaml"]
    assert problems(files["kuberay-train.yaml"]) == []
    assert "RAY_USE_TLS=1" in rendered("rack")["local.yaml"]
    assert "tlsOptions" not in rendered("kubernetes")["kuberay-train.yaml"]
