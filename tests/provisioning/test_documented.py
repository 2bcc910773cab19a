"""Every key of the cluster config is in `cluster/ganray.yaml`, with a comment that says what it is for."""

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml

from ganray.config.cluster import ClusterConfig
from ganray.config.schema import Schema

FILE = Path(__file__).parents[2] / "cluster" / "ganray.yaml"


def keys_of(model: type[Schema], path: str = "") -> Iterator[str]:
    """`pools.*.cpus`: every key there can be; names that a user makes up are `*`."""
    for name, field in model.model_fields.items():
        yield f"{path}{name}"
        for inner, mapped in _models(field.annotation):
            yield from keys_of(inner, f"{path}{name}." + ("*." if mapped else ""))


def _models(annotation: Any, mapped: bool = False) -> Iterator[tuple[type[Schema], bool]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, Schema):
            yield annotation, mapped
        return
    for one in get_args(annotation):
        yield from _models(one, mapped or get_origin(annotation) is dict)


def written() -> dict[str, str]:
    """{key as in `keys_of`: the comment right above it where it first stands}."""
    text = FILE.read_text()
    lines, found = text.splitlines(), {}

    def walk(node: yaml.MappingNode, path: str) -> None:
        for key, value in node.value:
            above = lines[key.start_mark.line - 1].strip()
            name = f"{path}{'*' if path in ('pools.', 'packages.', 'verbs.') else key.value}"
            found.setdefault(name, above if above.startswith("#") else "")
            if isinstance(value, yaml.MappingNode) and not value.flow_style:
                walk(value, f"{name}.")

    walk(yaml.compose(text), "")
    return {key: comment for key, comment in found.items() if key not in ("packages.*", "verbs.*")}


def test_every_key_is_there_with_a_comment_of_its_own():
    known, there = set(keys_of(ClusterConfig)), written()
    assert len(known) > 60
    assert known - set(there) == set()
    assert [key for key, comment in there.items() if not comment.lstrip("# ")] == []
