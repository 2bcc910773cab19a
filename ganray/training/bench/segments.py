"""A dataset for benchmarks: clips of the right shape, with the sound of a gliding voice in noise, made at once."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile

from ganray.config import RunConfig
from ganray.data.schema import COLUMNS, VERSION
from ganray.preparing.shards import SplitWriter, write_card
from ganray.text import front_end

FRAMES_A_PHONEME = 7
"""As in read English, at 94 frames a second."""


def make_dataset(out: Path, config: RunConfig, clips: int = 16, segments: int = 4) -> Path:
    """Write a dataset that `config` can train on.

    Args:
        out: A new folder.
        config: Says the audio contract and the length of a segment.
        clips: How many.
        segments: How many segments long each of them is.
    """
    out.mkdir(parents=True)
    writer = SplitWriter(out, config.data.split)
    for number in range(clips):
        writer.write(pa.Table.from_pylist([_clip(config, number, segments)], schema=COLUMNS))
    split = writer.close()
    seconds = split["num_samples"] / config.audio.sample_rate
    card = {"kind": "dataset", "schema_version": VERSION, "name": "made for a benchmark", "speakers": ["nobody"]}
    audio = config.audio.model_dump(mode="json")
    write_card(out, {**card, "audio": audio, "splits": {config.data.split: {**split, "seconds": seconds}}})
    return out


def _phonemes(config: RunConfig, count: int, random: np.random.Generator) -> list[str]:
    """Any of those that the generator knows; none for one that speaks no text."""
    name = config.generator.model_dump().get("front_end")
    return random.choice(front_end(name).symbols[1:], count).tolist() if name else []


def _clip(config: RunConfig, number: int, segments: int) -> dict:
    audio, random = config.audio, np.random.default_rng(number)
    num_samples = segments * config.data.segment_length
    times = np.arange(num_samples) / audio.sample_rate
    f0 = 160 + 50 * np.sin(2 * np.pi * 0.7 * times + random.uniform(0, 6))
    voiced = np.sin(2 * np.pi * 1.5 * times + random.uniform(0, 6)) > -0.5
    phase = 2 * np.pi * np.cumsum(f0) / audio.sample_rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 16))
    waveform = 0.1 * voice * voiced + 0.02 * random.standard_normal(num_samples)
    middle = np.arange(audio.hop_length // 2, num_samples, audio.hop_length)
    file = io.BytesIO()
    soundfile.write(file, waveform.clip(-1, 1), audio.sample_rate, format="FLAC", subtype="PCM_16")
    return {
        "id": f"made-{number}",
        "text": "",
        "phonemes": _phonemes(config, num_samples // audio.hop_length // FRAMES_A_PHONEME, random),
        "speaker": "nobody",
        "language": "und",
        "style": "",
        "audio": file.getvalue(),
        "num_samples": num_samples,
        "f0": (f0 * voiced)[middle].astype(np.float32),
        "energy": np.full(len(middle), 0.1, np.float32),
        "flags": [],
    }
