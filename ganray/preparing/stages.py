"""One recording through all stages; each is redone only where what it is made of has changed. A row in, a row out.

read ── measure, fingerprint            by the file's content
  ├──── sound: trim, denoise, loudness   … and what the recipe says of these
  │       └── F0 and energy              … and what it says of those
  ├──── listen                           by content and text
  ├──── judge                            by content
  └──── phonemes                         always: they cost nothing
"""

import functools
import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa

from ganray.config.prepare import PrepareConfig
from ganray.data.schema import COLUMNS
from ganray.data.source import Source, row_of
from ganray.preparing.audit.measures import NAMES
from ganray.preparing.audit.measures import VERSION as MEASURED_BY

VERSION = "1"
"""Changes when a stage gives other values for the same input."""
SAID = ("id", "text", "speaker", "language", "style")
HEAVY = ("audio", "f0", "energy")
"""Columns that are only read to be written into a shard."""
TODO = pa.schema([(name, pa.string()) for name in (*SAID, "source", "known")])
DONE = pa.schema(
    [
        *(field.with_nullable(True) for field in COLUMNS),
        ("reason", pa.string()),  # null: usable
        ("unusable", pa.string()),  # the part of it that the sound is to blame for
        ("digest", pa.string()),  # of the file
        ("sound_key", pa.string()),
        ("pitch_key", pa.string()),
        ("heard_key", pa.string()),
        ("heard", pa.float64()),  # phoneme error rate; null: nobody listened
        ("mos_key", pa.string()),
        ("mos", pa.float64()),  # DistillMOS; null: nobody judged
        ("print", pa.list_(pa.uint32())),
        *((name, pa.float64()) for name in NAMES),
        ("fresh", pa.list_(pa.string())),  # stages that were computed now
    ]
)
LIGHT = [name for name in DONE.names if name not in HEAVY]


def prepare_chunk(chunk: pa.Table, config: PrepareConfig, only_audit: bool = False) -> pa.Table:
    """Rows of `TODO` become rows of `DONE`, in order; with `only_audit` nothing is made of the recordings."""
    return pa.Table.from_pylist([prepare_row(row, config, only_audit) for row in chunk.to_pylist()], schema=DONE)


def prepare_row(row: dict[str, Any], config: PrepareConfig, only_audit: bool = False) -> dict[str, Any]:
    """One of them; whatever is wrong with the recording becomes its `reason`."""
    # Imported where it runs: the driver needs no torch, and starts seconds earlier.
    from ganray.preparing.decoding import Unusable

    done: dict[str, Any] = {name: row[name] for name in SAID} | {"flags": [], "fresh": []}
    try:
        _fill(done, row, config, only_audit)
    except Unusable as error:
        done["reason"] = error.message
    except OSError as error:
        done["reason"] = done["unusable"] = f"unreadable ({error.strerror or error})"
    except Exception as error:  # one file, however odd, never ends the work on all the others
        done["reason"] = f"failed ({type(error).__name__}: {error})"
    return done


def _fill(done: dict[str, Any], row: dict[str, Any], config: PrepareConfig, only_audit: bool) -> None:
    from ganray.preparing.phonemes import spoken

    source = Source(**json.loads(row["source"]))
    content = source.read()
    done["digest"] = digest_of(content, source.start_s, source.end_s)
    sound = key_of(done["digest"], VERSION, _said_of_sound(config))
    pitch = key_of(sound, config.audio.model_dump(mode="json"), config.f0.model_dump(mode="json"))
    heard = key_of(done["digest"], row["text"], VERSION) if config.listen and row["text"] else None
    done |= {"sound_key": sound, "pitch_key": pitch, "heard_key": heard}
    old = _Old(row["known"])
    decoded = _Decoded(content, source)
    if config.audit or config.duplicates.drop:
        _measure(done, old, decoded)
    else:
        waveform, rate = decoded.get()
        done["seconds"] = len(waveform) / rate
    if heard:
        _listen(done, old, decoded)
    if config.judge:
        _judge(done, old, decoded)
    if only_audit:
        if config.phonemes_by and row["text"]:
            done["phonemes"] = _symbols(row, config)
        return
    _sound(done, old, decoded, config)
    if row["text"]:
        frames = done["num_samples"] // config.audio.hop_length
        done["phonemes"] = spoken(row["text"], frames, config, row["language"])
    else:
        done["phonemes"] = []


def _measure(done: dict[str, Any], old: "_Old", decoded: "_Decoded") -> None:
    """The measures and the fingerprint: by content alone."""
    if old.light.get("digest") == done["digest"] and old.light.get("peak_db") is not None:
        done |= {name: old.light[name] for name in (*NAMES, "print")}
        return
    from ganray.preparing.audit.fingerprint import fingerprint
    from ganray.preparing.audit.measures import measure

    done |= measure(*decoded.get()) | {"print": fingerprint(*decoded.get())}
    done["fresh"].append("measure")


def _listen(done: dict[str, Any], old: "_Old", decoded: "_Decoded") -> None:
    if old.light.get("heard_key") == done["heard_key"]:
        done["heard"] = old.light["heard"]
        return
    done["heard"] = listened(done["text"], *decoded.get())
    done["fresh"].append("listen")


def _judge(done: dict[str, Any], old: "_Old", decoded: "_Decoded") -> None:
    done["mos_key"] = key_of(done["digest"], VERSION)
    if old.light.get("mos_key") == done["mos_key"]:
        done["mos"] = old.light["mos"]
        return
    from ganray.config.audio import AudioConfig
    from ganray.errors import DataError
    from ganray.metrics.distillmos import distillmos

    waveform, rate = decoded.get()
    try:
        done["mos"] = distillmos(None, waveform - waveform.mean(), rate, AudioConfig())
    except DataError:  # silent: another fault
        done["mos"] = None
    done["fresh"].append("judge")


def listened(text: str, waveform: np.ndarray, rate: int) -> float | None:
    """Phoneme error rate of `waveform`, (T,) at `rate`; None where it is silent, or no word is in `text`."""
    from ganray.config.audio import AudioConfig
    from ganray.errors import DataError
    from ganray.metrics.per import per

    try:
        return per(text, waveform - waveform.mean(), rate, AudioConfig())
    except DataError:  # those are other faults
        return None


def _sound(done: dict[str, Any], old: "_Old", decoded: "_Decoded", config: PrepareConfig) -> None:
    """The sound as it is stored, its F0 and its energy; `Unusable` says why there is none."""
    from ganray.preparing.clip import analysis_of, sound_of
    from ganray.preparing.decoding import Unusable

    samples: np.ndarray | None = None
    same = old.light.get("sound_key") == done["sound_key"]
    if same and old.light.get("unusable"):
        done["unusable"] = old.light["unusable"]
        raise Unusable(done["unusable"])
    kept = old.heavy() if same else {}
    if kept.get("audio"):
        done |= {"audio": kept["audio"], "num_samples": kept["num_samples"]}
    else:
        try:
            sound = sound_of(*decoded.get(), config)
        except Unusable as error:
            done["unusable"] = error.message
            raise
        samples = sound.samples
        done |= {"audio": sound.flac, "num_samples": len(samples)}
        done["fresh"].append("sound")
    if kept.get("audio") and old.light.get("pitch_key") == done["pitch_key"]:
        done |= {"f0": kept["f0"], "energy": kept["energy"]}
        return
    if samples is None:
        samples = _samples(done["audio"])
    done["f0"], done["energy"] = analysis_of(samples, config)
    done["fresh"].append("pitch")


def _symbols(row: dict[str, Any], config: PrepareConfig) -> list[str]:
    from ganray.text import front_end

    assert config.phonemes_by is not None
    return front_end(config.phonemes_by).phonemize(row["text"], language=row["language"]).flat


class _Decoded:
    """The recording's samples, decoded when they are first asked for."""

    def __init__(self, content: bytes, source: Source) -> None:
        self._content, self._source = content, source
        self._got: tuple[np.ndarray, int] | None = None

    def get(self) -> tuple[np.ndarray, int]:
        from ganray.preparing.decoding import decode

        if self._got is None:
            self._got = decode(self._content, self._source.start_s, self._source.end_s)
        return self._got


class _Old:
    """What an earlier run left of a recording; nothing where it can't be read from here."""

    def __init__(self, known: str | None) -> None:
        self._known = json.loads(known) if known else None
        self.light: dict[str, Any] = self._read("file", "row") if self._known else {}

    def heavy(self) -> dict[str, Any]:
        """Its sound, F0 and energy."""
        return self._read("shard", "shard_row") if self._known and self._known["shard"] else {}

    def _read(self, file: str, row: str) -> dict[str, Any]:
        assert self._known is not None
        try:
            return row_of(self._known[file], self._known[row])
        except OSError:
            return {}


def _said_of_sound(config: PrepareConfig) -> dict[str, Any]:
    """All that decides the stored sound, and no more."""
    limits = config.limits.model_dump(mode="json", exclude={"phoneme_s"})
    audio = {"sample_rate": config.audio.sample_rate, "hop_length": config.audio.hop_length}
    said = {"audio": audio, "limits": limits, "trim": config.trim.model_dump(), "loudness": config.loudness_lufs}
    # Left out where nothing is done, so that datasets of before the stage are not made anew.
    return said if config.denoise.by == "nothing" else said | {"denoise": config.denoise.model_dump()}


def digest_of(content: bytes, start_s: float, end_s: float | None) -> str:
    """What tells a recording from all others: of its file, and the part of it that is meant."""
    return hashlib.sha256(f"{_digest(content)} {MEASURED_BY} {start_s} {end_s}".encode()).hexdigest()


@functools.lru_cache(maxsize=1)  # a file of an hour holds the next sentence too
def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def key_of(*parts: Any) -> str:
    """What tells a stage's input from all others."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _samples(flac: bytes) -> np.ndarray:
    import io

    import soundfile

    return soundfile.read(io.BytesIO(flac), dtype="int16")[0]
