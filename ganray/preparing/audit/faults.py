"""What counts as a fault, and what to do about it: each a rule over all recordings at once.

Levels, pitch and speed are judged against the speaker's own middle, by the median absolute deviation, so that a quiet
or a fast speaker is none. The limits were set on clean recordings and on planted faults: `tools/planted_faults.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ganray.data.recording import fold

Columns = Mapping[str, np.ndarray]
"""Column → (N,) of all recordings that could be read: `measures.NAMES`, `speaker`, `text`, `heard`, `twin`."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: In JSON.
        title: On the page.
        found: Columns → how bad it is in each recording, (N,); above 1 it is a fault.
        told: What is shown of a recording that has it: a format over its columns.
        mend: What to do.
        weight: How much it harms a voice, 1 to 3: what is to be mended first.
    """

    name: str
    title: str
    found: Callable[[Columns], np.ndarray]
    told: str
    mend: str
    weight: int


def per_speaker(values: np.ndarray, speakers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each speaker's median and spread (the scaled median absolute deviation) of `values`, (N,), at every recording."""
    middle, spread = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for speaker in np.unique(speakers):
        its = speakers == speaker
        known = values[its][np.isfinite(values[its])]
        if len(known):
            middle[its] = np.median(known)
            spread[its] = 1.4826 * np.median(np.abs(known - np.median(known)))
    return middle, spread


def _away(columns: Columns, name: str, least: float, deviations: float) -> np.ndarray:
    """Distance from the speaker's middle, over `least` or so many deviations, whichever is more."""
    values = columns[name]
    middle, spread = per_speaker(values, columns["speaker"])
    return np.abs(values - middle) / np.maximum(least, deviations * spread)


def letters(texts: Iterable[str]) -> np.ndarray:
    """(N,) letters and digits of each text."""
    return np.array([len(fold(text).replace(" ", "")) for text in texts], float)


def seconds_of_speech(columns: Columns) -> np.ndarray:
    """(N,) seconds from the first speech to the last."""
    return np.maximum(columns["seconds"] - np.nan_to_num(columns["lead_s"]) - np.nan_to_num(columns["tail_s"]), 0.05)


def pace_of(columns: Columns) -> np.ndarray:
    """(N,) logarithm of the letters a second of speech, without what short texts lack; NaN where there is no text."""
    count = letters(columns["text"])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, np.log2((count + 2) / (seconds_of_speech(columns) + 0.15)), np.nan)


def _semitones(columns: Columns) -> np.ndarray:
    return 12 * np.log2(columns["f0_hz"])


def _pace(columns: Columns) -> np.ndarray:
    count = letters(columns["text"])
    # A word alone may be said in any time.
    least = np.where(count < 12, 0.9, 0.6)
    values = pace_of(columns)
    middle, spread = per_speaker(values, columns["speaker"])
    return np.abs(values - middle) / np.maximum(least, 3.5 * spread)


def _cut(columns: Columns) -> np.ndarray:
    edge = np.maximum(columns["start_db"], columns["end_db"])
    over_room = columns["loud_db"] + edge - columns["noise_db"]  # in a noisy room every end is loud
    return np.where((edge > -14) & (over_room > 18), 2.0, 0.0)


def _heard(columns: Columns) -> np.ndarray:
    return columns["heard"] / 0.5


FAULTS = (
    Fault(
        "wrong_text", "Text that is not what is said", _heard,
        "phoneme error rate {heard:.0%}",
        "listen, and mend the text or leave the clip out", 3,
    ),
    Fault(
        "wrong_pace", "Too much or too little text for the sound", _pace,
        "{pace:.1f} letters a second of speech",
        "listen: words may be missing from the text, or from the recording", 3,
    ),
    Fault(
        "clipped", "Clipped", lambda c: np.maximum(c["clipped_runs"] / 6, c["clipped_share"] / 1e-3),
        "{clipped_runs:.0f} flat tops",
        "record again at a lower level, or leave it out: what was cut off can't be put back", 3,
    ),
    Fault(
        "noisy", "Noisy", lambda c: np.maximum((15.5 - c["snr_db"]) + 1, _below(c, "snr_db", 12, 4)),
        "speech only {snr_db:.0f} dB over the room",
        "record in a quieter room, or denoise", 2,
    ),
    Fault(
        "narrow", "Narrow band: upsampled, or through a codec",
        lambda c: np.where(c["bandwidth_hz"] < 0.85 * c["sample_rate"] / 2, 2.0, 0.0),
        "nothing above {bandwidth_hz:.0f} Hz at {sample_rate:.0f} Hz",
        "use the original recording, or prepare at the sample rate that it really has", 2,
    ),
    Fault(
        "hum", "Mains hum", lambda c: c["hum_db"] / 13,
        "50 or 60 Hz stand out by {hum_db:.0f} dB",
        "high-pass it above 80 Hz, or notch it out", 2,
    ),
    Fault(
        "offset", "DC offset", lambda c: c["offset"] / 0.15,
        "{offset:.2f} of its level is a constant",
        "prepare takes it off; look at the sound card", 1,
    ),
    Fault(
        "silent_ends", "Long silence at an end", lambda c: np.maximum(c["lead_s"], c["tail_s"]) / 0.8,
        "{lead_s:.1f} s before, {tail_s:.1f} s after the speech",
        "prepare takes it off; look at how the corpus was cut", 1,
    ),
    Fault(
        "pause", "Long pause within", lambda c: c["pause_s"] / 1.2,
        "{pause_s:.1f} s without speech",
        "cut it in two, or shorten it", 1,
    ),
    Fault(
        "cut_off", "Cut off while speaking", _cut,
        "begins {start_db:z.0f} dB, ends {end_db:z.0f} dB from its loud level",
        "cut it anew with margins, or leave it out", 2,
    ),
    Fault(
        "dropout", "Holes in the speech", lambda c: c["dropouts"] / 0.9,
        "{dropouts:.0f} holes",
        "record again: samples were lost on the way", 2,
    ),
    Fault(
        "level", "Much louder or quieter than the rest", lambda c: _away(c, "loudness_lufs", 6, 3.5),
        "{loudness_lufs:.0f} LUFS",
        "prepare brings it to one loudness; look whether the distance to the microphone changed", 1,
    ),
    Fault(
        "other_voice", "Another voice, or a wrong sample rate",
        lambda c: _away({**c, "semitones": _semitones(c)}, "semitones", 4, 4),
        "F0 {f0_hz:.0f} Hz",
        "listen: it is another speaker, or plays too fast or too slow", 2,
    ),
    Fault(
        "unnatural", "Sounds worse than the rest", lambda c: np.maximum(_below(c, "mos", 0.8, 4), c["mos"] < 1.8),
        "DistillMOS {mos:.1f}",
        "listen: whatever it is, a network for natural speech hears it", 1,
    ),
    Fault(
        "duplicate", "The same recording twice", lambda c: np.where(c["twin"] >= 0, 2.0, 0.0),
        "the same sound as {twin_id}",
        "leave one out: one of the two has a wrong text, or a clip counts twice", 2,
    ),
)  # fmt: skip


def _below(columns: Columns, name: str, least: float, deviations: float) -> np.ndarray:
    """The same for what is only a fault on the low side."""
    middle, spread = per_speaker(columns[name], columns["speaker"])
    return (middle - columns[name]) / np.maximum(least, deviations * spread)


def judge(columns: Columns) -> dict[str, np.ndarray]:
    """Fault → how bad, (N,); above 1 it is one. What can't be told is 0."""
    with np.errstate(invalid="ignore"):
        return {fault.name: np.nan_to_num(np.asarray(fault.found(columns), float), nan=0.0) for fault in FAULTS}
