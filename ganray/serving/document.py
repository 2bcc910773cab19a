"""A whole Serve YAML, checked strictly: Ray's own keys, which Ray ignores in silence when they are misspelt, and ours.

    document = read("serve/local.yaml", ["http_options.port=9000"])

What comes back is what `serve deploy` would have read from the file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ganray.config.documents import apply_overrides, count_of, read_yaml
from ganray.config.problems import closest, examine
from ganray.config.serve import ServeConfig, serve_rules
from ganray.errors import ConfigError, Problem

IMPORT_PATH = "ganray.serving.app:build"
"""`import_path` of an application of ours."""
DEPLOYMENTS = ("Ingress", "Generator")
"""Names of its deployments, for overrides under `deployments`; a voice with replicas of its own is Generator-NAME."""


def read(source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read and check a Serve config file.

    Args:
        source: The YAML file, or what was read from one.
        overrides: `--set` texts (`http_options.port=9000`, `applications.0.args.limits.max_seconds=30`).

    Raises:
        ConfigError: With every problem: path, value, rule, mend.
    """
    name = "the Serve config" if isinstance(source, Mapping) else Path(source).name
    document = apply_overrides(dict(source) if isinstance(source, Mapping) else read_yaml(source), overrides)
    problems = check(document)
    if problems:
        raise ConfigError(count_of(problems, name + (" with --set" if overrides else "")), problems=problems)
    return document


def check(document: dict[str, Any]) -> list[Problem]:
    """Every problem of a Serve config document; an empty list when it is sound."""
    from ray.serve.schema import ServeDeploySchema

    schema = _ray_schema()
    problems = list(_unknown_keys(document, schema, schema["$defs"], ""))
    try:
        ServeDeploySchema.model_validate(document)
    except ValidationError as error:
        known = {problem.path for problem in problems}
        problems += [problem for problem in map(_as_problem, error.errors()) if problem.path not in known]
    applications = document.get("applications")
    for index, application in enumerate(applications if isinstance(applications, list) else []):
        if isinstance(application, dict) and application.get("import_path") == IMPORT_PATH:
            problems += _application_problems(application, f"applications.{index}.")
    return problems


@cache
def _ray_schema() -> dict[str, Any]:
    from ray.serve.schema import ServeDeploySchema

    return ServeDeploySchema.model_json_schema()


def _unknown_keys(value: Any, schema: dict[str, Any], models: dict[str, Any], path: str) -> Iterator[Problem]:
    """Keys that the JSON schema does not name, at any depth. Where it allows any key, so do we."""
    schema = _closed(schema, models)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _unknown_keys(item, schema["items"], models, f"{path}{index}.")
    if not isinstance(value, dict) or "properties" not in schema:
        return
    known = schema["properties"]
    for key, inner in value.items():
        if key in known:
            yield from _unknown_keys(inner, known[key], models, f"{path}{key}.")
            continue
        meant = closest(str(key), list(known))
        mend = f"did you mean {path}{meant}?" if meant else f"known: {', '.join(known)}"
        yield Problem(f"{path}{key}", inner, "unknown key", mend)


def _closed(schema: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """The form of a schema that lists its keys: Ray writes `AutoscalingConfig | dict`, but reads both the same way."""
    options = [schema, *schema.get("anyOf", ())]
    for option in options:
        if "$ref" in option:
            return models[option["$ref"].rsplit("/", 1)[-1]]
    return next((option for option in options if "items" in option or "properties" in option), schema)


def _as_problem(detail: Any) -> Problem:
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    path = ".".join(str(part) for part in detail["loc"] if not re.search(r"[^A-Za-z0-9_]", str(part)))
    if detail["type"] == "missing":
        return Problem(path, None, "is needed", "add it")
    return Problem(path or "<top>", detail.get("input"), f"{message[0].lower()}{message[1:]}")


def _application_problems(application: dict[str, Any], path: str) -> list[Problem]:
    config, problems = examine(ServeConfig, application.get("args") or {}, f"{path}args.")
    if config is not None:
        problems += [replace(problem, path=f"{path}args.{problem.path}") for problem in serve_rules(config)]
    deployments = application.get("deployments")
    for index, deployment in enumerate(deployments if isinstance(deployments, list) else []):
        name = deployment.get("name") if isinstance(deployment, dict) else None
        own = [f"{DEPLOYMENTS[1]}-{voice}" for voice in config.autoscaling.voices] if config else []
        if isinstance(name, str) and name not in (*DEPLOYMENTS, *own):
            mend = f"use one of {', '.join((*DEPLOYMENTS, *own))}"
            problems.append(Problem(f"{path}deployments.{index}.name", name, f"no deployment {name!r}", mend))
    return problems
