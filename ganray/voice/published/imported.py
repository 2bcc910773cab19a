"""`ganray import`: official weights become a voice."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ganray.errors import UsageError
from ganray.models import Generator, build_generator, load_run
from ganray.models.contract import remove_weight_norm
from ganray.voice.bundle import Voice, save_voice
from ganray.voice.published import bigvgan, hifigan, vocos
from ganray.voice.published.files import read_config


class Kind(NamedTuple):
    """How one implementation's files are read."""

    audio_of: Callable[[dict[str, Any], str | Path], dict[str, Any]]
    generator_of: Callable[[dict[str, Any], str | Path], dict[str, Any]]
    fill: Callable[[Generator, str | Path], None]


KINDS = {
    "hifigan": Kind(hifigan.audio_of, hifigan.generator_of, hifigan.fill_generator),
    "bigvgan": Kind(hifigan.audio_of, bigvgan.generator_of, bigvgan.fill_generator),
    "vocos": Kind(vocos.audio_of, vocos.generator_of, vocos.fill_generator),
}


def import_voice(
    kind: str,
    checkpoint: str | Path,
    config: str | Path,
    out: str | Path,
    *,
    discriminators: str | Path | None = None,
    name: str | None = None,
    half: bool = False,
) -> Voice:
    """Write official weights as a voice folder.

    Args:
        kind: One of KINDS.
        checkpoint: Their weights: HiFi-GAN's `g_*`, BigVGAN's `bigvgan_generator.pt`, Vocos's `pytorch_model.bin`.
        config: Their config.json or config.yaml.
        out: The voice's folder; must not be there yet.
        discriminators: HiFi-GAN's `do_*`, to fine-tune the voice with.
        name: Of the voice; the folder's name without it.
        half: Weights of 16 bits.

    Raises:
        UsageError: The folder is there already, or only HiFi-GAN's discriminators can be read.
        ConfigError: The config lacks a key, or describes what this architecture can't be.
        DataError: The weights can't be read, or are not those of the config.
    """
    if Path(out).exists():
        raise UsageError(f"{out} is there already", mend="choose another folder, or move it away")
    if discriminators is not None and kind != "hifigan":
        raise UsageError(f"discriminators of {kind} can't be imported", mend="leave --discriminators out")
    how, document = KINDS[kind], read_config(config)
    audio = how.audio_of(document, config)
    frames = -(-2 * int(audio["n_fft"]) // int(audio["hop_length"]))
    run = load_run(
        {
            "name": "imported",
            "audio": audio,
            "generator": how.generator_of(document, config),
            "data": {"segment_length": max(frames, 32) * int(audio["hop_length"])},
            "schedule": {"max_steps": 1},
        }
    )
    generator = build_generator(run.generator, run.audio).eval()
    remove_weight_norm(generator)
    how.fill(generator, checkpoint)
    judges = hifigan.read_discriminators(discriminators, run.audio) if discriminators is not None else None
    origin = {"imported": kind, "checkpoint": Path(checkpoint).name, "sha256": _digest(checkpoint)}
    named = name or Path(out).name
    return save_voice(out, generator, name=named, origin=origin, sample=None, half=half, discriminators=judges)


def _digest(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
