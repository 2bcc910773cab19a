"""HiFi-GAN's own files: `g_*` and `do_*` checkpoints and config.json (Kong et al. 2020, jik876/hifi-gan).

Its mel: the ends reflected by (n_fft - hop) / 2, sqrt(re² + im² + 1e-9), librosa's filters (Slaney's scale and area),
log(max(1e-5, ·)).
"""

import json
import re
from pathlib import Path
from typing import Any

import torch

from ganray.config import Architecture, AudioConfig
from ganray.errors import AudioContractError, Problem, UsageError
from ganray.models import Discriminator, Generator, build_discriminators
from ganray.models.contract import remove_weight_norm
from ganray.models.discriminators.mpd import LEVEL
from ganray.models.weight_norm import length
from ganray.voice.published.files import Weights, fill, needed, part, read_checkpoint

MEL = {"mel_scale": "slaney", "mel_norm": "slaney", "epsilon": 1e-9, "floor": 1e-5, "log_base": "e"}
"""What its config doesn't say, because its code does."""
FIXED = ("mel_scale", "mel_norm", "log_base", "floor", "padding", "centered")
DISCRIMINATORS = (Architecture(type="mpd"), Architecture(type="msd"))
"""Those of its code: our defaults."""


def audio_of(config: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The audio contract of a config.json of HiFi-GAN or BigVGAN."""
    rate = needed(config, "sampling_rate", path)
    return MEL | {
        "sample_rate": rate,
        "n_fft": needed(config, "n_fft", path),
        "win_length": needed(config, "win_size", path),
        "hop_length": needed(config, "hop_size", path),
        "n_mels": needed(config, "num_mels", path),
        "f_min": config.get("fmin") or 0.0,
        "f_max": config.get("fmax") or rate / 2,
    }


def generator_of(config: dict[str, Any], path: str | Path, kind: str = "hifigan") -> dict[str, Any]:
    """The generator of a config.json of HiFi-GAN or BigVGAN."""
    return {
        "type": kind,
        "channels": needed(config, "upsample_initial_channel", path),
        "upsample_rates": needed(config, "upsample_rates", path),
        "upsample_kernels": needed(config, "upsample_kernel_sizes", path),
        "resblock_kernels": needed(config, "resblock_kernel_sizes", path),
        "resblock_dilations": needed(config, "resblock_dilation_sizes", path),
        "resblock_pairs": str(needed(config, "resblock", path)) == "1",
    }


def their_name(ours: str, config: Any) -> str:
    """Of a weight of the generator."""
    blocks = len(config.resblock_kernels)
    single = "convs1" if config.resblock_pairs else "convs"
    name = re.sub(r"stages\.(\d+)\.blocks\.(\d+)", lambda m: f"resblocks.{int(m[1]) * blocks + int(m[2])}", ours)
    name = re.sub(r"^stages\.(\d+)\.up", r"ups.\1", name)
    name = name.replace(".dilated.", f".{single}.").replace(".plain.", ".convs2.")
    return re.sub("^embed", "conv_pre", re.sub("^out", "conv_post", name))


def fill_generator(generator: Generator, checkpoint: str | Path) -> None:
    """Give a generator without weight normalisation a `g_*` file's weights."""
    weights = part(read_checkpoint(checkpoint), "generator", checkpoint)
    fill(generator, weights, lambda name: their_name(name, generator.config), checkpoint)


def read_discriminators(checkpoint: str | Path, audio: AudioConfig) -> list[Discriminator]:
    """The discriminators of a `do_*` file, without weight normalisation.

    Ours hear ten times the level, so the first convolution of each judge is divided by that; the spectral norm of the
    first scale is folded into its weights.
    """
    content = read_checkpoint(checkpoint)
    judges = build_discriminators(DISCRIMINATORS, audio, 16 * audio.hop_length)
    remove_weight_norm(judges)
    for judge, name in zip(judges, ("mpd", "msd"), strict=True):
        fill(judge, part(content, name, checkpoint), _judges_name, f"{checkpoint}, {name}")
        for weight_name, value in judge.state_dict().items():
            if weight_name.endswith(".convolutions.0.weight"):
                value /= LEVEL  # the parameter's own memory
    return [judge for judge in judges if isinstance(judge, Discriminator)]


def _judges_name(ours: str) -> str:
    return (
        ours.replace("judges.", "discriminators.").replace(".convolutions.", ".convs.").replace(".out.", ".conv_post.")
    )


def export_hifigan(generator: Generator, out: str | Path, step: int = 0) -> Path:
    """Write `g_<step>` and config.json, as HiFi-GAN's own code reads them.

    Args:
        generator: Of type hifigan.
        out: Folder; must not be there yet.
        step: Updates it was trained for: names the file.

    Raises:
        UsageError: It is another architecture, or the folder is there already.
        AudioContractError: Its mel is one that their code doesn't compute.
    """
    out, audio, config = Path(out), generator.audio, generator.config
    if config.type != "hifigan":
        raise UsageError(f"a {config.type} generator has no HiFi-GAN layout", mend="leave --format out")
    theirs = AudioConfig.model_validate(MEL | audio.model_dump(include={*AudioConfig.model_fields} - {*MEL}))
    theirs = theirs.model_copy(update={"padding": "reflect", "centered": False})
    problems = [
        Problem(f"audio.{key}", getattr(audio, key), f"their code has {getattr(theirs, key)}")
        for key in FIXED
        if getattr(audio, key) != getattr(theirs, key)
    ]
    if problems:
        raise AudioContractError("HiFi-GAN's own code computes another mel", problems=problems)
    if out.exists():
        raise UsageError(f"{out} is there already", mend="choose another folder, or move it away")
    remove_weight_norm(generator)
    weights: Weights = {}
    for name, value in generator.state_dict().items():
        other = their_name(name, config)
        if name.endswith(".weight"):
            weights[other + "_g"], weights[other + "_v"] = length(value), value
        else:
            weights[other] = value
    document = {
        "resblock": "1" if config.resblock_pairs else "2",
        "upsample_rates": config.upsample_rates,
        "upsample_kernel_sizes": config.upsample_kernels,
        "upsample_initial_channel": config.channels,
        "resblock_kernel_sizes": config.resblock_kernels,
        "resblock_dilation_sizes": config.resblock_dilations,
        "segment_size": 32 * audio.hop_length,
        "num_mels": audio.n_mels,
        "num_freq": audio.n_fft // 2 + 1,
        "n_fft": audio.n_fft,
        "hop_size": audio.hop_length,
        "win_size": audio.win_length,
        "sampling_rate": audio.sample_rate,
        "fmin": audio.f_min,
        "fmax": audio.f_max,
        "fmax_for_loss": None,
        "num_gpus": 0,
        "batch_size": 16,
        "learning_rate": 0.0002,
        "adam_b1": 0.8,
        "adam_b2": 0.99,
        "lr_decay": 0.999,
        "seed": 1234,
        "num_workers": 4,
    }
    out.mkdir(parents=True)
    torch.save({"generator": weights}, out / f"g_{step:08d}")
    (out / "config.json").write_text(json.dumps(document, indent=4) + "\n", encoding="utf-8")
    return out
