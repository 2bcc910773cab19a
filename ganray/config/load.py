"""From YAML and `--set` to a checked config, with every problem told at once.

    load(RunConfig, source, overrides, rules=run_rules, architectures=…)

A key that is unknown but close to a known one is read as that one for the rest of the check, so that one typo doesn't
hide what else is wrong.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from ganray.config.run import Architecture
from ganray.config.schema import Schema
from ganray.errors import ConfigError, Problem

S = TypeVar("S", bound=Schema)
ArchitectureSchema = Callable[[str, str], type[Architecture]]
"""(`generators` or `discriminators`, type) → the schema of that architecture; LookupError with the known ones."""
RECIPES = Path(__file__).parent.parent / "recipes"


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads `1e-4` as text and lets a key be given twice; this reads a number and refuses the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


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
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {' '.join(str(error).split())}") from error


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
        raise ConfigError(f"{path} holds {type(document).__name__}, not keys and values")
    return document


def dump_yaml(document: Any) -> str:
    """YAML in the order of the keys."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def recipe_names() -> list[str]:
    """The recipes in the box."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def recipe_path(recipe: str | Path) -> Path:
    """A recipe's file, from its name in the box or its path.

    Raises:
        ConfigError: Neither.
    """
    if str(recipe) in recipe_names():
        return RECIPES / f"{recipe}.yaml"
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    close = difflib.get_close_matches(str(recipe), recipe_names(), 1)
    raise ConfigError(
        f"no recipe {str(recipe)!r}",
        mend=f"did you mean {close[0]}?" if close else f"give a YAML file or one of: {', '.join(recipe_names())}",
    )


def apply_overrides(document: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`a.b=v` written into a copy of `document`; `v` is YAML, and a number steps into a list (`discriminators.0.type`).

    Raises:
        ConfigError: An override has no `=`, or steps through something that has no keys.
    """
    document = deepcopy(document)
    problems = []
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            problems.append(Problem(override, override, "is not of the form key.key=value", "write --set a.b=1"))
            continue
        problem = set_path(document, path.strip(), parse_yaml(text, f"--set {path}"))
        if problem:
            problems.append(problem)
    if problems:
        raise ConfigError(_title(len(problems), "--set"), problems=problems)
    return document


def set_path(document: dict[str, Any], path: str, value: Any) -> Problem | None:
    """Write `value` at a dotted path, making mappings on the way; the problem, if the path can't be followed."""
    *parents, last = path.split(".")
    node: Any = document
    for key in parents:
        if isinstance(node, list):
            if not key.isdigit() or int(key) >= len(node):
                return Problem(path, value, f"{key} is no index of a list of {len(node)}", "count from 0")
            node = node[int(key)]
        else:
            if node.get(key) is None:
                node[key] = {}
            node = node[key]
        if not isinstance(node, dict | list):
            return Problem(path, value, f"{key} is a value, not a group of keys", "shorten the path")
    if isinstance(node, list):
        if not last.isdigit() or int(last) >= len(node):
            return Problem(path, value, f"{last} is no index of a list of {len(node)}", "count from 0")
        node[int(last)] = value
    else:
        node[last] = value
    return None


def load(
    schema: type[S],
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    rules: Callable[[S], list[Problem]] | None = None,
    architectures: ArchitectureSchema | None = None,
) -> S:
    """Read, override and check a config.

    Args:
        schema: The model of the whole document.
        source: A YAML file, or a mapping that was read from one.
        overrides: `--set` texts, applied in order.
        rules: Cross-field rules, run on what could be read.
        architectures: Gives the schema of `generator` and of each of `discriminators`; without it their own keys are
            taken as they are.

    Raises:
        ConfigError: With every problem: path, value, rule, mend.
    """
    document = dict(source) if isinstance(source, Mapping) else read_yaml(source)
    document = apply_overrides(document, overrides)
    problems: list[Problem] = []
    if architectures:
        _fill_architectures(document, architectures, problems)
    config, repaired = _validate(schema, document, "", problems)
    if rules and (config or repaired):
        problems += rules(config or repaired)  # type: ignore[arg-type]
    if problems or config is None:
        name = "config" if isinstance(source, Mapping) else f"{Path(source).name}"
        raise ConfigError(_title(len(problems), name + (" with --set" if overrides else "")), problems=problems)
    return config


def _title(count: int, where: str) -> str:
    return f"{count} problem{'s' if count != 1 else ''} in {where}"


def _fill_architectures(document: dict[str, Any], schema_of: ArchitectureSchema, problems: list[Problem]) -> None:
    """Replace every architecture in `document` by its checked form, with defaults filled in."""
    places: list[tuple[str, str, Any, Callable[[Any], None]]] = []
    if isinstance(document.get("generator"), dict):
        places.append(("generators", "generator", document["generator"], lambda v: document.update(generator=v)))
    if isinstance(document.get("discriminators"), list):
        listed = document["discriminators"] = list(document["discriminators"])
        for i, value in enumerate(listed):
            if isinstance(value, dict):
                places.append(("discriminators", f"discriminators.{i}", value, _setter(listed, i)))
    for kind, path, value, put in places:
        if not isinstance(value.get("type"), str):
            continue  # the schema of the whole says so
        try:
            schema = schema_of(kind, value["type"])
        except LookupError as error:
            known = list(error.args[0])
            close = difflib.get_close_matches(value["type"], known, 1)
            mend = f"did you mean {close[0]}?" if close else f"use one of {', '.join(known)}"
            problems.append(Problem(f"{path}.type", value["type"], f"no such architecture {value['type']!r}", mend))
            continue
        config, repaired = _validate(schema, value, f"{path}.", problems)
        checked = config or repaired
        if checked is not None:
            put(checked.model_dump(mode="json"))


def _setter(target: list, index: int) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        target[index] = value

    return put


def _validate(schema: type[S], document: Any, prefix: str, problems: list[Problem]) -> tuple[S | None, S | None]:
    """(the config, None), or (None, what could be repaired of it) with the problems noted."""
    try:
        return schema.model_validate(document), None
    except ValidationError as error:
        repaired = deepcopy(document)
        # Repairs work backwards, so that removing an item from a list leaves the earlier paths true.
        for detail in reversed(error.errors(include_url=False)):
            location = tuple(part for part in detail["loc"] if not _is_union_label(part))
            problem = _as_problem(schema, location, detail, prefix)
            if all(problem.path != other.path for other in problems):
                problems.insert(0, problem)
            _repair(schema, repaired, location, detail["type"])
        try:
            return None, schema.model_validate(repaired)
        except ValidationError:
            return None, None


def _is_union_label(part: int | str) -> bool:
    """Pydantic puts the tried type of a union into the path (`num_workers.constrained-int`)."""
    return isinstance(part, str) and bool(re.search(r"[^A-Za-z0-9_.-]|^constrained-|^(int|float|str|none|bool)$", part))


def _as_problem(schema: type[BaseModel], location: tuple, detail: Any, prefix: str) -> Problem:
    path = prefix + ".".join(str(part) for part in location)
    value = detail.get("input")
    if detail["type"] == "extra_forbidden":
        known = _keys_at(schema, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), known, 1, cutoff=0.7)
        full = prefix + ".".join([*(str(part) for part in location[:-1]), close[0]]) if close else ""
        mend = f"did you mean {full}?" if close else f"known here: {', '.join(known)}"
        return Problem(path, value, "unknown key", mend)
    if detail["type"] == "missing":
        return Problem(path, None, "is needed", "add it")
    allowed = _description(schema, location)
    return Problem(path, value, f"{_short(value)}: {detail['msg'][0].lower()}{detail['msg'][1:]}", allowed)


def _repair(schema: type[BaseModel], document: Any, location: tuple, kind: str) -> None:
    node = document
    for part in location[:-1]:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return
    if not isinstance(node, dict) or location[-1] not in node:
        return
    value = node.pop(location[-1])
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(str(location[-1]), _keys_at(schema, location[:-1]), 1, cutoff=0.7)
        if close and close[0] not in node:
            node[close[0]] = value


def _model_at(schema: type[BaseModel], location: tuple) -> type[BaseModel] | None:
    """The model that a path leads into."""
    model: type[BaseModel] | None = schema
    for part in location:
        if isinstance(part, int):
            continue
        if model is None or part not in model.model_fields:
            return None
        model = _first_model(model.model_fields[part].annotation)
    return model


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _first_model(inner)
        if found:
            return found
    return None


def _keys_at(schema: type[BaseModel], location: tuple) -> list[str]:
    model = _model_at(schema, location)
    return list(model.model_fields) if model else []


def _description(schema: type[BaseModel], location: tuple) -> str:
    names = [part for part in location if isinstance(part, str)]
    model = _model_at(schema, tuple(names[:-1])) if names else None
    field = model.model_fields.get(names[-1]) if model else None
    return (field.description or "").split("\n")[0].rstrip(".") if field else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
