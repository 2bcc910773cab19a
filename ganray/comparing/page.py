"""The page of a comparison, made of its folder alone: quality against what it costs, curves, a table, players."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from ganray.evaluating.report import ROWS
from ganray.evaluating.scorer import ClipScores
from ganray.gan.run import write_text
from ganray.metrics import MEASURES, plots
from ganray.metrics.page import Cell, Clip, Page, Picture, Players, Section, Table, Take, between, decimals, number
from ganray.tuning.front import front

COSTS = {
    "gmac_per_s": "billion multiplications a second of audio",
    "core_s_per_s": "seconds of one core a second of audio",
    "parameters": "million parameters",
    "training_core_minutes": "core minutes of training",
}
"""What quality is set against: less is better of each."""
SUFFIX = {"audio/flac": "flac", "audio/mpeg": "mp3"}


def keep_sounds(folder: Path, name: str, clips: Sequence[ClipScores], row: str) -> None:
    """Keep what a voice said of the clips that are shown: clips/NAME/ID.flac, and its picture."""
    target = folder / "clips" / name
    target.mkdir(parents=True, exist_ok=True)
    for place, clip in enumerate(clips):
        sound = clip.sounds.get(row)
        if sound is not None:
            path = target / f"{place:02}-{clip.id.replace('/', '_')}.{SUFFIX.get(sound.media_type, 'wav')}"
            path.write_bytes(sound.audio)
            path.with_suffix(".png").write_bytes(sound.picture)


def write(folder: Path, document: dict[str, Any]) -> Path:
    """Write report/index.html and report/report.json."""
    written = page(folder, document).write(folder / "report" / "index.html")
    write_text(folder / "report" / "report.json", json.dumps(document | {"page": written.name}, indent=1))
    return written


def page(folder: Path, document: dict[str, Any]) -> Page:
    """The whole page."""
    done = [one for one in document["recipes"] if one["status"] == "done"]
    budget, first = document["budget"], document["recipes"][0]["config"]
    each = " or ".join(f"{value:g} {name}" for name, value in budget.items() if value)
    data = Path(document["dataset"]["path"]).name
    judges = " All have the first one's discriminators and objective." if document["same_discriminators"] else ""
    intro = [
        f"{len(document['recipes'])} recipes, each trained for {each} on {data}, from the same "
        f"samples in the same order: batches of {first['data']['batch_size']} segments of "
        f"{first['data']['segment_length']:,} at {first['audio']['sample_rate']:,} Hz, seed {first['seed']}.{judges}",
    ]
    sections: list[Section] = [_table(document, done), *_fronts(document, done), *_curves(document, done)]
    sections += [*_unfinished(document), *_players(folder, done)]
    sources = "; ".join(f"{name}: {MEASURES[name].source}" for name in document["measures"])
    footer = (
        f"Dataset {document['dataset']['digest']}. {sources}. Speed: median of three passes over 4 s, on one "
        "thread and on two; on a busy machine it is too low. Memory: the most a process that speaks ever took, "
        "Python and torch with it."
    )
    return Page("Compared: " + ", ".join(one["name"] for one in document["recipes"]), intro, sections, footer)


def _table(document: dict[str, Any], done: Sequence[dict[str, Any]]) -> Table:
    arrows = {"higher": "↑", "lower": "↓"}
    measures = document["measures"]
    columns = ["", *(f"{name} {arrows[MEASURES[name].better]}" for name in measures), "updates", "parameters"]
    columns += ["GMAC / s", "× real time, 1 thread", "2 threads", "memory"]
    rows: list[list[str | Cell]] = [
        [
            one["name"],
            *(_score(one["scores"].get(name)) for name in measures),
            f"{one['step']:,}",
            f"{one['parameters'] / 1e6:.2f} M",
            f"{one['gmac_per_s']:.2f}",
            f"{one['times_real_time']:.1f}",
            number(one["times_real_time_two_threads"]),
            f"{one['memory_mb']:.0f} MB",
        ]
        for one in done
    ]
    for row, its in document["scale"].items():
        rows.append([ROWS.get(row, row), *(_score(its.get(name)) for name in measures), *["–"] * 6])
    return Table(
        "Side by side", columns, rows, "Held-out clips: mean with its 95 % bootstrap interval.", _best(document, done)
    )


def _best(document: dict[str, Any], done: Sequence[dict[str, Any]]) -> int | None:
    """The row of the best by the first measure."""
    name = document["measures"][0]
    scored = [(one["scores"][name]["mean"], place) for place, one in enumerate(done) if name in one["scores"]]
    return (max if MEASURES[name].better == "higher" else min)(scored)[1] if scored else None


def _score(told: dict[str, Any] | None) -> Cell:
    if not told or told["mean"] is None:
        return Cell("–")
    if told.get("low") is None:
        return Cell(number(told["mean"]))
    return Cell(number(told["mean"]), between(told["low"], told["high"], decimals(told["mean"])))


def _fronts(document: dict[str, Any], done: Sequence[dict[str, Any]]) -> list[Section]:
    """Quality against each cost."""
    name = document["measures"][0]
    scored = [one for one in done if name in one["scores"]]
    if len(scored) < 2:
        return []
    pictures: list[Section] = []
    for key, said in COSTS.items():
        points = [(_cost(one, key), float(one["scores"][name]["mean"])) for one in scored]
        if key == "training_core_minutes" and document["budget"]["steps"] is None:
            continue  # all took the same
        chosen = front(points, [True, MEASURES[name].better == "lower"])
        png = plots.front(
            points, chosen, labels=[one["name"] for one in scored], axes=(said, name), log_x=True, name_all=True
        )
        caption = f"{name}: {MEASURES[name].better} is better. Ringed: none is better and cheaper."
        pictures.append(Picture(f"{name} against {said}", png, caption))
    return pictures


def _cost(one: dict[str, Any], key: str) -> float:
    if key == "core_s_per_s":
        return 1 / one["times_real_time"]
    return one[key] / 1e6 if key == "parameters" else float(one[key])


def _curves(document: dict[str, Any], done: Sequence[dict[str, Any]]) -> list[Section]:
    """The validations of each training, over its minutes."""
    if not done:
        return []
    measure = done[0]["config"]["checkpoint"]["measure"]
    curves = {}
    for one in done:
        points = [(row["step"], row["scores"][measure]) for row in one["curve"] if measure in row["scores"]]
        if points:
            minutes = [step / one["step"] * one["training_minutes"] for step, _ in points]
            curves[one["name"]] = (minutes, [score for _, score in points])
    if not curves:
        return []
    png = plots.lines(curves, x_label="minutes of training", y_label=f"val/{measure}")
    caption = f"{measure} of the running average on {done[0]['config']['validation']['clips']} held-out clips."
    return [Picture("Curves", png, caption)]


def _unfinished(document: dict[str, Any]) -> list[Section]:
    rows = [
        [one["name"], one["status"], one.get("message", "")] for one in document["recipes"] if one["status"] != "done"
    ]
    return [Table("Not compared", ["recipe", "status", "why"], rows)] if rows else []


def _players(folder: Path, done: Sequence[dict[str, Any]]) -> list[Section]:
    takes: dict[str, list[Take]] = {}
    for name in ["recording", *(one["name"] for one in done)]:
        for path in sorted((folder / "clips" / name).glob("*")):
            if path.suffix == ".png":
                continue
            media = next((kind for kind, suffix in SUFFIX.items() if path.suffix == f".{suffix}"), "audio/wav")
            seconds, picture = soundfile.info(str(path)).duration, path.with_suffix(".png")
            take = Take(name, path.read_bytes(), media, seconds, picture.read_bytes() if picture.is_file() else b"")
            takes.setdefault(path.stem.partition("-")[2], []).append(take)
    clips = [Clip(clip, "", its) for clip, its in takes.items()]
    note = "The first clips of the split, not chosen by ear. Each recipe's best checkpoint."
    return [Players("Listen", clips, note)] if clips else []
