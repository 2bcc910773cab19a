"""Generators and discriminators, one file an architecture."""

from ganray.models.contract import Discriminator, Generator, Inputs, num_parameters, slice_frames
from ganray.models.registry import build_discriminators, build_generator, load_run, schema_of, types

__all__ = [
    "Discriminator",
    "Generator",
    "Inputs",
    "build_discriminators",
    "build_generator",
    "load_run",
    "num_parameters",
    "schema_of",
    "slice_frames",
    "types",
]
