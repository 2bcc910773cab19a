"""Where a text generator's own alignment ends words, against PocketSphinx's forced alignment.

python tools/boundaries.py RUN|VOICE DATASET [--clips 50] [--plot docs/alignment.png]

Prints {"clips", "boundaries", "median_ms", "within_40_ms_percent", …}. Clips with a word that PocketSphinx's dictionary
does not have are left out. The plot shows one clip: what every frame may say, the path, and PocketSphinx's boundaries.
"""

import argparse
import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
import torch

from ganray.audio import LogMel, resample, to_pcm16
from ganray.data import Dataset, Split
from ganray.data.loader import read_script
from ganray.data.sampler import Draw
from ganray.gan.run import Run
from ganray.metrics.wer import RATE, words
from ganray.models import build_generator
from ganray.text import front_end
from ganray.training.validation import better
from ganray.voice import Voice

FRAMES_A_SECOND = 100
"""Of PocketSphinx."""
BETWEEN = {"_", " ", "‖", ",", ".", "?", "!", ";", ":", "—", "…"}
"""Symbols that are no part of a word."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    generator, data = opened(given.model), Dataset.open(given.dataset)
    decoder = pocketsphinx.Decoder(samprate=RATE, loglevel="FATAL")
    places = ((data.split(name), index) for name in ("validation", "train") for index in range(len(data.split(name))))
    pairs = ((clip, theirs) for clip in places if (theirs := heard(decoder, *clip)) is not None)
    errors, drawn = [], False
    for (split, index), theirs in islice(pairs, given.clips):
        durations, likely = aligned(generator, split, index)
        ours = ends(["_", *split.phonemes(index), "_"], durations) * data.audio.hop_length / data.audio.sample_rate
        errors.append(1e3 * np.abs(ours - theirs))
        if given.plot and not drawn and 6 <= len(theirs) <= 9:
            drawn = True
            draw(given.plot, split, index, durations, likely, theirs, data)
    all_ms = np.concatenate(errors)
    print(
        json.dumps(
            {
                "clips": len(errors),
                "boundaries": len(all_ms),
                "median_ms": round(float(np.median(all_ms)), 1),
                "mean_ms": round(float(all_ms.mean()), 1),
                "within_40_ms_percent": round(100 * float((all_ms <= 40).mean()), 1),
                "worst_clip_median_ms": round(max(float(np.median(its)) for its in errors), 1),
            }
        )
    )


def opened(path: str) -> Any:
    """The generator of a voice, or of a run's best checkpoint."""
    if Path(path, "voice.yaml").is_file():
        return Voice.load(path).generator
    run = Run.open(path)
    generator = build_generator(run.config.generator, run.config.audio)
    steps = run.best_steps(better(run.config)) or run.steps()
    generator.load_state_dict(run.load(steps[0])["average"])
    return generator.eval()


def heard(decoder: Any, split: Split, index: int) -> np.ndarray | None:
    """Seconds where PocketSphinx ends each word; None where it can't say, or counts other words."""
    clip = split[index]
    spoken = words(front_end("english").phonemize(clip.text).spoken)
    count = len(groups(["_", *clip.phonemes, "_"]))
    if len(spoken) != count or any(decoder.lookup_word(word) is None for word in spoken):
        return None
    decoder.set_align_text(" ".join(spoken))
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(to_pcm16(resample(clip.waveform, split.audio.sample_rate, RATE)).tobytes(), full_utt=True)
    decoder.end_utt()
    segments = [s for s in decoder.seg() or () if not s.word.startswith(("<", "["))]
    found = np.array([(s.end_frame + 1) / FRAMES_A_SECOND for s in segments])
    return found if len(found) == count else None


def aligned(generator: Any, split: Split, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames of each symbol, (P,), and log-probabilities, (F, P)."""
    script = read_script(split, [Draw(0, index, 0, 0)], split.audio, generator.symbols, [])
    mel = LogMel(split.audio)(script.padded, padded=True)
    found = generator.align(script, mel)
    return found.durations[0].numpy(), found.log_probs[0].numpy()


def groups(symbols: list[str]) -> list[tuple[int, int]]:
    """(first, last) symbol of each word."""
    found: list[tuple[int, int]] = []
    inside = False
    for place, symbol in enumerate(symbols):
        if symbol in BETWEEN:
            inside = False
        elif inside:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
            inside = True
    return found


def ends(symbols: list[str], durations: np.ndarray) -> np.ndarray:
    """Frame at which each word ends."""
    after = np.cumsum(durations)
    return np.array([after[last] for _, last in groups(symbols)])


def draw(
    path: Path, split: Split, index: int, durations: np.ndarray, likely: np.ndarray, theirs: np.ndarray, data: Dataset
) -> None:
    """The picture of one clip."""
    from matplotlib.figure import Figure

    clip, seconds = split[index], data.audio.hop_length / data.audio.sample_rate
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    axis = figure.subplots()
    height = len(durations)
    shown = likely.T.clip(-12, 0)
    axis.imshow(
        shown,
        origin="lower",
        aspect="auto",
        extent=(0, len(likely) * seconds, -0.5, height - 0.5),
        cmap="magma",
        interpolation="nearest",
    )
    path_x = np.concatenate([[0], np.cumsum(durations)]) * seconds
    axis.step(path_x[:-1], np.arange(height), where="post", color="cyan", lw=1.2, label="path")
    for place, end in enumerate(theirs):
        axis.axvline(end, color="white", lw=0.7, ls=":", label="PocketSphinx: a word ends" if not place else None)
    axis.set_yticks(range(height), ["_", *clip.phonemes, "_"], fontsize=6)
    axis.set_xlabel("s")
    axis.set_title(clip.text, loc="left", fontsize=10)
    axis.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
