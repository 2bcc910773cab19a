"""Whether a voice does what it is asked for: pitch, its range, speed, volume, and whether it is still understood.

python tools/prosody.py VOICE [DATASET]

And its styles, where it has some. Measured on the sound: F0 by DIO (medians of the frames that are voiced in both),
lengths, levels, PER. With a dataset, also whether `--like` follows 20 of its held-out recordings: F0 against the
recording's where both are voiced, without the median distance, which is the voice's own.
"""

import json
import sys
from statistics import fmean
from typing import Any

import numpy as np

from ganray.audio.pitch import fundamental
from ganray.config.prepare import F0Config
from ganray.data import Clip, Dataset
from ganray.metrics import measure
from ganray.voice import Delivery, Voice

SENTENCES = [
    "The ferry left the harbour before anyone had paid for the coffee.",
    "Nobody told the gardener why the fountain had been moved.",
    "A thin blue line ran along the edge of every map in the room.",
    "She counted the empty chairs twice, and then she began to read.",
    "If the bridge is closed, take the road behind the old mill.",
    "Seven children were waiting for the bus in the rain.",
    "His answer was short, but it was not what they had expected.",
    "The wind had stopped, and even the dogs were quiet.",
]
ASKED: dict[str, dict[str, Any]] = {
    "as it is": {},
    "pitch +3": {"pitch": 3},
    "pitch -3": {"pitch": -3},
    "pitch range 0.5": {"pitch_range": 0.5},
    "speed 0.8": {"speed": 0.8},
    "speed 1.25": {"speed": 1.25},
    "volume -6": {"volume": -6},
}


LIKE = 20
"""Recordings to imitate."""


def main(path: str, dataset: str | None = None) -> None:
    """Print a line of JSON for everything that is asked for."""
    voice = Voice.load(path)
    plain = [analysed(voice, text, {}) for text in SENTENCES]
    for name, delivery in (ASKED | styles(voice)).items():
        made = [analysed(voice, text, delivery) for text in SENTENCES]
        pairs = list(zip(made, plain, strict=True))
        row = {
            "semitones": fmean(12 * np.log2(a["f0"] / b["f0"]) for a, b in pairs),
            "range": fmean(a["range"] / b["range"] for a, b in pairs),
            "length": fmean(a["seconds"] / b["seconds"] for a, b in pairs),
            "decibels": fmean(a["level"] - b["level"] for a, b in pairs),
            "per": fmean(a["per"] for a in made),
        }
        print(json.dumps({"asked": name, **{key: round(float(value), 3) for key, value in row.items()}}), flush=True)
    if dataset:
        split = Dataset.open(dataset).split("validation")
        rows = [imitated(voice, split[index]) for index in range(min(LIKE, len(split)))]
        told = {key: round(fmean(row[key] for row in rows), 3) for key in rows[0]}
        print(json.dumps({"asked": f"like {len(rows)} recordings", **told}))


def imitated(voice: Voice, clip: Clip) -> dict[str, float]:
    """How far the imitation of a recording is from it."""
    made = voice.imitate(clip.waveform, clip.text).waveform
    ours, theirs = (fundamental(wave, voice.audio, F0Config()) for wave in (made, clip.waveform))
    length = min(len(ours), len(theirs))
    ours, theirs = ours[:length], theirs[:length]
    both = (ours > 0) & (theirs > 0)
    apart = 12 * np.log2(ours[both] / theirs[both])
    apart = np.abs(apart - np.median(apart))
    return {
        "semitones_apart_median": float(np.median(apart)),
        "semitones_apart_p90": float(np.percentile(apart, 90)),
        "length": len(made) / len(clip.waveform),
        "per": judged(voice, "per", made, clip),
        "distillmos": judged(voice, "distillmos", made, clip),
        "distillmos_without": judged(voice, "distillmos", voice.say(clip.text).waveform, clip),
    }


def judged(voice: Voice, name: str, made: np.ndarray, clip: Clip) -> float:
    """What a measure says of a waveform, (T,)."""
    rate = voice.audio.sample_rate
    return measure(name, made, reference=clip.waveform, text=clip.text, sample_rate=rate, audio=voice.audio)


def styles(voice: Voice) -> dict[str, dict[str, Any]]:
    """Each style of a voice, and the first two in halves."""
    names = voice.generator.labels.styles
    asked: dict[str, dict[str, Any]] = {f"style {name}": {"style": name} for name in names}
    if len(names) > 1:
        asked["both styles"] = {"style": dict.fromkeys(names[:2], 0.5)}
    return asked


def analysed(voice: Voice, text: str, delivery: dict[str, Any]) -> dict[str, Any]:
    """What can be measured of a sentence."""
    waveform = voice.say(text, Delivery(**delivery)).waveform
    f0 = fundamental(waveform, voice.audio, F0Config())
    voiced = np.log2(f0[f0 > 0])
    rate = voice.audio.sample_rate
    return {
        "f0": 2 ** np.median(voiced),
        "range": np.percentile(voiced, 90) - np.percentile(voiced, 10),
        "seconds": len(waveform) / rate,
        "level": 10 * np.log10(np.mean(waveform**2)),
        "per": measure("per", waveform, text=text, sample_rate=rate, audio=voice.audio),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
