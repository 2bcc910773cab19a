"""From what was measured of every recording to a document, and to the page that a person reads."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ganray.data.source import Source
from ganray.metrics import page, plots
from ganray.preparing.audit.faults import FAULTS, Fault, judge, letters, pace_of
from ganray.preparing.audit.fingerprint import duplicates
from ganray.preparing.audit.measures import NAMES
from ganray.preparing.decoding import decode

_WORST = 3
"""Players of each kind of fault."""
_LISTED = 200
"""Clips of each kind that the document names; all are in recordings.parquet."""
SHOWN = (
    ("seconds", "Duration", "s"),
    ("loudness_lufs", "Loudness", "LUFS"),
    ("snr_db", "Speech over the room", "dB"),
    ("bandwidth_hz", "Bandwidth", "Hz"),
    ("f0_hz", "Median F0", "Hz"),
    ("pace", "Letters a second of speech", ""),
)


def columns_of(rows: pa.Table) -> dict[str, np.ndarray]:
    """Columns of the recordings that could be read: measures, texts, what was heard, and who is whose twin.

    Args:
        rows: As `stages.DONE` has them, of recordings that were measured.
    """
    columns = {name: rows[name].to_numpy(zero_copy_only=False).astype(float) for name in (*NAMES, "heard", "mos")}
    columns |= {name: np.array(rows[name].to_pylist(), object) for name in ("id", "text")}
    columns["speaker"] = np.array(rows["speaker"].to_pylist(), str)
    prints = [its.values.to_numpy() if its.is_valid else np.zeros(0, np.uint32) for its in rows["print"]]
    twin = np.full(rows.num_rows, -1)
    for first, *others in duplicates(prints):
        twin[others] = first
    columns["twin"] = twin
    columns["twin_id"] = np.array([columns["id"][t] if t >= 0 else "" for t in twin], object)
    columns["pace"] = 2 ** pace_of(columns) if rows.num_rows else np.zeros(0)
    return columns


def phonemes_of(rows: pa.Table) -> Counter:
    """Symbol → how often it is spoken in `rows`."""
    counts = pc.value_counts(pc.list_flatten(rows["phonemes"]))  # Python makes a text of each
    return Counter(dict(zip(*(column.to_pylist() for column in counts.flatten()), strict=True)))


def audit(columns: Mapping[str, np.ndarray], dropped: Sequence[Mapping[str, str]], phonemes: Counter) -> dict[str, Any]:
    """The audit as a document.

    Args:
        columns: As `columns_of` gives them.
        dropped: {id, reason} of what can't be used.
        phonemes: Symbol → how often it is spoken; empty where nothing was phonemized.
    """
    count, hours = len(columns["seconds"]), float(columns["seconds"].sum()) / 3600
    found = judge(columns)
    faults: list[dict[str, Any]] = []
    for fault in FAULTS:
        bad = np.flatnonzero(found[fault.name] > 1)
        if len(bad):
            worst = bad[np.argsort(-found[fault.name][bad], kind="stable")]
            faults.append(
                {
                    "fault": fault.name, "title": fault.title, "clips": len(bad),
                    "share": round(len(bad) / count, 4), "weight": fault.weight, "mend": fault.mend,
                    "ids": [{"id": columns["id"][i], "told": _told(fault, columns, i)} for i in worst[:_LISTED]],
                }
            )  # fmt: skip
    faults.sort(key=lambda entry: -entry["weight"] * entry["clips"])
    reasons = Counter(entry["reason"].split(" (")[0] for entry in dropped)
    speakers = [
        {"speaker": speaker, "clips": int(its.sum()), "hours": round(float(columns["seconds"][its].sum()) / 3600, 4)}
        | {name: _number(np.nanmedian(columns[name][its])) for name in ("loudness_lufs", "snr_db", "f0_hz")}
        for speaker in np.unique(columns["speaker"])
        for its in [columns["speaker"] == speaker]
    ]
    faulty = np.zeros(count, bool)
    for scores in found.values():
        faulty |= scores > 1
    texts = letters(columns["text"])
    return {
        "clips": count, "hours": round(hours, 4), "speakers": speakers, "with_text": int((texts > 0).sum()),
        "without_fault": int((~faulty).sum()), "faults": faults,
        "dropped": [dict(entry) for entry in dropped], "dropped_kinds": dict(reasons.most_common()),
        "measures": {name: _spread(columns[name]) for name, _, _ in SHOWN},
        "listened": int(np.isfinite(columns["heard"]).sum()),
        "phonemes": dict(sorted(phonemes.items(), key=lambda item: -item[1])),
    }  # fmt: skip


def _told(fault: Fault, columns: Mapping[str, np.ndarray], index: int) -> str:
    return fault.told.format(**{name: values[index] for name, values in columns.items()})


def _spread(values: np.ndarray) -> dict[str, float | None]:
    known = values[np.isfinite(values)]
    marks = (("least", 0), ("low", 5), ("median", 50), ("high", 95), ("most", 100))
    return {name: _number(np.percentile(known, q)) if len(known) else None for name, q in marks}


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def make_page(
    name: str, document: Mapping[str, Any], columns: Mapping[str, np.ndarray], sources: Mapping[str, Source | None]
) -> page.Page:
    """The page of an audit.

    Args:
        name: Of the corpus.
        document: As `audit` gives it.
        columns: What it was made of.
        sources: Id → where its sound is, for the players.
    """
    noun = "speaker" if len(document["speakers"]) == 1 else "speakers"
    whole = f"{document['clips']:,} recordings, {document['hours']:.2f} hours, {len(document['speakers'])} {noun}"
    intro = [f"{whole}. {document['without_fault']:,} have no fault that was looked for."]
    if not document["listened"] and document["with_text"]:
        intro.append("No recogniser listened: texts were only held against the time that they took.")
    sections: list[Any] = [_first(document)]
    sections += [s for s in (_histograms(columns), _speakers(document), *_players(document, columns, sources)) if s]
    if document["phonemes"]:
        sections.append(_coverage(document))
    if document["dropped"]:
        rows = [(entry["id"], entry["reason"]) for entry in document["dropped"][:2000]]
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in document["dropped_kinds"].items())
        sections.append(page.Table("What was dropped, and why", ("clip", "reason"), rows, note=kinds, folded=True))
    return page.Page(f"Audit of {name}", intro, sections)


def _first(document: Mapping[str, Any]) -> page.Table:
    rows: list[tuple[Any, ...]] = [
        (entry["title"], page.Cell(f"{entry['clips']:,}", f"{100 * entry['share']:.1f} %"), entry["mend"])
        for entry in document["faults"]
    ]
    rows += [
        (kind.capitalize(), f"{count:,}", "left out; see the list at the end")
        for kind, count in document["dropped_kinds"].items()
    ]
    return page.Table("What to mend first", ("fault", "clips", "what to do"), rows or [("Nothing", "–", "–")])


_SPREAD = "How many recordings have which value; the outermost half percent on each side is gathered at the ends."


def _histograms(columns: Mapping[str, np.ndarray]) -> page.Picture | None:
    panels = {f"{title}{', ' + unit if unit else ''}": columns[name] for name, title, unit in SHOWN}
    panels = {title: values[np.isfinite(values)] for title, values in panels.items()}
    panels = {title: values for title, values in panels.items() if len(values)}
    if not panels:
        return None
    return page.Picture("How the recordings spread", plots.histograms(panels), _SPREAD)


def _speakers(document: Mapping[str, Any]) -> page.Table:
    medians = ("loudness_lufs", "snr_db", "f0_hz")
    rows = [
        (s["speaker"], f"{s['clips']:,}", f"{s['hours']:.2f}", *(page.number(s[name]) for name in medians))
        for s in sorted(document["speakers"], key=lambda s: -s["hours"])
    ]
    columns = ("speaker", "clips", "hours", "LUFS", "SNR, dB", "F0, Hz")
    return page.Table("Speakers", columns, rows[:500], folded=len(rows) > 12, note="Medians.")


def _coverage(document: Mapping[str, Any]) -> page.Table:
    counts = document["phonemes"]
    total = sum(counts.values()) or 1
    rows = [(symbol, f"{count:,}", f"{100 * count / total:.2f}") for symbol, count in counts.items()]
    rare = [symbol for symbol, count in counts.items() if count < 20]
    note = f"Fewer than 20 times: {' '.join(rare)}." if rare else "Every phoneme occurs 20 times or more."
    return page.Table("Phonemes", ("phoneme", "times", "%"), rows, note=note, folded=True)


def _players(
    document: Mapping[str, Any], columns: Mapping[str, np.ndarray], sources: Mapping[str, Source | None]
) -> list[page.Players]:
    place = {key: index for index, key in enumerate(columns["id"])}
    sections = []
    for entry in document["faults"]:
        clips = []
        for clip in entry["ids"][:_WORST]:
            take = _take(sources.get(clip["id"]), clip["told"])
            if take:
                clips.append(page.Clip(clip["id"], str(columns["text"][place[clip["id"]]]), [take]))
        if clips:
            sections.append(page.Players(f"{entry['title']}: the worst", clips, note=entry["mend"]))
    return sections


def _take(source: Source | None, told: str) -> page.Take | None:
    import soundfile

    if source is None:
        return None
    try:
        waveform, rate = decode(source.read(), source.start_s, source.end_s)
    except Exception:  # it was read before; a page without this player is better than none
        return None
    waveform = waveform[: 15 * rate]
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format="FLAC", subtype="PCM_16")
    return page.Take("as recorded", file.getvalue(), "audio/flac", len(waveform) / rate, note=told)
