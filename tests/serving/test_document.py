"""The Serve YAML: what is refused, in what words, and that the one in the box tells the truth."""

from pathlib import Path

import pytest

from ganray.config import read_yaml
from ganray.config.serve import ServeConfig
from ganray.errors import ConfigError
from ganray.serving.document import IMPORT_PATH, check, read

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "serve").rglob("*.yaml"))


def document(**args: object) -> dict:
    """A sound document, with more args."""
    application = {"name": "speech", "import_path": IMPORT_PATH, "args": {"voices": {"a": "voices/a"}, **args}}
    return {"http_options": {"port": 8123}, "applications": [application]}


def test_there_are_files_and_all_of_them_hold():
    assert FILES
    for file in FILES:
        read(file)


def test_the_local_file_shows_every_key_with_its_default():
    shown = read_yaml(ROOT / "serve" / "local.yaml")["applications"][0]["args"]
    default = ServeConfig(voices=shown["voices"], default=shown["default"]).model_dump(mode="json")
    assert shown == default


def test_every_line_with_a_key_is_commented():
    for file in FILES:
        for line in file.read_text(encoding="utf-8").splitlines():
            if ": " in line and not line.lstrip().startswith("#") and not line.lstrip().startswith("import_path"):
                assert "#" in line or line.endswith("[wav, flac, mp3, opus, aac, pcm]") or "replicas:" in line, line


@pytest.mark.parametrize(
    ("path", "value", "meant"),
    [
        (("http_optoins",), {}, "http_options"),
        (("http_options", "prot"), 1, "http_options.port"),
        (("applications", 0, "rout_prefix"), "/", "applications.0.route_prefix"),
        (("applications", 0, "args", "voice"), {}, "applications.0.args.voices"),
        (("applications", 0, "args", "limits"), {"max_second": 1}, "applications.0.args.limits.max_seconds"),
        (
            ("applications", 0, "deployments"),
            [{"name": "Generator", "max_ongoing_reqs": 3}],
            "applications.0.deployments.0.max_ongoing_requests",
        ),
        (
            ("applications", 0, "deployments"),
            [{"name": "Generator", "autoscaling_config": {"min_replica": 3}}],
            "applications.0.deployments.0.autoscaling_config.min_replicas",
        ),
        (
            ("applications", 0, "deployments"),
            [{"name": "Generator", "ray_actor_options": {"num_gpu": 1}}],
            "applications.0.deployments.0.ray_actor_options.num_gpus",
        ),
        (("applications", 0, "logging_config"), {"log_levle": "INFO"}, "applications.0.logging_config.log_level"),
    ],
)
def test_a_misspelt_key_at_any_depth_is_refused_with_the_meant_one(path, value, meant):
    config = document()
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(ConfigError) as caught:
        read(config)
    mends = [problem.mend for problem in caught.value.problems]
    assert f"did you mean {meant}?" in mends


def test_keys_below_free_mappings_are_free():
    config = document()
    config["applications"][0]["runtime_env"] = {"env_vars": {"ANY_NAME": "1"}}
    config["applications"][0]["deployments"] = [{"name": "Ingress", "ray_actor_options": {"resources": {"tpu": 1}}}]
    assert check(config) == []


def test_all_problems_are_told_at_once():
    config = document(limits={"max_seconds": -1}, default="b")
    config["http_options"]["port"] = "many"
    config["applications"][0]["deployments"] = [{"name": "Genrator"}]
    with pytest.raises(ConfigError) as caught:
        read(config)
    assert {problem.path for problem in caught.value.problems} == {
        "http_options.port",
        "applications.0.args.limits.max_seconds",
        "applications.0.args.default",
        "applications.0.deployments.0.name",
    }


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"voices": {}}, "voices"),
        ({"voices": {"a b": "x"}}, "voices"),
        ({"voices": {"default": "x", "b": "y"}, "default": "b"}, "default"),
        ({"autoscaling": {"min_replicas": 3, "max_replicas": 2}}, "autoscaling.max_replicas"),
        ({"queue": {"status_code": 500}}, "queue.status_code"),
        ({"limits": {"formats": []}}, "limits.formats"),
        ({"limits": {"formats": ["mp4"]}}, "limits.formats"),
        ({"replica": {"threads": 0}}, "replica.threads"),
    ],
)
def test_what_a_service_cannot_be_is_refused(args, path):
    with pytest.raises(ConfigError) as caught:
        read(document(**args))
    assert any(problem.path.startswith(f"applications.0.args.{path}") for problem in caught.value.problems)


def test_set_changes_keys_before_the_check():
    changed = read(document(), ["http_options.port=9000", "applications.0.args.limits.max_seconds=5"])
    assert changed["http_options"]["port"] == 9000
    assert changed["applications"][0]["args"]["limits"]["max_seconds"] == 5
    with pytest.raises(ConfigError, match="with --set"):
        read(document(), ["http_options.prot=9000"])
