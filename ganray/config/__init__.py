"""The typed schema of everything a user writes. No torch, no Ray: it loads in a blink."""

from ganray.config.audio import AudioConfig
from ganray.config.load import load, read_yaml, recipe_names, recipe_path
from ganray.config.rules import run_rules
from ganray.config.run import Architecture, ObjectiveConfig, OptimConfig, RunConfig

__all__ = [
    "Architecture",
    "AudioConfig",
    "ObjectiveConfig",
    "OptimConfig",
    "RunConfig",
    "load",
    "read_yaml",
    "recipe_names",
    "recipe_path",
    "run_rules",
]
