"""From YAML and `--set` to a checked config, with every problem told at once.

load(RunConfig, source, overrides, rules=run_rules, architectures=…)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ganray.config.boxed import RECIPES, recipe_names, recipe_path
from ganray.config.documents import apply_overrides, count_of, dump_yaml, parse_yaml, read_yaml, set_path
from ganray.config.problems import closest, examine
from ganray.config.run import Architecture
from ganray.config.schema import Schema
from ganray.errors import ConfigError, Problem

__all__ = [
    "RECIPES",
    "ArchitectureSchema",
    "apply_overrides",
    "dump_yaml",
    "load",
    "parse_yaml",
    "read_yaml",
    "recipe_names",
    "recipe_path",
    "set_path",
]

S = TypeVar("S", bound=Schema)
ArchitectureSchema = Callable[[str, str], type[Architecture]]
"""(`generators` or `discriminators`, type) → the schema of that architecture; LookupError with the known ones."""


def load(
    schema: type[S],
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    rules: Callable[[S], list[Problem]] | None = None,
    architectures: ArchitectureSchema | None = None,
    name: str = "",
) -> S:
    """Read, override and check a config.

    Args:
        schema: The model of the whole document.
        source: A YAML file, or a mapping that was read from one.
        overrides: `--set` texts, applied in order.
        rules: Cross-field rules, run on what could be read.
        architectures: Gives the schema of `generator` and of each of `discriminators`; without it their own keys are
            taken as they are.
        name: What to call the source in an error; its file name unless given.

    Raises:
        ConfigError: With every problem: path, value, rule, mend.
    """
    document = dict(source) if isinstance(source, Mapping) else read_yaml(source)
    document = apply_overrides(document, overrides)
    problems = _fill_architectures(document, architectures) if architectures else []
    config, found = examine(schema, document)
    told = {problem.path for problem in problems}
    problems += [problem for problem in found if problem.path not in told]
    if rules and config is not None:
        problems += rules(config)
    if problems or config is None:
        name = name or ("config" if isinstance(source, Mapping) else Path(source).name)
        raise ConfigError(count_of(problems, name + (" with --set" if overrides else "")), problems=problems)
    return config


def _fill_architectures(document: dict[str, Any], schema_of: ArchitectureSchema) -> list[Problem]:
    """Replace every architecture in `document` by its checked, complete form; what is wrong with them."""
    problems: list[Problem] = []

    def checked(kind: str, path: str, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            return value  # the schema of the whole says so
        try:
            schema = schema_of(kind, value["type"])
        except LookupError as error:
            known = list(error.args[0])
            meant = closest(value["type"], known)
            mend = f"did you mean {meant}?" if meant else f"use one of {', '.join(known)}"
            problems.append(Problem(f"{path}.type", value["type"], f"no such architecture {value['type']!r}", mend))
            return value
        config, found = examine(schema, value, f"{path}.")
        problems.extend(found)
        return value if config is None else config.model_dump(mode="json")

    if "generator" in document:
        document["generator"] = checked("generators", "generator", document["generator"])
    if isinstance(document.get("discriminators"), list):
        document["discriminators"] = [
            checked("discriminators", f"discriminators.{i}", value)
            for i, value in enumerate(document["discriminators"])
        ]
    return problems
