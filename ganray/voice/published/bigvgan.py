"""BigVGAN's own files: generator checkpoint and config.json, of v1 and v2 (Lee et al. 2023, NVIDIA/BigVGAN).

Its mel is HiFi-GAN's.
"""

import re
from pathlib import Path
from typing import Any

from ganray.models import Generator
from ganray.voice.published import hifigan
from ganray.voice.published.files import Weights, fill, needed, part, read_checkpoint


def generator_of(config: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The generator of a config.json."""
    return hifigan.generator_of(config, path, "bigvgan") | {
        "activation": needed(config, "activation", path),
        "log_scale": needed(config, "snake_logscale", path),
        "tanh": config.get("use_tanh_at_final", True),
        "last_bias": config.get("use_bias_at_final", True),
    }


def their_name(ours: str, config: Any) -> str:
    """Of a weight of the generator."""

    def conv(match: re.Match) -> str:
        place = int(match[1])
        return f".convs{place % 2 + 1}.{place // 2}." if config.resblock_pairs else f".convs.{place}."

    name = re.sub(r"\.convolutions\.(\d+)\.", conv, ours)
    name = re.sub(r"\.activations\.(\d+)\.activation\.", r".activations.\1.act.", name)
    name = re.sub(r"^activation\.activation\.", "activation_post.act.", name)
    return re.sub(r"^ups\.(\d+)\.", r"ups.\1.0.", hifigan.their_name(name, config))


def fill_generator(generator: Generator, checkpoint: str | Path) -> None:
    """Give a generator without weight normalisation a checkpoint's weights."""
    weights = part(read_checkpoint(checkpoint), "generator", checkpoint)
    fill(generator, _no_filters(weights), lambda name: their_name(name, generator.config), checkpoint)


def _no_filters(weights: Weights) -> Weights:
    """Without the low-pass filters, which are the same in all."""
    return {name: value for name, value in weights.items() if not name.endswith(".filter")}
