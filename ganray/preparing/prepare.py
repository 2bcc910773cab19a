"""`prepare`: a corpus becomes a dataset. Ray Data spreads the clips over the cluster; one writer keeps their order.

First every recording is measured and made into a clip, which goes into a journal; then, with all of them known, twins
are found, splits drawn and shards written. Killed anywhere, it goes on from its journal.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ganray.config.prepare import LabelsConfig, PrepareConfig, SplitConfig
from ganray.data.corpus import LISTED, SUFFIXES, Corpus, Recording, fold, read_corpora, read_ids
from ganray.data.schema import COLUMNS, VERSION
from ganray.data.storage import is_remote
from ganray.errors import DataError, GanrayError
from ganray.preparing.audit.report import audit, columns_of, make_page, phonemes_of
from ganray.preparing.bucket import may_send, send, workplace
from ganray.preparing.journal import CUTS, RECORDINGS, Journal
from ganray.preparing.pipeline import prepared
from ganray.preparing.progress import Progress
from ganray.preparing.segments import cut
from ganray.preparing.shards import SplitWriter, beside, may_write, write_card
from ganray.preparing.splits import TRAIN, assign, near_texts
from ganray.provisioning import connect
from ganray.text import front_end

HELD_OUT = LISTED
AUDIT = "audit.html"
_OF_A_RUN = ("fresh", "phonemes", "flags")
"""Columns that `recordings.parquet` doesn't keep: the clips' are in the shards."""


def prepare(
    corpora: str | Path | Sequence[str | Path],
    out: str | Path,
    config: PrepareConfig | None = None,
    *,
    layout: str | None = None,
    overwrite: bool = False,
    fresh: bool = False,
    address: str | None = None,
    here: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Make a dataset from a corpus, or of several. The same ones and config give the same bytes, on any cluster.

    Args:
        corpora: Folder or URI in any layout of `ganray.data.readers`, which every machine of the cluster can read; or
            several.
        out: The dataset's folder, or its URI. It appears when all is written.
        config: What to make; the defaults where None.
        layout: Name of the corpora's layout; found by looking where None.
        overwrite: Replace a dataset that is there; what still holds of it is taken over.
        fresh: Take nothing over, neither from it nor from a run that was killed.
        address: Ray cluster; where None, the one that is connected, `RAY_ADDRESS`, or one on this machine.
        here: In this process, without Ray.
        quiet: Nothing on stderr.

    Returns:
        `dataset` (path), `splits` {name: {clips, seconds}}, `dropped` [{id, reason}], `notes`, `seconds`,
        `times_real_time`, `digest`, `computed` {stage: clips}, `page`, `faults` {fault: clips}.

    Raises:
        UsageError: There is no such layout.
        DataError: The corpus can't be read, nothing of it is usable, or there is something at `out`.
    """
    paths = [corpora] if isinstance(corpora, str | Path) else list(corpora)
    if is_remote(out):
        may_send(str(out), overwrite)
        made = prepare(
            paths, workplace(str(out)), config,
            layout=layout, overwrite=True, fresh=fresh, address=address, here=here, quiet=quiet,
        )  # fmt: skip
        sent = send(Path(made["dataset"]), str(out))
        return made | {"dataset": str(out), "sent_bytes": sent}
    out = Path(out)
    config = config or PrepareConfig()
    may_write(out, overwrite)
    source = read_corpora(paths, layout)
    config, lists, notes = _resolve(config, source)
    _front_end(config)  # one that isn't there is told before the work
    todo, dropped = plan(source, config)
    journal = Journal(out, fresh)
    if not here:
        connect(address)
    todo, unheard, cuts = cut(todo, journal.cuts, config, here=here)
    dropped += unheard
    if cuts:
        journal.keep_cuts(cuts)
        notes.append(f"{len(cuts):,} long recordings are cut into the sentences that are heard in them")
        source = replace(source, recordings=tuple(todo))
    if not source.has_texts:
        notes.append("no texts: a dataset for vocoders, not for text voices")
    if journal.known:
        notes.append(f"{len(journal.known):,} recordings are known from before: only what has changed is redone")
    progress = Progress(source, len(todo), notes, quiet)
    began = time.perf_counter()
    try:
        with progress:
            recorded_s = 0.0
            for rows in prepared(todo, journal.known, config, here=here):
                journal.add(rows)
                recorded_s += pc.sum(rows["seconds"]).as_py() or 0.0
                progress.advance(rows.num_rows, recorded_s)
        light = journal.light()
        columns = columns_of(light.filter(pc.is_valid(light["peak_db"])))
        splits, others = _splits(todo, config, lists, columns)
        dropped += others.items()
        dropped += [(r["id"], r["reason"]) for r in light.select(["id", "reason"]).to_pylist() if r["reason"]]
        known = {r.id for r in source.recordings} | {key for key, _ in source.dropped}
        for split, ids in lists.items():
            dropped += [
                (key, f"no such clip (listed in {split}, not in the corpus)") for key in ids if key not in known
            ]
        listed = [{"id": key, "reason": reason} for key, reason in dict(reversed(dropped)).items()][::-1]
        with beside(out) as folder:
            written = _write(folder, journal, splits)
            _must_train(written, listed, source)
            _keep_recordings(folder, light, splits)
            if cuts:
                (folder / CUTS).write_text(json.dumps(cuts, indent=0, sort_keys=True) + "\n", encoding="utf-8")
            document = _audited(folder, config, source, columns, listed, light)
            digests = zip(light["id"].to_pylist(), light["digest"].to_pylist(), light["text"].to_pylist(), strict=True)
            digest = hashlib.sha256("\n".join(map(str, digests)).encode()).hexdigest()[:16]
            card = write_card(folder, _card(out.name, source, config, todo, written, listed, digest, document))
    except GanrayError:
        journal.remove()  # it would end the same way
        raise
    journal.remove()
    seconds = time.perf_counter() - began
    stages = [stage for fresh in light["fresh"].to_pylist() for stage in fresh or ()]
    return {
        "dataset": str(out),
        "splits": {name: {"clips": s["clips"], "seconds": s["seconds"]} for name, s in card["splits"].items()},
        "dropped": listed,
        "notes": notes,
        "seconds": round(seconds, 2),
        "times_real_time": round(recorded_s / seconds, 1),
        "digest": card["digest"],
        "computed": dict(sorted(Counter(stages).items())),
        "page": str(out / AUDIT) if config.audit else None,
        "faults": card["audit"]["faults"],
    }


def _splits(
    todo: Sequence[Recording],
    config: PrepareConfig,
    lists: dict[str, list[str]],
    columns: Mapping[str, Any],
) -> tuple[dict[str, str], dict[str, str]]:
    """Id → split, and id → reason of those that are in none. Twins are in one, and near texts where that is wanted."""
    ids, twins = columns["id"], [index for index in range(len(columns["id"])) if columns["twin"][index] >= 0]
    others = {}
    if config.duplicates.drop:
        others = {ids[index]: f"duplicate (the same sound as {columns['twin_id'][index]})" for index in twins}
    texts = {recording.id: recording.text for recording in todo if recording.id not in others}
    ties = [[columns["twin_id"][index], ids[index]] for index in twins if ids[index] in texts]
    if config.duplicates.near_texts:
        ties += near_texts(texts)
    held_out = {split: getattr(config, split) for split in HELD_OUT}
    speakers = {recording.id: recording.speaker for recording in todo} if config.held_out_by == "speakers" else None
    splits, parted = assign(texts, held_out, lists, config.seed, ties, speakers)
    return splits, others | parted


def _write(folder: Path, journal: Journal, splits: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    writers = {split: SplitWriter(folder, split) for split in (TRAIN, *HELD_OUT)}
    for rows in journal.chunks():
        for split, clips in _by_split(rows, splits):
            writers[split].write(clips)
    written = {split: writer.close() for split, writer in writers.items()}
    return {split: its | {"index": writers[split].index() if its["clips"] else {}} for split, its in written.items()}


def _keep_recordings(folder: Path, light: pa.Table, splits: Mapping[str, str]) -> None:
    """What the next run takes over, and what a person may ask of every recording."""
    its = pa.array([splits.get(key) for key in light["id"].to_pylist()], pa.string())
    # Small row groups: whoever takes over one recording reads little else.
    kept = light.drop_columns(list(_OF_A_RUN)).append_column("split", its)
    pq.write_table(kept, folder / RECORDINGS, row_group_size=64, compression="zstd")


def _audited(
    folder: Path,
    config: PrepareConfig,
    source: Corpus,
    columns: Mapping[str, Any],
    dropped: list[dict[str, str]],
    light: pa.Table,
) -> dict[str, Any]:
    """The audit's document; its page is written where it is wanted."""
    if not config.audit:
        return {"clips": 0, "without_fault": 0, "faults": []}
    document = audit(columns, dropped, phonemes_of(light))
    sources = {recording.id: recording.source for recording in source.recordings}
    name = " ".join(dict.fromkeys(r.corpus for r in source.recordings))
    make_page(name, document, columns, sources).write(folder / AUDIT)
    return document


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


def plan(source: Corpus, config: PrepareConfig) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Recordings worth reading, with all labels, and (id, reason) of the others."""
    dropped = list(source.dropped)
    usable = []
    for recording in source.recordings:
        if source.has_texts and not fold(recording.text):
            dropped.append((recording.id, "no text (no letter or digit in it)"))
        elif recording.source is None:
            dropped.append((recording.id, f"no audio file (nothing of {', '.join(SUFFIXES)} by its name)"))
        else:
            usable.append(_labelled(recording, config))
    return usable, dropped


def _labelled(recording: Recording, config: PrepareConfig) -> Recording:
    """With all labels: its own, else its corpus's, else the dataset's."""
    corpus = config.corpora.get(recording.corpus, LabelsConfig())
    return replace(
        recording,
        speaker=recording.speaker or corpus.speaker or config.speaker or recording.corpus,
        language=recording.language or corpus.language or config.language,
        style=recording.style or corpus.style,
    )


def _by_split(rows: pa.Table, splits: Mapping[str, str]) -> Iterator[tuple[str, pa.Table]]:
    good = rows.filter(pc.is_null(rows["reason"]))
    its = pa.array([splits.get(key) for key in good["id"].to_pylist()], pa.string())
    for split in (TRAIN, *HELD_OUT):
        clips = good.filter(pc.equal(its, split))
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
    document: Mapping[str, Any],
) -> dict[str, Any]:
    spoken: dict[str, Counter[str]] = {}
    for clip in clips:
        spoken.setdefault(clip.speaker, Counter())[clip.language] += 1
    speakers = {
        speaker: " ".join(language for language, _ in languages.most_common())
        for speaker, languages in sorted(spoken.items())
    }
    splits = {
        split: {
            "clips": w["clips"],
            "seconds": round(w["num_samples"] / config.audio.sample_rate, 3),
            "shards": w["shards"],
            "shard_digests": w["digests"],
            **w["index"],
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
        "audit": {
            "clips": document["clips"],
            "without_fault": document["without_fault"],
            "faults": {entry["fault"]: entry["clips"] for entry in document["faults"]},
        },
        "source": {
            "name": " ".join(dict.fromkeys(r.corpus for r in source.recordings)),
            "layout": source.layout,
            "digest": digest,
        },
        "prepare": config.model_dump(mode="json"),
    }
