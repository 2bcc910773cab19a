"""Rendered YAML against the schemas of those who read it; every unknown field is refused."""

import json
import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from ganray.errors import ConfigError, Problem

HERE = Path(__file__).parent / "schemas"


def problems(text: str) -> list[str]:
    """What is wrong with the documents of a launcher or Kubernetes YAML, each by its path."""
    return [problem for document in yaml.safe_load_all(text) for problem in _problems(document)]


def check(path: Path) -> None:
    """Raise ConfigError where a rendered file is not what its reader takes."""
    found = problems(path.read_text())
    if found:
        raise ConfigError("; ".join(found), problems=[Problem(str(path), None, one) for one in found])


def _problems(document: dict[str, Any]) -> Iterator[str]:
    validator = launcher() if "cluster_name" in document else kubernetes(str(document.get("kind")))
    for error in validator.iter_errors(document):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"


@cache
def launcher() -> jsonschema.Draft7Validator:
    """Ray's own schema."""
    import ray.autoscaler

    return jsonschema.Draft7Validator(
        json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    )


@cache
def kubernetes(kind: str) -> jsonschema.Draft7Validator:
    """Of one kind of object."""
    kuberay = json.loads((HERE / "kuberay.json").read_text())
    theirs = json.loads(lzma.decompress((HERE / "kubernetes.json.xz").read_bytes()))
    return jsonschema.Draft7Validator(kuberay["kinds"][kind] | {"definitions": theirs | kuberay["definitions"]})
