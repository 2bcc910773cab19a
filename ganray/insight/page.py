"""The explanation as a page for a person who did not write the model."""

from typing import Any

import numpy as np

from ganray.audio import encode, log_mel
from ganray.insight import pictures
from ganray.insight.explain import Explanation
from ganray.insight.giveaway import in_bands
from ganray.metrics.page import Cell, Clip, Page, Picture, Players, Section, Table, Take, number
from ganray.metrics.plots import colour_range, mel_ticks, strip

_MOST = 12
"""Maps on a page."""


def page_of(found: Explanation) -> Page:
    """The page."""
    subject = found.subject
    at = f" at step {subject.step:,}" if subject.step else ""
    intro = [
        f"{subject.name}{at} on the clip {found.clip}" + (f": “{found.text}”" if found.text else "."),
        "The voice learned from judges: small networks that hear recordings and its own sound, and learn to tell which "
        "is which. This page asks them what they hear in this clip, and asks the voice what its sound is made of.",
    ]
    sections: list[Section] = [_players(found)]
    if found.heard:
        sections += [_summary(found), *_judges(found), *_giveaway(found)]
    if found.stages:
        sections.append(_stages(found))
    sections += _carriers(found)
    if found.reading:
        sections += _reading(found)
    sections.append(_faithful(found))
    if not found.heard:
        intro.append("No judges were kept with this voice. Give a run's: ganray explain … --judges RUN.")
    footer = (
        "Attributions: integrated gradients (Sundararajan, Taly and Yan 2017) and occlusion (Zeiler and Fergus 2014); "
        "tested by changing what they point at (Petsiuk, Das and Saenko 2018). One clip is one clip: hear more before "
        "you conclude."
    )
    return Page(f"What {subject.name} is made of", intro, sections, footer)


def _players(found: Explanation) -> Players:
    audio = found.subject.audio
    pair = (("recording", found.real), ("the voice", found.fake))
    mels = [log_mel(waveform, audio) for _, waveform in pair]
    low, high = colour_range(mels[:1])
    takes = [
        Take(label, encode(waveform, audio.sample_rate, "flac"), "audio/flac", len(waveform) / audio.sample_rate,
             strip(mel, low, high))
        for (label, waveform), mel in zip(pair, mels, strict=True)
    ]  # fmt: skip
    how = "with the rhythm and melody of the recording" if found.reading else "from the recording's own spectrogram"
    return Players("Listen", [Clip(found.clip, found.text, takes)], f"The voice says it {how}.", mel_ticks(audio))


def _summary(found: Explanation) -> Table:
    """In words: who is sure of what, and where it shows."""
    assert found.heard
    assert found.giveaway
    bands, times = found.given_away()
    gap = found.giveaway.real - found.giveaway.fake
    if gap <= 0:
        note = "The judges hold the voice for at least as real as the recording: nothing gives it away on this clip."
    else:
        worst, when = max(bands, key=_share), max(times, key=_share)
        word = f", in “{when['text']}”" if when["text"] else ""
        note = (
            f"Of what tells the voice from the recording, {worst['share']:.0%} lies between {worst['from_hz']:,} and "
            f"{worst['to_hz']:,} Hz, and {when['share']:.0%} between {when['start_s']:.2f} and "
            f"{when['end_s']:.2f} s{word}. Shares add up to 100 %; one below 0 speaks for the voice there."
        )
    rows: list[list[str | Cell]] = [
        [a.judge, number(a.realness.mean()), number(b.realness.mean()), f"{a.realness.mean() - b.realness.mean():+.3f}",
         f"{(found.share_rejected(place)):.0%}"]
        for place, (a, b) in enumerate(zip(*found.heard, strict=True))
    ]  # fmt: skip
    columns = ["judge", "recording sounds real", "voice sounds real", "difference", "frames it rejects"]
    return Table(
        "What the judges say", columns, rows,
        note + " 1 is surely real, 0 surely fake; a judge that can't tell says about the same of both. A frame is "
        "rejected where the voice sounds less real than the recording there.",
    )  # fmt: skip


def _judges(found: Explanation) -> list[Section]:
    assert found.heard
    assert found.rejected is not None
    audio, frames = found.subject.audio, found.rejected.shape[1]
    mel = log_mel(found.fake, audio)
    each = [(a.judge, a.over(audio, frames) - b.over(audio, frames)) for a, b in zip(*found.heard, strict=True)][:_MOST]
    caption = (
        "Red: here the voice sounds less real to this judge than the recording does at this place; blue: more real. "
        "Judges of a period or a scale hear the waveform, so they know when but not at which pitch: their columns have "
        "one colour. Judges of a resolution see a spectrogram and know both. Grey beneath: the voice's spectrogram."
    )
    panels = [("all judges together", found.rejected), *each]
    return [Picture("Where they reject it", pictures.maps(mel, panels, audio, label="rejected"), caption)]


def _giveaway(found: Explanation) -> list[Section]:
    assert found.giveaway
    audio = found.subject.audio
    frames = len(found.fake) // audio.hop_length
    cells = in_bands(found.giveaway.cells, audio)[:, :frames]
    caption = (
        "If this spot of the voice were as in the recording, the judges would think better of it (red) or worse "
        "(blue). "
        "All spots together account for "
        f"{found.giveaway.completeness:.1%} of the difference between the two verdicts."
    )
    png = pictures.maps(log_mel(found.fake, audio), [("", 1000 * pictures.smoothed(cells))], audio, label="verdict, ‰")
    bands, times = found.given_away()
    return [
        Picture("What gives it away", png, caption),
        Table(
            "By frequency", ["from Hz", "to Hz", "share of the difference"],
            [[f"{b['from_hz']:,}", f"{b['to_hz']:,}", f"{b['share']:.0%}"] for b in bands], folded=True,
        ),
        Table(
            "By time", ["from s", "to s", "word", "share of the difference"],
            [[f"{t['start_s']:.2f}", f"{t['end_s']:.2f}", t["text"], f"{t['share']:.0%}"] for t in times], folded=True,
        ),
    ]  # fmt: skip


def _stages(found: Explanation) -> Picture:
    seconds = len(found.real) / found.subject.audio.sample_rate
    caption = (
        "The same clip at every checkpoint that was kept. Where recording and voice meet, the judges of that "
        "moment can't tell. Judges learn too, so the dashed line has one ear for all: the newest judges. Below: "
        "which moments these reject (red), one row a checkpoint."
    )
    return Picture("How that changed over training", pictures.stages(found.stages, seconds), caption)


def _carriers(found: Explanation) -> list[Section]:
    assert found.carriers
    audio = found.subject.audio
    cells = found.carriers.cells
    mel = log_mel(found.fake, audio)[:, : cells.shape[1]]
    png = pictures.maps(mel, [("", 1000 * pictures.smoothed(cells))], audio, label="‰ of the waveform")
    caption = (
        "How much of the waveform would be lost without this spot of the spectrogram that the voice is given: loud, "
        f"low tones carry most. All spots add up to {found.carriers.completeness:.1%} of the waveform."
    )
    rows = [[f"{b['from_hz']:,}", f"{b['to_hz']:,}", f"{b['share']:.1%}"] for b in found.carried()]
    return [
        Picture("What the waveform hangs on", png, caption),
        Table("Of the waveform, by frequency", ["from Hz", "to Hz", "share"], rows, folded=True),
    ]


def _reading(found: Explanation) -> list[Section]:
    assert found.reading
    its, audio = found.reading, found.subject.audio
    rate = audio.frame_rate_hz
    ratio = its.own_durations.sum() / max(its.durations.sum(), 1)
    caption = (
        f"The voice is {its.certainty:.0%} certain that this text is what is said (below 13 % it would not believe "
        "it). Left to itself it would take "
        f" {ratio:.2f} times as long. The line is where it hears each phoneme."
    )
    sections: list[Section] = [Picture("How it reads the text", pictures.alignment(its, audio), caption)]
    if found.sounds is None:
        return sections
    own, near = found.sounds.within(0), found.sounds.within(2)
    carried = np.array_split(found.carriers.cells.sum(0), np.cumsum(its.durations)[:-1]) if found.carriers else []
    spoken = [place for place in range(len(own)) if found.sounds.changes[place].any()]
    caption = (
        "One phoneme at a time is replaced by silence of the same length; dark is where the sound changes. The "
        f"diagonal is a phoneme's own sound: {np.mean(own[spoken]):.0%} of the change on average, and "
        f"{np.mean(near[spoken]):.0%} with two neighbours on each side, which it colours. What is spread thin over "
        "all is the melody, which follows the whole sentence."
    )
    sections.append(
        Picture("Which sound each phoneme makes", pictures.sounds(found.sounds.changes, its.phonemes), caption)
    )
    ends = np.cumsum(its.durations)
    rows = [
        [its.phonemes[place], f"{(ends[place] - its.durations[place]) / rate:.2f}",
         f"{1e3 * its.durations[place] / rate:.0f}", f"{1e3 * its.own_durations[place] / rate:.0f}",
         f"{own[place]:.0%}",
         f"{carried[place].sum():.1%}" if carried else ""]
        for place in spoken
    ]  # fmt: skip
    columns = [
        "phoneme",
        "begins at s",
        "ms in the recording",
        "ms by itself",
        "of its effect, in its own time",
        "of the waveform",
    ]
    return [*sections, Table("Every phoneme", columns, rows, folded=True)]


def _faithful(found: Explanation) -> Table:
    columns = [
        "",
        "what it points at",
        "the loudest",
        "at random",
        "what it calls unimportant",
        "everything",
        "verdict",
    ]
    rows = [
        [name, *(f"{value:+.3f}" for value in (t.said, t.loudest, t.chance, t.rest, t.everything)),
         "holds" if t.faithful else "does not hold"]
        for name, t in found.faithful.items()
    ]  # fmt: skip
    note = (
        "An explanation can look right and be wrong. So a tenth of the spots are changed (made as in the recording, "
        "or silenced), and the outcome is measured again: it must move more for the spots that the explanation points "
        "at than for others. “The loudest” is what anyone would have guessed without it: where that moves more, the "
        "picture above tells little that the spectrogram doesn't."
    )
    return Table("Can this be believed?", columns, rows, note)


def _share(part: dict[str, Any]) -> float:
    return float(part["share"])
