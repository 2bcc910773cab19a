"""Vocos's own files: pytorch_model.bin, or a checkpoint of its training, and config.yaml (Siuzdak 2023,
gemelo-ai/vocos).

Its mel: torchaudio's with power 1 (HTK scale, no norm), centred or padded as HiFi-GAN's, log(max(1e-7, ·)).
"""

from pathlib import Path
from typing import Any

import torch

from ganray.audio import mel_filters
from ganray.config import AudioConfig
from ganray.errors import ConfigError, DataError
from ganray.models import Generator
from ganray.voice.published.files import Weights, fill, needed, read_checkpoint

CLASSES = {
    "feature_extractor": "vocos.feature_extractors.MelSpectrogramFeatures",
    "backbone": "vocos.models.VocosBackbone",
    "head": "vocos.heads.ISTFTHead",
}
"""What a config may name; read as words, never imported."""
FILTERS = "feature_extractor.mel_spec.mel_scale.fb"
WORDS = (
    (".blocks.", ".convnext."),
    (".depthwise.", ".dwconv."),
    (".expand.", ".pwconv1."),
    (".project.", ".pwconv2."),
    (".gain", ".gamma"),
    (".last_norm.", ".final_layer_norm."),
)
"""(Ours, theirs) inside a name."""


def settings(config: dict[str, Any], path: str | Path) -> dict[str, dict[str, Any]]:
    """The arguments of feature extractor, backbone and head; of a training's config, too.

    Raises:
        ConfigError: One is of another class, or they disagree.
    """
    if "model" in config:
        config = needed(config, "model.init_args", path)
    for name, known in CLASSES.items():
        named = needed(config, f"{name}.class_path", path)
        if named != known:
            raise ConfigError(f"{path}: {name} is {named}, only {known} can be imported", mend="use a mel voice's")
    found = {name: dict(needed(config, f"{name}.init_args", path)) for name in CLASSES}
    features, head = found["feature_extractor"], found["head"]
    for key in ("n_fft", "hop_length"):
        if needed(features, key, path) != needed(head, key, path):
            raise ConfigError(f"{path}: feature extractor and head disagree on {key}")
    if features.get("padding", "center") != head.get("padding", "same"):
        raise ConfigError(f"{path}: feature extractor and head disagree on padding")
    return found


def audio_of(config: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The audio contract of a config.yaml."""
    features = settings(config, path)["feature_extractor"]
    return {
        "sample_rate": needed(features, "sample_rate", path),
        "n_fft": features["n_fft"],
        "win_length": features["n_fft"],
        "hop_length": features["hop_length"],
        "n_mels": needed(features, "n_mels", path),
        "f_min": 0.0,
        "f_max": features["sample_rate"] / 2,
        "floor": 1e-7,
        "centered": features.get("padding", "center") == "center",
    }


def generator_of(config: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The generator of a config.yaml."""
    backbone = settings(config, path)["backbone"]
    return {
        "type": "vocos",
        "channels": needed(backbone, "dim", path),
        "inner": needed(backbone, "intermediate_dim", path),
        "blocks": needed(backbone, "num_layers", path),
    }


def their_name(ours: str) -> str:
    """Of a weight of the generator."""
    name = f"head.{ours}" if ours.startswith("out.") else ours
    for word, other in WORDS:
        name = name.replace(word, other)
    return name


def fill_generator(generator: Generator, checkpoint: str | Path) -> None:
    """Give a generator a checkpoint's weights.

    Raises:
        DataError: As `fill`; or the checkpoint's filterbank is another one than that of the audio contract.
    """
    content = read_checkpoint(checkpoint)
    content = content.get("state_dict", content)
    weights: Weights = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    _must_hear_alike(generator.audio, weights, checkpoint)
    mine = {name: value for name, value in weights.items() if name.startswith(("backbone.", "head.out."))}
    fill(generator, mine, their_name, checkpoint)


def _must_hear_alike(audio: AudioConfig, weights: Weights, checkpoint: str | Path) -> None:
    theirs, ours = weights.get(FILTERS), mel_filters(audio).T
    if theirs is None:
        return
    if theirs.shape != ours.shape or not torch.allclose(theirs.float(), ours, atol=1e-4):
        raise DataError(f"{checkpoint} holds another mel filterbank than its config says", first=FILTERS)
