"""A recipe's `type` is a module's file name, or an entry point's: this finds the module. There is no list to edit.

An installed package brings architectures by entry points of the groups `ganray.generators` and `ganray.discriminators`,
each the name of a module with a `Config` and a `Generator` or a `Discriminator`:

    [project.entry-points."ganray.generators"]
    mine = "my_package.mine"
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ganray.config import Architecture, AudioConfig, RunConfig, load, recipe_path, run_rules
from ganray.errors import ConfigError, Problem
from ganray.models import discriminators, generators
from ganray.models.contract import Discriminator, Generator

_PACKAGES: dict[str, ModuleType] = {"generators": generators, "discriminators": discriminators}


def types(kind: str) -> list[str]:
    """All architectures of `kind`, which is `generators` or `discriminators`."""
    own = {found.name for found in pkgutil.iter_modules(_PACKAGES[kind].__path__)}
    return sorted(own | {point.name for point in entry_points(group=f"ganray.{kind}")})


def schema_of(kind: str, type: str) -> type[Architecture]:
    """The keys of an architecture.

    Raises:
        LookupError: There is no such architecture; its argument lists those there are.
        ConfigError: It is another package's, and can't be imported.
    """
    if not _is_known(kind, type):
        raise LookupError(types(kind))
    return _module(kind, type).Config


def load_run(source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> RunConfig:
    """A recipe (name, YAML file or mapping) with `--set` texts applied: checked, and complete with all defaults.

    Raises:
        ConfigError: With every problem.
    """
    document = source if isinstance(source, Mapping) else recipe_path(source)
    return load(RunConfig, document, overrides, rules=_all_rules, architectures=schema_of)


def _all_rules(run: RunConfig) -> list[Problem]:
    problems = run_rules(run)
    for kind, configs in (("generators", [run.generator]), ("discriminators", run.discriminators)):
        for config in configs:
            if _is_known(kind, config.type):
                problems += _module(kind, config.type).Config.model_validate(config.model_dump()).rules(run)
    return problems


def build_generator(config: Architecture, audio: AudioConfig) -> Generator:
    """The generator that a config describes, freshly initialised."""
    module = _module("generators", config.type)
    return module.Generator(module.Config.model_validate(config.model_dump()), audio)


def condition_of(type: str) -> str:
    """What a generator speaks from: `noise`, `mel` or `text`."""
    condition: str = _module("generators", type).Generator.condition
    return condition


def build_discriminators(configs: Sequence[Architecture], audio: AudioConfig, segment_length: int) -> nn.ModuleList:
    """The discriminators that a run's configs describe, freshly initialised."""
    return nn.ModuleList([_build_discriminator(config, audio, segment_length) for config in configs])


def _build_discriminator(config: Architecture, audio: AudioConfig, segment_length: int) -> Discriminator:
    module = _module("discriminators", config.type)
    return module.Discriminator(module.Config.model_validate(config.model_dump()), audio, segment_length)


def _module(kind: str, type: str) -> Any:
    if _is_own(kind, type):
        return importlib.import_module(f"{_PACKAGES[kind].__name__}.{type}")
    point = _outside(kind, type)
    if point is None:
        raise LookupError(f"{kind} {type} is not known")
    try:
        module = point.load()
    except Exception as error:  # another package's code: anything
        owner = point.dist.name if point.dist else point.value
        raise ConfigError(
            f"architecture {type} of the package {owner} can't be imported: {error}", mend=f"mend or remove {owner}"
        ) from error
    missing = [name for name in ("Config", kind[:-1].capitalize()) if not hasattr(module, name)]
    if missing:
        raise ConfigError(f"{point.value}, which is to be the architecture {type}, has no {' and no '.join(missing)}")
    return module


def _is_known(kind: str, type: str) -> bool:
    return _is_own(kind, type) or _outside(kind, type) is not None


def _is_own(kind: str, type: str) -> bool:
    return type.isidentifier() and importlib.util.find_spec(f"{_PACKAGES[kind].__name__}.{type}") is not None


def _outside(kind: str, type: str) -> EntryPoint | None:
    return next(iter(entry_points(group=f"ganray.{kind}", name=type)), None)
