"""A recipe's `type` is a module's file name: this finds the module. There is no list to edit."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ganray.config import Architecture, AudioConfig, RunConfig, load, recipe_path, run_rules
from ganray.errors import Problem
from ganray.models import discriminators, generators
from ganray.models.contract import Discriminator, Generator

_PACKAGES: dict[str, ModuleType] = {"generators": generators, "discriminators": discriminators}


def types(kind: str) -> list[str]:
    """All architectures of `kind`, which is `generators` or `discriminators`."""
    return sorted(found.name for found in pkgutil.iter_modules(_PACKAGES[kind].__path__))


def schema_of(kind: str, type: str) -> type[Architecture]:
    """The keys of an architecture.

    Raises:
        LookupError: There is no such architecture; its argument lists those there are.
    """
    if type not in types(kind):
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
            if config.type in types(kind):
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
    return importlib.import_module(f"{_PACKAGES[kind].__name__}.{type}")
