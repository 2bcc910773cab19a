"""`explain`: a voice on one clip, opened up."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganray
from ganray.audio import log_mel, normalise
from ganray.config.prepare import PrepareConfig
from ganray.errors import DataError, UsageError
from ganray.gan.run import write_text
from ganray.insight.carriers import Carriers, Sounds, carried_by, projected, sounds_of, without
from ganray.insight.faithful import Faithfulness, tried
from ganray.insight.giveaway import Giveaway, give_away, in_bands, mended
from ganray.insight.history import Stage, history, mean, rejection
from ganray.insight.judges import Heard, band_centres
from ganray.insight.reading import Reading, read_along
from ganray.insight.subject import Subject, open_subject
from ganray.models import Generator
from ganray.models.contract import Inputs

LONGEST_S = 6.0
"""Of a clip that is explained: a page shows no more, and gradients through all of it are kept."""
Tell = Callable[[str], None]


@dataclass
class Explanation:
    """What was found of a voice on a clip.

    Attributes:
        subject: The voice and its judges.
        clip: The clip's name.
        text: What is said in it; empty where that isn't known.
        real: (T,) the recording.
        fake: (T,) what the voice makes of it.
        heard: (of the recording, of the fake), by sub-judge; None without judges.
        rejected: (M, F) how much less real than the recording the fake sounds, by place.
        giveaway: Which cells of the spectrum the verdict hangs on.
        carriers: Which mel cells the waveform hangs on.
        reading: Alignment and prosody, of a text voice with a text.
        sounds: Which sound each phoneme makes, likewise.
        stages: The clip over training, of a run.
        faithful: Name of an attribution → its test.
        folder: Where the page and the document lie.
    """

    subject: Subject
    clip: str
    text: str
    real: np.ndarray
    fake: np.ndarray
    folder: Path
    heard: tuple[list[Heard], list[Heard]] | None = None
    rejected: np.ndarray | None = None
    giveaway: Giveaway | None = None
    carriers: Carriers | None = None
    reading: Reading | None = None
    sounds: Sounds | None = None
    stages: list[Stage] = field(default_factory=list)
    faithful: dict[str, Faithfulness] = field(default_factory=dict)

    @property
    def page(self) -> Path:
        """The page that a person can open."""
        return self.folder / "index.html"

    def as_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        subject, audio = self.subject, self.subject.audio
        document: dict[str, Any] = {
            "voice": {"name": subject.name, "kind": subject.generator.condition, "step": subject.step},
            "clip": self.clip,
            "text": self.text,
            "seconds": round(len(self.real) / audio.sample_rate, 3),
            "faithfulness": {name: found.as_json() for name, found in self.faithful.items()},
            "page": str(self.page),
            "ganray": ganray.__version__,
        }
        if self.heard and self.rejected is not None:
            document["judges"] = [
                {
                    "name": a.judge,
                    "real": _short(a.realness.mean()),
                    "fake": _short(b.realness.mean()),
                    "rejected_share": _short(self.share_rejected(place)),
                }
                for place, (a, b) in enumerate(zip(*self.heard, strict=True))
            ]
            document["rejected_frames"] = [_short(value) for value in self.rejected.mean(0)]
            document["rejected_bands"] = [
                {"hz": round(float(hz)), "rejected": _short(value)}
                for hz, value in zip(band_centres(audio), self.rejected.mean(1), strict=True)
            ]
        if self.giveaway:
            its = self.giveaway
            bands, times = self.given_away()
            document["giveaway"] = {
                "real": _short(its.real), "fake": _short(its.fake), "completeness": _short(its.completeness),
                "bands": bands, "times": times,
            }  # fmt: skip
        if self.carriers:
            document["carriers"] = {"completeness": _short(self.carriers.completeness), "bands": self.carried()}
        if self.reading:
            its_reading, rate = self.reading, audio.frame_rate_hz
            document["alignment"] = {
                "certainty": _short(its_reading.certainty),
                "words": [
                    {"text": text, "start_s": round(start / rate, 3), "end_s": round(end / rate, 3)}
                    for text, start, end in its_reading.words()
                ],
                "phonemes": its_reading.phonemes,
                "frames": its_reading.durations.tolist(),
                "own_frames": its_reading.own_durations.tolist(),
            }
        if self.sounds:
            document["phonemes_own_share"] = [_short(value) for value in self.sounds.within(0)]
        if self.stages:
            document["stages"] = [
                {"step": s.step, "real": _short(s.real), "fake": _short(s.fake), "fake_now": _short(s.fake_now)}
                for s in self.stages
            ]
        return document

    def share_rejected(self, place: int) -> float:
        """Share of the frames in which the sub-judge at `place` holds the fake for less real than the recording."""
        assert self.heard
        real, fake = (side[place].realness.mean(0) for side in self.heard)
        return float(np.mean(fake < real))

    def given_away(self, parts: int = 8) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What share of the verdict hangs on each range of frequency, and on each stretch of time."""
        assert self.giveaway
        cells = in_bands(self.giveaway.cells, self.subject.audio)
        total = self.giveaway.real - self.giveaway.fake
        return _ranges(cells.sum(1) / total, band_centres(self.subject.audio), parts), self._stretches(cells, total)

    def carried(self, parts: int = 8) -> list[dict[str, Any]]:
        """What share of the waveform hangs on each range of frequency."""
        assert self.carriers
        return _ranges(self.carriers.cells.sum(1), band_centres(self.subject.audio), parts)

    def _stretches(self, cells: np.ndarray, total: float) -> list[dict[str, Any]]:
        rate, per_frame = self.subject.audio.frame_rate_hz, cells.sum(0) / total
        if self.reading:
            spans = self.reading.words()
        else:
            edges = np.linspace(0, len(per_frame), 9).astype(int)
            spans = [("", int(a), int(b)) for a, b in pairwise(edges)]
        return [
            {
                "text": text,
                "start_s": round(a / rate, 3),
                "end_s": round(b / rate, 3),
                "share": _short(per_frame[a:b].sum()),
            }
            for text, a, b in spans
        ]


def explain(
    source: str | Path,
    waveform: np.ndarray,
    *,
    clip: str,
    text: str = "",
    judges: str | Path | None = None,
    step: str = "best",
    out: str | Path,
    seed: int = 0,
    tell: Tell = lambda _: None,
) -> Explanation:
    """Open a voice up on a clip, and write the page of it.

    Args:
        source: A run, a voice, or the name of one.
        waveform: (T,) the recording, at the voice's rate; at most the first 6 s of it are used.
        clip: Its name.
        text: What is said in it, for a text voice.
        judges: A run whose discriminators listen; None: the subject's own.
        step: Of a run: `best`, `last`, or a checkpoint's.
        out: Folder of the page.
        seed: Of the voice's noise and of random masks.
        tell: Told what is done.

    Raises:
        AudioContractError: Judges and voice disagree.
        DataError: There is no such run or voice, or the clip is too short.
        UsageError: The voice makes nothing of a recording.
    """
    subject = open_subject(source, judges, step)
    real = _usable(waveform, subject)
    torch.manual_seed(seed)
    reading = None
    if subject.generator.condition == "text" and text:
        tell("reading along")
        reading = read_along(subject.generator, real, text, seed)
    key = torch.tensor([seed])

    def inputs_of(generator: Generator) -> Inputs:
        with torch.inference_mode():
            if reading is not None:
                return generator.speak(reading.symbols, key, reading.manner)[0]
            f0 = None if generator.has_f0_head else _pitch(real, subject)
            return generator.prepare(torch.from_numpy(log_mel(real, subject.audio))[None], key, f0)

    def speak(generator: Generator) -> np.ndarray:
        with torch.inference_mode():
            return generator(inputs_of(generator))[0, 0].float().numpy()

    found = Explanation(subject, clip, text, real, speak(subject.generator), Path(out), reading=reading)
    if subject.panel:
        _judged(found, speak, seed, tell)
    tell("what the waveform hangs on")
    inputs = {name: value.clone() for name, value in inputs_of(subject.generator).items()}
    found.carriers = carried_by(subject.generator, inputs)
    found.faithful["what the waveform hangs on"] = tried(
        found.carriers.cells,
        inputs["mel"][0].numpy(),
        lambda cells: 1 - projected(subject.generator, inputs, without(inputs, cells, subject.generator)),
        seed=seed,
    )
    if reading is not None:
        tell("which sound each phoneme makes")
        found.sounds = sounds_of(subject.generator, reading.symbols, key, reading.manner)
    from ganray.insight.page import page_of

    page_of(found).write(found.page)
    write_text(found.folder / "explanation.json", json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n")
    return found


def _judged(found: Explanation, speak: Callable[[Generator], np.ndarray], seed: int, tell: Tell) -> None:
    """What has to do with judges."""
    subject, real, fake = found.subject, found.real, found.fake
    panel = subject.panel
    assert panel
    tell("what the judges hear")
    found.heard = panel.hear(real), panel.hear(fake)
    found.rejected = rejection(*found.heard, subject, len(real))
    tell("what gives it away")
    its = found.giveaway = give_away(panel, real, fake, subject.audio)
    found.faithful["what gives it away"] = tried(
        its.cells,
        its.difference,
        lambda cells: mean(panel.hear(mended(real, fake, cells, subject.audio))) - mean(panel.hear(fake)),
        seed=seed,
    )
    if subject.run:
        tell("how that changed over training")
        found.stages = history(subject, real, speak)


def _usable(waveform: np.ndarray, subject: Subject) -> np.ndarray:
    """(T,) normalised as in training, of whole frames and no longer than is shown."""
    audio, generator = subject.audio, subject.generator
    if generator.condition == "noise":
        raise UsageError(
            f"{subject.name} makes nothing of a recording: it is a voice of noise", mend="use a mel or text voice"
        )
    shortest = max([audio.n_fft, *(judge.segment_length for judge in (subject.panel.judges if subject.panel else []))])
    if len(waveform) < shortest:
        raise DataError(
            "the clip is too short",
            seconds=round(len(waveform) / audio.sample_rate, 2),
            want=f"{shortest / audio.sample_rate:.2f} s or more",
        )
    loud = normalise(waveform, audio.sample_rate, PrepareConfig().loudness_lufs)
    length = min(len(loud), round(LONGEST_S * audio.sample_rate)) // audio.hop_length * audio.hop_length
    return np.ascontiguousarray(loud[:length], np.float32)


def _pitch(real: np.ndarray, subject: Subject) -> torch.Tensor | None:
    """(1, F) of the recording, for a generator that is given F0 in use; others take no notice of it."""
    from ganray.audio.pitch import fundamental

    return torch.from_numpy(fundamental(real, subject.audio, PrepareConfig().f0))[None]


def _ranges(shares: np.ndarray, centres: np.ndarray, parts: int) -> list[dict[str, Any]]:
    edges = np.linspace(0, len(shares), parts + 1).astype(int)
    return [
        {"from_hz": round(float(centres[a])), "to_hz": round(float(centres[min(b, len(centres) - 1)])),
         "share": _short(shares[a:b].sum())}
        for a, b in pairwise(edges)
    ]  # fmt: skip


def _short(value: Any) -> float:
    return round(float(value), 5)
