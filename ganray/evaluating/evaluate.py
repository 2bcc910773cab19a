"""`evaluate`: a voice and its scale over a split, and the report of it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import ganray
from ganray.data import Split
from ganray.errors import DataError, GanrayError, UsageError
from ganray.evaluating.against import Against, compare
from ganray.evaluating.folder import Alone, Folder, Matched
from ganray.evaluating.journal import Journal
from ganray.evaluating.others import Others
from ganray.evaluating.page import page_of
from ganray.evaluating.pool import Pool, cluster
from ganray.evaluating.report import Report, summarise
from ganray.evaluating.scorer import SCALE, SHOWN, ClipScores, Failure
from ganray.evaluating.subject import Subject, opened, report_folder, voice_folder
from ganray.metrics import MEASURES, Measure, measures_named
from ganray.provisioning import pools

SHOWN_CLIPS = 6
"""Clips with players on the page."""
_LOSSLESS_S = 160.0
"""Seconds of sound up to which a page's players are FLAC, some 6 MB of it; beyond, MP3."""


def evaluate(
    voice: str,
    dataset: str | None,
    split: str,
    *,
    step: str | int = "best",
    measures: Sequence[str] | None = None,
    scale: Sequence[str] = SCALE,
    clips: int | None = None,
    out: str | Path | None = None,
    address: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    quiet: bool = False,
    against: Mapping[str, Any] | None = None,
) -> Report:
    """Judge a voice, or a folder of clips, on the clips of a split, beside the scale, and write the report.

    Of a `text` voice what it makes of each clip's text is judged, and as the row `copy` what its vocoder makes of the
    clip; of a `mel` voice its copy-synthesis of each clip is judged, against the clip; of a `noise` voice as many draws
    as there are clips, by the measures that need no reference, and all together against recordings of another split. An
    evaluation that was killed goes on where it was when the very same is asked for again; of one that ended nothing is
    kept but its report.

    Of a folder of clips its files are judged, against the clips whose names they bear; without a dataset by the
    measures that need no recording, beside noise alone. Where most files have another length than their clips they are
    another reading, which is not compared moment by moment unless that is asked for.

    Args:
        voice: Folder of a voice, a run or clips, which every machine of the cluster can read.
        dataset: A dataset folder with the voice's audio contract, likewise; None: a folder of clips is judged alone.
        split: Name of the split.
        step: Of a run: `best`, `last` or a checkpoint's.
        measures: Names of `MEASURES`; None: all that are installed and fit: those that read a text for text voices and
            folders of clips, those of sets for noise voices.
        scale: Rows of `SCALE` to judge too.
        clips: Only the first so many; all where None.
        out: Folder of the report; `reports/VOICE-SPLIT` beside the voice where None (in the
            working directory for a voice that comes with ganray); `reports/FOLDER-alone` without a dataset.
        address: Ray cluster; where None, the one that is connected, `RAY_ADDRESS`, or one on this machine.
        seed: Of everything that is random.
        workers: How many clips are judged at once; one a CPU of the cluster where None.
        quiet: Nothing on stderr.
        against: Another report's document, to be compared with clip by clip.

    Raises:
        AudioContractError: Voice and dataset disagree.
        ConfigError: A measure is unknown, or its package isn't installed.
        DataError: Voice or dataset can't be opened, no file bears the name of a clip, or nothing that the voice gave
            could be judged.
        UsageError: The voice's kind can't be judged so, or a voice has no dataset to be judged on.
    """
    folder = voice_folder(voice, step)
    subject = opened(folder, dataset, split)
    judged, recordings, clips_of = subject.voice, subject.dataset, subject.clips
    if measures is None:
        in_time = not isinstance(judged, Folder) or not isinstance(clips_of, Matched) or judged.keeps_time(clips_of)
        fitting = {name: one for name, one in MEASURES.items() if _by_default(one, judged.kind, in_time)}
        measures = [name for name, one in fitting.items() if one.installed]
    names = [measure.name for measure in measures_named(measures)]
    names = _judged_by(subject, names, scale)
    scale = scale if recordings else [row for row in scale if row == "noise"]
    count = len(clips_of) if clips is None else min(clips, len(clips_of))
    if count < 1:
        raise UsageError("no clip to judge", clips=clips, mend=f"split {split} has {len(clips_of)} clips")
    shown = min(SHOWN_CLIPS, count)
    sets = recordings is not None and any(MEASURES[name].of == "set" for name in names)
    others = Others.beside(recordings, split, count) if recordings and sets else None
    names = [name for name in names if others or MEASURES[name].of == "clip"]
    if not names:
        raise UsageError("frechet needs recordings of another split", mend=f"{dataset} has only {split}")
    options = {"measures": names, "scale": list(scale), "seed": seed, "audio_format": _format(clips_of, shown),
               "others": others}  # fmt: skip

    began = time.perf_counter()
    jobs = [(index, index < shown) for index in range(count)]
    target = Path(out) if out else report_folder(folder, split if recordings else "alone")
    data = {"digest": recordings.digest if recordings else "", "split": clips_of.name}
    what = {**options, "voice": judged.digest, **{f"dataset {k}": v for k, v in data.items()}, "clips": clips_of.ids,
            "ganray": ganray.__version__}  # fmt: skip
    journal = Journal(target, what)
    found = {index: scores for index, scores in journal.read().items() if index < count}
    jobs = [job for job in jobs if job[0] not in found or (job[1] and not found[job[0]].sounds)]
    if jobs:
        journal.begin(found)
        with cluster(address):
            size = min(len(jobs), workers or pools.cpus("evaluate", ray.nodes()))
            pool = Pool(size, folder, recordings.where if recordings else None, split, options)
            try:
                _collect(pool, jobs, clips_of.ids, quiet, found, journal)
            except BaseException:
                journal.close(done=not found)
                raise
        journal.close(done=len(found) == count)
    results = [found[index] for index in sorted(found)]
    rows = summarise(results, names, seed)
    failures = [failure for clip in results for failure in clip.failures]
    if not any(clip.rows.get("voice") or clip.embedded.get("voice") for clip in results):
        raise DataError(
            "nothing that the voice gave could be judged",
            clips=count,
            first=failures[0].reason if failures else None,
            mend="listen to it: ganray vocode",
        )
    spoken = [clip for clip in results if np.isfinite(clip.synthesis_s)]
    about = {
        "voice": {
            "name": judged.name,
            "path": str(voice),
            "digest": judged.digest,
            "kind": judged.kind,
            "parameters": judged.num_parameters,
        },
        "dataset": {"name": recordings.card.get("name", recordings.path.name) if recordings else judged.name,
                    "path": str(dataset) if recordings else None, **data},
        "audio": judged.audio.model_dump(mode="json"),
        "seed": seed,
        "measures": names,
        **({"unmatched": _unmatched(subject, split)} if isinstance(judged, Folder) else {}),
        **({"others": {"split": others.split, "clips": others.num}} if others else {}),
        "times_real_time": round(
            sum(c.seconds for c in spoken) / max(sum(c.synthesis_s for c in spoken), 1e-9), 2
        ) if judged.kind in ("mel", "text") else None,
        "seconds": round(time.perf_counter() - began, 1),
        "ganray": ganray.__version__,
    }  # fmt: skip
    report = Report(target, about, rows, results, failures, compare_with(about, results, against, seed))
    page_of(report, judged.audio).write(report.page)
    report.write()
    return report


def _by_default(one: Measure, kind: str, in_time: bool) -> bool:
    """Whether a measure is taken of such a voice where none is named: of sets, where no clip has a reference."""
    return (
        (in_time or not one.follows)
        and (kind in ("text", "clips") or not one.needs_text)
        and (kind == "noise" or one.of == "clip")
    )


def _unmatched(subject: Subject, split: str) -> dict[str, int]:
    """How many files no clip is called by, and how many clips of the split there is no file for."""
    assert isinstance(subject.voice, Folder)
    total = len(subject.dataset.split(split)) if subject.dataset else len(subject.clips)
    return {"files": len(subject.voice.files) - len(subject.clips), "clips": total - len(subject.clips)}


def _judged_by(subject: Subject, measures: Sequence[str], scale: Sequence[str]) -> list[str]:
    """Those of `measures` that can judge this voice."""
    voice = subject.voice
    unknown = [row for row in scale if row not in SCALE]
    if unknown:
        raise UsageError(f"no row {', '.join(unknown)} on the scale", mend=f"there are {', '.join(SCALE)}")
    fitting = [name for name in measures if voice.kind != "noise" or not MEASURES[name].needs_reference]
    if subject.dataset is None:
        without = [n for n in fitting if not (MEASURES[n].needs_reference or MEASURES[n].needs_text)]
        fitting = [name for name in without if MEASURES[name].of == "clip"]
        if not fitting:
            raise UsageError(f"{', '.join(measures)} can't do without recordings", mend="give --data DATASET")
    if not fitting:
        raise UsageError(
            f"what a {voice.kind} voice says has no reference, and {', '.join(measures)} can't do without",
            mend="use --measures distillmos",
        )
    if voice.kind == "text" and all(MEASURES[name].follows for name in fitting):
        raise UsageError(
            f"what a text voice says has its own rhythm, and {', '.join(measures)} can only follow the recording's",
            mend="add one that listens by itself: distillmos, per, wer",
        )
    return fitting


def _format(split: Split | Matched | Alone, shown: int) -> str:
    seconds = float(split.num_samples[:shown].sum()) / split.audio.sample_rate * len(SHOWN)
    return "flac" if seconds <= _LOSSLESS_S else "mp3"


def compare_with(
    about: Mapping[str, Any], results: Sequence[ClipScores], other: Mapping[str, Any] | None, seed: int
) -> Against | None:
    """What was judged, against a report that was kept."""
    if other is None:
        return None
    per_clip = [{"id": clip.id, "scores": clip.rows} for clip in results]
    return compare({**about, "per_clip": per_clip}, other, seed)


def _collect(
    pool: Pool,
    jobs: Sequence[tuple[int, bool]],
    ids: Sequence[str],
    quiet: bool,
    found: dict[int, ClipScores],
    journal: Journal,
) -> None:
    """Put the scores of clips beside those that are there, with a bar that says how far it is."""
    bar = Progress(
        TextColumn("evaluate"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("clips  {task.fields[state]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True, quiet=quiet),
    )
    with bar:
        task = bar.add_task(
            "evaluate", total=len(jobs) + len(found), completed=len(found), state="waiting for a worker"
        )
        for index, scores in pool.run(jobs):
            if isinstance(scores, str):
                failure = Failure(ids[index], "", "", scores)
                scores = ClipScores(ids[index], "", 0.0, failures=[failure])
            else:
                journal.note(index, scores)
            found[index] = scores
            bar.update(task, advance=1, state="")
    if not found:
        raise GanrayError("no clip was judged")
