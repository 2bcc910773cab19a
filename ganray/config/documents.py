"""YAML in and out, and values written at dotted paths. What the keys mean is the schema's business."""

import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from ganray.errors import ConfigError, Problem


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads `1e-4` as text and lets a key be given twice; this reads a number and refuses the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refusal("a key is a list or a mapping", key_node)
            if key_node.value == "<<":
                raise _refusal("`<<` merges another mapping; write its keys out", key_node)
            if key_node.value in seen:
                raise _refusal(f"key {key_node.value!r} is given twice", key_node)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _refusal(why: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, why, node.start_mark)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def parse_yaml(text: str, name: str = "<text>") -> Any:
    """Parse one YAML document.

    Raises:
        ConfigError: It is not YAML; the message has the line and column.
    """
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date like 2020-13-45
        why = " ".join(str(error).replace('"<unicode string>", ', "").split()) or type(error).__name__
        raise ConfigError(f"{name} is not YAML: {why}") from error


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: There is no such file, or it holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read {path}: {reason}") from error
    document = parse_yaml(text, str(path))
    if not isinstance(document, dict):
        held = "nothing" if document is None else type(document).__name__
        raise ConfigError(f"{path} holds {held}, not keys and values")
    return document


def dump_yaml(document: Any) -> str:
    """YAML in the order of the keys."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def apply_overrides(document: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`a.b=v` written into a copy of `document`; `v` is YAML, and a number steps into a list (`discriminators.0.type`).

    Raises:
        ConfigError: An override has no `=`, is not YAML, or steps through something that has no keys; all of them
            are told.
    """
    document = deepcopy(document)
    problems = []
    for override in overrides:
        path, equals, text = override.partition("=")
        path = path.strip()
        if not equals or not path:
            problems.append(Problem(override, override, "is not of the form key.key=value", "write --set a.b=1"))
            continue
        try:
            value = parse_yaml(text, "the value")
        except ConfigError as error:
            problems.append(Problem(path, text, error.message, "quote it as in a YAML file"))
            continue
        problem = set_path(document, path, value)
        if problem:
            problems.append(problem)
    if problems:
        raise ConfigError(count_of(problems, "--set"), problems=problems)
    return document


def set_path(document: dict[str, Any], path: str, value: Any) -> Problem | None:
    """Write `value` at a dotted path, making mappings on the way; the problem, if the path can't be followed."""
    *parents, last = path.split(".")
    node: Any = document
    for key in parents:
        if isinstance(node, list):
            index = _index(node, key)
            if index is None:
                return Problem(path, value, f"{key} is no index of a list of {len(node)}", "count from 0")
            node = node[index]
        else:
            if node.get(key) is None:
                node[key] = {}
            node = node[key]
        if not isinstance(node, dict | list):
            return Problem(path, value, f"{key} is a value, not a group of keys", "shorten the path")
    if isinstance(node, list):
        index = _index(node, last)
        if index is None:
            return Problem(path, value, f"{last} is no index of a list of {len(node)}", "count from 0")
        node[index] = value
    else:
        node[last] = value
    return None


def _index(items: list, key: str) -> int | None:
    """The index that `key` says, or None."""
    return next((i for i in range(len(items)) if str(i) == key), None)


def count_of(problems: Sequence[Problem], where: str) -> str:
    """`2 problems in recipe.yaml`."""
    return f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {where}"
