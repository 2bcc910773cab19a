"""`prepare`: a corpus becomes a dataset. Ray Data spreads the clips over the cluster; one writer keeps their order."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ganray.config.prepare import LabelsConfig, PrepareConfig, SplitConfig
from ganray.data.corpus import LISTED, SUFFIXES, Corpus, Recording, fold, read_corpora, read_ids
from ganray.data.schema import COLUMNS, VERSION
from ganray.errors import DataError
from ganray.preparing.pipeline import prepared
from ganray.preparing.progress import Progress
from ganray.preparing.shards import SplitWriter, beside, may_write, write_card
from ganray.preparing.splits import TRAIN, assign
from ganray.provisioning import connect
from ganray.text import front_end

HELD_OUT = LISTED


def prepare(
    corpora: str | Path | Sequence[str | Path],
    out: str | Path,
    config: PrepareConfig | None = None,
    *,
    overwrite: bool = False,
    address: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Make a dataset from a corpus, or of several. The same ones and config give the same bytes, on any cluster.

    Args:
        corpora: Folder in LJSpeech layout, which every machine of the cluster can read; or several.
        out: The dataset's folder. It appears when all is written.
        config: What to make; the defaults where None.
        overwrite: Replace a dataset that is there.
        address: Ray cluster; where None, the one that is connected, `RAY_ADDRESS`, or one on this machine.
        quiet: Nothing on stderr.

    Returns:
        `dataset` (path), `splits` {name: {clips, seconds}}, `dropped` [{id, reason}], `notes`, `seconds`,
        `times_real_time`, `digest`.

    Raises:
        DataError: The corpus can't be read, nothing of it is usable, or there is something at `out`.
    """
    paths = [corpora] if isinstance(corpora, str | Path) else list(corpora)
    out = Path(out)
    config = config or PrepareConfig()
    may_write(out, overwrite)
    source = read_corpora(paths)
    config, lists, notes = _resolve(config, source)
    _front_end(config)  # one that isn't there is told before the work
    todo, splits, dropped = _plan(source, config, lists)
    progress = Progress(source, len(todo), notes, quiet)
    connect(address)
    began = time.perf_counter()
    with beside(out) as folder, progress:
        writers = {split: SplitWriter(folder, split) for split in (TRAIN, *HELD_OUT)}
        fingerprint = hashlib.sha256()
        recorded_s = 0.0
        for rows in prepared(todo, splits, config):
            for row in rows.select(["id", "reason", "digest"]).to_pylist():
                fingerprint.update(f"{row['id']} {row['digest']}\n".encode())
                if row["reason"]:
                    dropped.append((row["id"], row["reason"]))
            recorded_s += sum(rows["recorded_s"].to_pylist())
            for split, clips in _by_split(rows):
                writers[split].write(clips)
            progress.advance(rows.num_rows, recorded_s)
        written = {split: writer.close() for split, writer in writers.items()}
        listed = [{"id": key, "reason": reason} for key, reason in dropped]
        _must_train(written, listed, source)
        card = write_card(folder, _card(out.name, source, config, todo, written, listed, fingerprint.hexdigest()[:16]))
    seconds = time.perf_counter() - began
    return {
        "dataset": str(out),
        "splits": {name: {"clips": s["clips"], "seconds": s["seconds"]} for name, s in card["splits"].items()},
        "dropped": listed,
        "notes": notes,
        "seconds": round(seconds, 2),
        "times_real_time": round(recorded_s / seconds, 1),
        "digest": card["digest"],
    }


def _resolve(config: PrepareConfig, source: Corpus) -> tuple[PrepareConfig, dict[str, list[str]], list[str]]:
    """The config with its gaps filled, the listed ids of each listed split, and what the user should know of it."""
    lists, notes, filled = {}, [], {}
    for split in HELD_OUT:
        selection: SplitConfig = getattr(config, split)
        wants_share = selection.model_fields_set & {"share", "max_clips"}
        if selection.ids is None and not wants_share and split in source.lists:
            selection = selection.model_copy(update={"ids": f"{split}.txt"})
            lists[split] = source.lists[split]
            notes.append(f"{split}: the {len(lists[split])} ids of {split}.txt in {source.place}")
        elif selection.ids is not None:
            lists[split] = read_ids(selection.ids)
            selection = selection.model_copy(update={"ids": Path(selection.ids).name})
        filled[split] = selection
    strange = set(config.corpora) - {recording.corpus for recording in source.recordings}
    if strange:
        there = ", ".join(sorted({recording.corpus for recording in source.recordings}))
        raise DataError(f"corpora names {min(strange)}, which is not prepared", mend=f"the folders are: {there}")
    return config.model_copy(update=filled), lists, notes


def _plan(
    source: Corpus, config: PrepareConfig, lists: dict[str, list[str]]
) -> tuple[list[Recording], dict[str, str], list[tuple[str, str]]]:
    """Recordings worth reading, their splits, and (id, reason) of the others."""
    dropped = list(source.dropped)
    usable = []
    for recording in source.recordings:
        if not fold(recording.text):
            dropped.append((recording.id, "no text (no letter or digit in it)"))
        elif recording.path is None:
            dropped.append((recording.id, f"no audio file (nothing of {', '.join(SUFFIXES)} in wavs)"))
        else:
            usable.append(recording)
    texts = {recording.id: recording.text for recording in usable}
    splits, other_takes = assign(texts, {split: getattr(config, split) for split in HELD_OUT}, lists, config.seed)
    dropped += other_takes.items()
    known = {recording.id for recording in source.recordings} | {key for key, _ in source.dropped}
    for split, ids in lists.items():
        dropped += [(key, f"no such clip (listed in {split}, not in metadata.csv)") for key in ids if key not in known]
    return [_labelled(recording, config) for recording in usable if recording.id in splits], splits, dropped


def _labelled(recording: Recording, config: PrepareConfig) -> Recording:
    """With all labels: its own, else its corpus's, else the dataset's."""
    corpus = config.corpora.get(recording.corpus, LabelsConfig())
    return replace(
        recording,
        speaker=recording.speaker or corpus.speaker or config.speaker or recording.corpus,
        language=recording.language or corpus.language or config.language,
        style=recording.style or corpus.style,
    )


def _by_split(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    good = rows.filter(pc.is_null(rows["reason"]))
    for split in (TRAIN, *HELD_OUT):
        clips = good.filter(pc.equal(good["split"], split))
        if clips.num_rows:
            yield split, clips.select(COLUMNS.names).cast(COLUMNS)


def _must_train(written: dict[str, dict], dropped: list[dict[str, str]], source: Corpus) -> None:
    if not written[TRAIN]["clips"]:
        first = f"{dropped[0]['id']}: {dropped[0]['reason']}" if dropped else "all is held out"
        raise DataError(
            f"no clip of {source.place} is left to train on",
            dropped=len(dropped),
            first=first,
            mend="mend the recordings, or loosen limits with --set limits.…",
        )


def _front_end(config: PrepareConfig) -> dict[str, str]:
    name = config.phonemes_by
    return {"name": name, "version": front_end(name).version} if name else {"name": "none", "version": "0"}


def _card(
    name: str,
    source: Corpus,
    config: PrepareConfig,
    clips: Sequence[Recording],
    written: dict[str, dict],
    dropped: list[dict],
    digest: str,
) -> dict[str, Any]:
    spoken: dict[str, Counter[str]] = {}
    for clip in clips:
        spoken.setdefault(clip.speaker, Counter())[clip.language] += 1
    speakers = {speaker: languages.most_common(1)[0][0] for speaker, languages in sorted(spoken.items())}
    splits = {
        split: {
            "clips": w["clips"],
            "seconds": round(w["num_samples"] / config.audio.sample_rate, 3),
            "shards": w["shards"],
            "shard_digests": w["digests"],
        }
        for split, w in written.items()
        if w["clips"]
    }
    return {
        "schema_version": VERSION,
        "kind": "dataset",
        "name": name,
        "audio": config.audio.model_dump(mode="json"),
        "front_end": _front_end(config),
        "speakers": speakers,
        "languages": sorted({clip.language for clip in clips}),
        "styles": sorted({clip.style for clip in clips} - {""}),
        "splits": splits,
        "dropped": dropped,
        "source": {
            "name": " ".join(dict.fromkeys(r.corpus for r in source.recordings)),
            "layout": source.layout,
            "digest": digest,
        },
        "prepare": config.model_dump(mode="json"),
    }
