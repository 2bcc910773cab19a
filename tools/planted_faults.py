"""Does the audit find what is wrong? Faults are put into copies of good recordings, and looked for.

python tools/planted_faults.py CORPUS [--clips 300] [--each 8] [--seed 1] [--listen] [--here] [--keep FOLDER]

Of so many recordings of CORPUS (LJSpeech layout), `each` get one fault of a kind; the rest stay as they are. Prints for
every kind how many were found (recall), how many of those that were told have it (precision), and how many good
recordings were told to have any fault. What the audit finds in the untouched recordings counts against it.
"""

import argparse
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from ganray.audio import read, resample
from ganray.data import read_corpus
from ganray.preparing.check import check

RANDOM = np.random.default_rng(1)


def level(x):
    return float(np.sqrt(np.mean(np.square(x)))) or 1e-6


def clipped(x, rate):
    return np.clip(x, -0.25 * np.abs(x).max(), 0.25 * np.abs(x).max())


def noisy(x, rate):
    return x + level(x) * 10 ** (-8 / 20) * RANDOM.standard_normal(len(x))


def narrow(x, rate):
    return resample(resample(x.astype(np.float32), rate, 8_000), 8_000, rate)[: len(x)]


def lossy(x, rate):
    """Through an MP3 of few bits, and back into a wav."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=rate, layout="mono")
        stream.bit_rate = 24_000
        frame = av.AudioFrame.from_ndarray((x[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return read(file.getvalue())[0]


def hum(x, rate):
    t = np.arange(len(x)) / rate
    base = RANDOM.choice([50, 60])
    return x + 0.1 * level(x) * sum(np.sin(2 * np.pi * base * k * t) / k for k in (1, 2, 3))


def offset(x, rate):
    return x + 0.5 * level(x)


def silent_ends(x, rate):
    room = 10 ** (-70 / 20) * RANDOM.standard_normal(int(1.5 * rate))
    return np.concatenate([room, x, room[: rate // 3]])


def pause(x, rate):
    """At the quietest place of the middle third."""
    third = len(x) // 3
    energy = np.convolve(np.square(x), np.ones(rate // 50), "same")
    at = third + int(np.argmin(energy[third : 2 * third]))
    return np.concatenate([x[:at], 10 ** (-70 / 20) * RANDOM.standard_normal(2 * rate), x[at:]])


def cut_off(x, rate):
    """Its end, in the middle of a vowel."""
    energy = np.convolve(np.square(x), np.ones(rate // 50) / (rate // 50), "same")
    half = len(x) // 2
    return x[: half + int(np.argmax(energy[half : len(x) - rate // 10]))]


def dropout(x, rate):
    x = x.copy()
    energy = np.convolve(np.square(x), np.ones(rate // 50), "same")
    for at in RANDOM.choice(np.argsort(energy)[-len(x) // 5 :], 3):
        x[at : at + int(0.015 * rate)] = 0
    return x


def level_off(x, rate):
    return x * 10 ** (RANDOM.choice([-14, 10]) / 20)


def other_voice(x, rate):
    """Played at a wrong rate: higher and faster."""
    return resample(x.astype(np.float32), round(1.5 * rate), rate)


def rumble(x, rate):
    """Traffic: noise below 150 Hz."""
    return x + 0.8 * level(x) * sosfilt(butter(2, 150, fs=rate, output="sos"), RANDOM.standard_normal(len(x))) * 8


SPOILT = {
    "clipped": (clipped, "clipped"), "noisy": (noisy, "noisy"), "rumble": (rumble, "noisy"),
    "narrow": (narrow, "narrow"), "lossy": (lossy, "narrow"), "hum": (hum, "hum"), "offset": (offset, "offset"),
    "silent_ends": (silent_ends, "silent_ends"), "pause": (pause, "pause"), "cut_off": (cut_off, "cut_off"),
    "dropout": (dropout, "dropout"), "level": (level_off, "level"), "other_voice": (other_voice, "other_voice"),
}  # fmt: skip
"""Planted → (what does it, the fault that should be told)."""
BROKEN = {
    "truncated_file": "unreadable",
    "not_audio": "unreadable",
    "not_finite": "not finite",
    "empty_text": "no text",
    "missing_file": "no audio file",
}
"""Planted → the reason that should be listed."""


def plant(corpus, folder, clips, each):
    """Write the spoilt copy; id → what was planted."""
    usable = [r for r in read_corpus(corpus).recordings if r.path and r.text]
    step = max(1, len(usable) // clips)
    chosen = usable[::step][:clips]
    order = RANDOM.permutation(len(chosen))
    kinds = [*SPOILT, *BROKEN, "wrong_text", "half_text", "duplicate"]
    planted = {chosen[i].id: kinds[n // each] for n, i in enumerate(order[: each * len(kinds)])}
    others = [r for r in chosen if r.id not in planted]
    (folder / "wavs").mkdir(parents=True)
    lines, twins = [], iter(others)
    for recording in chosen:
        kind, text = planted.get(recording.id), recording.text
        wave, rate = read(recording.path)
        file = folder / "wavs" / f"{recording.id}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        if kind in SPOILT:
            wave = SPOILT[kind][0](wave.astype(np.float64), rate)
        elif kind == "not_finite":
            wave[len(wave) // 2] = np.nan
        elif kind == "wrong_text":  # of another clip that is about as long
            near = sorted(others, key=lambda r: abs(len(r.text) - len(text)))
            text = next(r.text for r in near if r.text != text)
        elif kind == "half_text":
            text = " ".join(text.split()[: max(1, len(text.split()) // 2)])
        elif kind == "empty_text":
            text = "…"
        elif kind == "duplicate":  # another recording, louder, cut a little, through a codec: under a new name
            other, _ = read(next(twins).path)
            wave = lossless = 1.4 * other[rate // 20 :]
            wave = resample(resample(lossless, rate, 16_000), 16_000, rate)
        lines.append(f"{recording.id}|{text}")
        if kind == "missing_file":
            continue
        soundfile.write(file, wave, rate, subtype="FLOAT" if kind == "not_finite" else "PCM_16")
        if kind == "truncated_file":
            soundfile.write(file.with_suffix(".flac"), wave, rate, subtype="PCM_16")
            file.unlink()
            file.with_suffix(".flac").write_bytes(file.with_suffix(".flac").read_bytes()[:-2_000])
        elif kind == "not_audio":
            file.write_bytes(b"This is not a recording. " * 1_000)
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return planted


def judged(document, planted, twins_count):
    """Kind → {planted, found, told, precision, recall}."""
    told = {entry["fault"]: {clip["id"] for clip in entry["ids"]} for entry in document["faults"]}
    reasons: dict[str, set[str]] = {}
    for entry in document["dropped"]:
        reasons.setdefault(entry["reason"].split(" (")[0], set()).add(entry["id"])
    expected = {kind: fault for kind, (_, fault) in SPOILT.items()} | {
        "wrong_text": "wrong_text", "half_text": "wrong_pace", "duplicate": "duplicate"
    }  # fmt: skip
    rows = {}
    for kind in sorted(set(planted.values())):
        its = {key for key, planted_kind in planted.items() if planted_kind == kind}
        name = BROKEN.get(kind) or expected[kind]
        found = (reasons if kind in BROKEN else told).get(name, set())
        if kind == "half_text":
            found = found | told.get("wrong_text", set())
        # Who else may rightly be told it: planted with another kind that means the same, or shows the same.
        also = {k for k, planted_kind in planted.items() if _shows(planted_kind, name)}
        hit = len(its & found)
        right = len(found & (its | also))
        rows[kind] = {
            "told_as": name, "planted": len(its), "found": hit, "recall": round(hit / len(its), 3),
            "told": len(found), "precision": round(right / len(found), 3) if found else None,
        }  # fmt: skip
    if twins_count:
        pairs = told.get("duplicate", set())
        rows["duplicate"] |= {"told": len(pairs)}
    faulty = set().union(*told.values(), *reasons.values())
    clean = document["clips"] + len(document["dropped"]) - len(planted)
    false = sorted(faulty - set(planted) - told.get("duplicate", set()))
    rows["untouched"] = {"clips": clean, "told_a_fault": len(false), "share": round(len(false) / clean, 4)}
    return rows


def _shows(planted, fault):
    """Whether what was planted rightly shows as `fault` too."""
    same = {
        "noisy": {"noisy", "rumble"}, "narrow": {"narrow", "lossy", "duplicate"},
        "unreadable": {"truncated_file", "not_audio"},
        "wrong_pace": {"half_text", "wrong_text", "cut_off", "other_voice", "pause", "duplicate"},
        "wrong_text": {"wrong_text", "half_text", "cut_off", "other_voice", "noisy", "rumble", "duplicate"},
        "other_voice": {"other_voice", "rumble"}, "level": {"level", "clipped", "rumble", "noisy"},
    }  # fmt: skip
    return planted in same.get(fault, {fault})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1, help="which clips get which fault")
    parser.add_argument("--language", default="en")
    parser.add_argument("--listen", action="store_true", help="let a recogniser of English phonemes listen")
    parser.add_argument("--here", action="store_true", help="in this process, without Ray")
    parser.add_argument("--keep", type=Path, help="leave the spoilt corpus and the page here")
    given = parser.parse_args()
    from ganray.config.prepare import PrepareConfig

    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        RANDOM.bit_generator.state = np.random.default_rng(given.seed).bit_generator.state
        planted = plant(given.corpus, folder / "spoilt", given.clips, given.each)
        config = PrepareConfig(language=given.language, listen=given.listen)
        document = check([folder / "spoilt"], folder / "audit", config, here=given.here)
    rows = judged(document, planted, True)
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
