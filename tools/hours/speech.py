"""Many hours of speech, cheaply: a little that hibari-tts speaks, and takes of two of its sentences, each another way.

A clip is one sentence and another, at a pitch and pace of its own (0.8 to 1.25, by resampling) and a level of its own.
Every pass over the spoken sentences pairs them anew. So no two clips are one sound, and few say the same, but it is
one voice: enough to see what a corpus of that size costs, and nothing to learn from.
"""

import os
from pathlib import Path

import numpy as np
import soundfile

from ganray.audio import resample
from ganray.data.example import make_corpus

RATE = 24_000
PAUSE_S = 0.25
Sentence = tuple[str, np.ndarray]


def spoken(folder: Path, minutes: float) -> list[Sentence]:
    """(text, (T,) int16) of each sentence; spoken once, and kept in `folder`."""
    if not folder.exists():
        make_corpus(folder, minutes)
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines]
    return [(row[1], soundfile.read(folder / "wavs" / f"{row[0]}.flac", dtype="int16")[0]) for row in rows]


def takes(folder: Path, sentences: list[Sentence], hours: float, seed: int = 0) -> list[tuple[str, float]]:
    """Write clips to `folder` until there are so many hours: (line of metadata.csv, seconds) of each, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[tuple[str, float]] = []
    seconds, number = 0.0, 0
    while seconds < 3600 * hours:
        order = np.random.default_rng([seed, number]).permutation(len(sentences))
        for one, other in zip(order[::2], order[1::2], strict=False):
            clip = take(sentences[one][1], sentences[other][1], np.random.default_rng([seed, 1, number]))
            name = f"take-{number:06d}"
            soundfile.write(folder / f"{name}.flac", clip, RATE, subtype="PCM_16")
            made.append((f"{name}|{sentences[one][0]} {sentences[other][0]}", len(clip) / RATE))
            seconds, number = seconds + made[-1][1], number + 1
            if seconds >= 3600 * hours:
                break
    return made


def take(one: np.ndarray, other: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(T,) int16: two sentences, (T,) int16 each, one after the other, at a pace and a level of their own."""
    factor, gain = 0.8 * (1.25 / 0.8) ** random.random(), 10 ** (random.uniform(-6, 0) / 20)
    room = 30 * random.standard_normal(int(PAUSE_S * RATE))
    whole = np.concatenate([one, room, other]).astype(np.float32) / 32_768
    return np.round(32_767 * np.clip(gain * resample(whole, RATE, round(factor * RATE)), -1, 1)).astype(np.int16)


def part(whole: Path, made: list[tuple[str, float]], out: Path, hours: float) -> float:
    """A corpus in LJSpeech layout of the first so many hours, its files linked; its seconds."""
    (out / "wavs").mkdir(parents=True)
    lines, seconds = [], 0.0
    for line, its in made:
        if seconds >= 3600 * hours:
            break
        name = f"{line.split('|')[0]}.flac"
        os.link(whole / name, out / "wavs" / name)
        lines.append(line)
        seconds += its
    (out / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return seconds
