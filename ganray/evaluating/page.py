"""The report as a page: what the numbers say, then what the ear says."""

from collections.abc import Sequence

from ganray.config.audio import AudioConfig
from ganray.evaluating.against import Against
from ganray.evaluating.report import ROWS, Report
from ganray.evaluating.scorer import SHOWN, ClipScores, Failure
from ganray.metrics import MEASURES
from ganray.metrics.base import GROUPS
from ganray.metrics.page import Axes, Axis, Cell, Clip, Page, Players, Section, Table, Take, cell, number
from ganray.metrics.plots import mel_ticks

_HOW_TO_READ = (
    "Mean over the clips with its 95 % bootstrap interval. No number judges a voice alone: read it beside the "
    "recording, beside what signal processing makes of the same recording (WORLD, Griffin-Lim), and beside noise. "
    "Measures that disagree on WORLD and Griffin-Lim will disagree on a voice too."
)


def page_of(report: Report, audio: AudioConfig) -> Page:
    """The page of a report."""
    voice, dataset = report.about["voice"], report.about["dataset"]
    seconds = sum(clip.seconds for clip in report.per_clip)
    where = f"{dataset['name']}, split {dataset['split']}" if dataset["path"] else dataset["name"]
    intro = [
        f"{report.clips} clips ({seconds / 60:.1f} min) of {where}; "
        f"{audio.sample_rate:,} Hz, {audio.n_mels} mel bands, hop {audio.hop_length}.",
        _files(report)
        if voice["kind"] == "clips"
        else f"A {voice['kind']} voice of {voice['parameters'] / 1e6:.2f} M parameters"
        + (f", {speed:.1f} × real time on one core." if (speed := report.about["times_real_time"]) else "."),
    ]
    if others := report.about.get("others"):
        intro.append(
            f"Fréchet distances are to {others['clips']} recordings of the split {others['split']}, of which no row is "
            "made; other recordings are not at 0, as so few clips are never the whole. Level and sameness count, order "
            "over more than 0.15 s doesn't."
        )
    sections: list[Section] = [*_tables(report), _axes(report)]
    if report.against:
        sections.insert(0, _against(report.against, str(voice["name"])))
    if report.failures:
        sections.append(_failures(report))
    sections += [*_players(report, audio), *_per_clip(report)]
    sources = "; ".join(f"{name}: {MEASURES[name].source}" for name in report.about["measures"])
    footer = (
        f"Voice {voice['digest']}, dataset {dataset['digest']}, audio contract {audio.digest()}, "
        f"seed {report.about['seed']}, ganray {report.about['ganray']}. {sources}. Griffin-Lim: 32 iterations with "
        "momentum on the voice's own mel; WORLD: dio, stonemask, cheaptrick, d4c."
    )
    return Page(f"How {voice['name']} sounds", intro, sections, footer)


def _files(report: Report) -> str:
    """What was found in a folder of clips."""
    if not report.about["dataset"]["path"]:
        return "The files of a folder, without recordings to hold them against: nothing but noise is beside them."
    left = report.about["unmatched"]
    told = [f"{left['files']} of its files bear no clip's name"] if left["files"] else []
    told += [f"{left['clips']} clips of the split have no file in it"] if left["clips"] else []
    return "The files of a folder that bear the clips' names" + "".join(f"; {one}" for one in told) + "."


def _tables(report: Report) -> list[Table]:
    """One a group of measures: a table of fifteen columns is read by nobody."""
    tables: list[Table] = []
    for group, heading in GROUPS.items():
        measures = [name for name in report.about["measures"] if MEASURES[name].group == group]
        if measures:
            columns = ["", *(f"{name} {MEASURES[name].arrow}" for name in measures)]
            rows: list[list[str | Cell]] = [
                [_label(report, row), *(cell(values.get(name)) for name in measures)]
                for row, values in report.rows.items()
            ]
            tables.append(Table(heading, columns, rows, "" if tables else _HOW_TO_READ, highlight=0))
    return tables


def _against(found: Against, name: str) -> Table:
    rows: list[list[str | Cell]] = [
        [
            f"{measure} {MEASURES[measure].arrow}",
            Cell(f"{its.mean:+.3g}", f"{its.low:+.3g} to {its.high:+.3g}"),
            f"{its.wins} : {its.num - its.wins - its.ties}",
            f"{its.p_value:.2g}",
            found.verdict(measure) if found.verdict(measure) != "neither" else "–",
        ]
        for measure, its in found.differences.items()
    ]
    note = (
        f"{name} minus {found.name}, clip by clip. The intervals hold at 95 % for all measures together; p is of a "
        "sign-flip test of each alone. “As good” is what chance may explain, or what is too small to matter."
    )
    columns = ["", "difference", "clips higher : lower", "p", f"{name} is"]
    return Table(f"Against {found.name}", columns, rows, note)


def _axes(report: Report) -> Axes:
    axes = []
    for name in report.about["measures"]:
        rows = [(_label(report, row), values[name]) for row, values in report.rows.items() if name in values]
        its = 0 if name in report.rows.get("voice", {}) else None  # a text voice has no pesq: its copy is not it
        if rows:
            axes.append(Axis(name, MEASURES[name].unit, MEASURES[name].better, rows, highlight=its))
    return Axes("Where it stands", axes)


def _failures(report: Report) -> Table:
    """A line a row and measure: noise alone, which has no F0, would fill a page."""
    kinds: dict[tuple[str, str], list[Failure]] = {}
    for failure in report.failures:
        kinds.setdefault((failure.row, failure.measure), []).append(failure)
    rows = [
        [_label(report, row) if row in ROWS else row, measure, f"{len(its)}", f"{its[0].clip}: {its[0].reason}"]
        for (row, measure), its in sorted(kinds.items(), key=lambda kind: kind[0][0] != "voice")
    ]
    note = f"Of {report.clips} clips; the means above leave out what lacks a number. report.json names every one."
    return Table("What failed", ["row", "measure", "clips", "the first, and why"], rows, note)


def _players(report: Report, audio: AudioConfig) -> list[Players]:
    shown = [clip for clip in report.per_clip if clip.sounds]
    if not shown:
        return []
    if report.about["voice"]["kind"] == "noise":
        clips = [_clip(f"Draw {i}", "", clip, ("voice",), report) for i, clip in enumerate(shown, 1)]
        clips += [_clip(clip.id, clip.text, clip, SHOWN[1:], report) for clip in shown]
        note = "Draws of the voice, and the first clips of the split, which it never saw."
    else:
        clips = [_clip(clip.id, clip.text, clip, SHOWN, report) for clip in shown]
        note = "The first clips of the split, not chosen by ear."
    note += " Spectrograms: mel scale in Hz, one range of colours a clip; a click plays from there."
    return [Players("Listen", clips, note, mel_ticks(audio))]


def _clip(title: str, text: str, clip: ClipScores, rows: Sequence[str], report: Report) -> Clip:
    takes = []
    for row in rows:
        if row in clip.sounds:
            sound, values = clip.sounds[row], clip.rows.get(row, {})
            note = " · ".join(f"{name} {number(values[name])}" for name in ("distillmos", "pesq") if name in values)
            takes.append(Take(_label(report, row), sound.audio, sound.media_type, sound.seconds, sound.picture, note))
    return Clip(title, text, takes)


def _per_clip(report: Report) -> list[Table]:
    """The voice's scores, worst first: the clips to listen to."""
    measures = [name for name in report.about["measures"] if MEASURES[name].of == "clip"]
    if not measures:
        return []
    first = MEASURES[measures[0]]
    sign = -1 if first.better == "lower" else 1
    clips = sorted(report.per_clip, key=lambda c: sign * c.rows.get("voice", {}).get(first.name, -sign * 1e9))
    rows = [
        [clip.id, f"{clip.seconds:.1f}", *(number(clip.rows.get("voice", {}).get(name)) for name in measures)]
        for clip in clips
    ]
    return [Table(f"Every clip, worst {first.name} first", ["clip", "seconds", *measures], rows, folded=True)]


def _label(report: Report, row: str) -> str:
    return str(report.about["voice"]["name"]) if row == "voice" else ROWS[row]
