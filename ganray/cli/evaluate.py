"""`ganray evaluate`: how a voice sounds, in numbers and to the ear."""

from typing import Any

import click

from ganray.cli.options import address_option, emit, json_option


@click.command("evaluate")
@click.argument("voice", type=click.Path())
@click.option("--data", metavar="DATASET", help="Dataset folder, made by ganray prepare; a folder of clips needs none.")
@click.option("--split", default="validation", show_default=True, help="Split whose clips are judged.")
@click.option("--step", default="best", show_default=True, help="Of a run: best, last, or the number of a checkpoint.")
@click.option(
    "--measures",
    metavar="A,B",
    help="Measures, by comma; else all that fit the voice and are installed; --list names them.",
)
@click.option("--clips", type=click.IntRange(min=1), metavar="N", help="Only the first N clips.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Report folder; else in reports/ beside the voice.")
@click.option("--against", metavar="OTHER", help="A voice, judged too, or a report: compare with it, clip by clip.")
@click.option("--baseline", metavar="REPORT", help="Fail with exit code 1 where VOICE is worse than in this report.")
@click.option("--workers", type=click.IntRange(min=1), help="Clips judged at a time; else one a CPU of the cluster.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is random.")
@address_option
@json_option
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=lambda c, _, on: _list(c, on),
              help="List the measures, and leave.")  # fmt: skip
def command(
    voice: str,
    data: str | None,
    split: str,
    step: str,
    measures: str | None,
    clips: int | None,
    out: str | None,
    against: str | None,
    baseline: str | None,
    workers: int | None,
    seed: int,
    address: str | None,
    as_json: bool,
) -> None:
    """Judge VOICE, or a folder of clips, on held-out recordings.

    Every clip of the split is spoken by the voice, from its text or from its own mel spectrogram, and compared with the
    recording. The same is done with WORLD, Griffin-Lim and noise: the scale that the voice is read on. Means come with
    their 95 % interval; a page with players and spectrograms is left in the report's folder.

    VOICE may be a run: the checkpoint of --step becomes a voice in its folder. Or it is a folder of wav, flac, mp3,
    ogg, opus or m4a files that any system made: each is held against the clip that has its name (ID.wav), or, without
    --data, judged by the measures that need no recording.

    \b
    Example:
      ganray evaluate voices/kathleen --data data/kathleen
      ganray evaluate runs/source_filter_small-7f3a --data data/kathleen --step last
      ganray evaluate voices/kathleen --data data/kathleen --split test --measures distillmos,pesq
      ganray evaluate voices/kathleen --data data/kathleen --clips 8 --out /tmp/report --json
      ganray evaluate voices/new --data data/kathleen --against voices/kathleen
      ganray evaluate other-system/ --data data/kathleen --split test
      ganray evaluate other-system/ --measures distillmos,loudness
      ganray evaluate voices/new --data data/kathleen --baseline reports/kept/report.json
    """
    from pathlib import Path

    from ganray.errors import UsageError
    from ganray.evaluating import evaluate
    from ganray.evaluating.against import read_report

    if against and baseline:
        raise UsageError("--against and --baseline compare with one report", mend="give one of them")
    names = [name.strip() for name in measures.split(",") if name.strip()] if measures else None
    other = baseline or against
    kept = read_report(other) if other and (baseline or Path(other).suffix == ".json" or _is_report(other)) else None
    how: dict[str, Any] = {"measures": names, "clips": clips, "address": address, "seed": seed, "workers": workers}
    if against and kept is None:
        beside = Path(out) / "against" if out else None
        kept = read_report(evaluate(against, data, split, out=beside, **how).folder)
    report = evaluate(voice, data, split, step=step, out=out, against=kept, **how)
    if baseline and report.against:
        if not as_json:
            emit({}, told(report), as_json)
        report.against.gate()
        if not as_json:
            return
    emit(report.as_json(), told(report), as_json)


def _is_report(where: str) -> bool:
    from pathlib import Path

    return (Path(where) / "report.json").is_file()


def told(report: Any) -> str:
    """The report as a table for a terminal."""
    import io
    import shutil
    import textwrap

    from rich.console import Console
    from rich.table import Table

    from ganray.evaluating.report import ROWS
    from ganray.metrics import MEASURES
    from ganray.metrics.page import decimals, number

    about = report.about
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", *(ROWS[row] for row in report.rows)):
        # Figures are never folded; of headings, words are, so that six rows fit into 80 columns.
        table.add_column(textwrap.fill(heading, 9), justify="left", no_wrap=True)
    for name in about["measures"]:
        cells = []
        for row, values in report.rows.items():
            known = values.get(name)
            cells.append(number(known.mean) if known else "–")
            if row == "voice" and known and known.low == known.low:
                cells[-1] += f" ±{(known.high - known.low) / 2:.{decimals(known.mean)}f}"
        table.add_row(f"{name} {MEASURES[name].arrow}", *cells)
    text = io.StringIO()
    Console(file=text, width=max(80, shutil.get_terminal_size().columns)).print(table)
    speed = f", {about['times_real_time']} × real time" if about["times_real_time"] else ""
    head = f"{about['voice']['name']}: {report.clips} clips of {about['dataset']['split']}{speed}"
    left = about.get("unmatched", {})
    if left.get("files") or left.get("clips"):
        head += f"; {left['files']} files bear no clip's name, {left['clips']} clips have no file"
    lines = [head, "\n".join(line.rstrip() for line in text.getvalue().splitlines())]
    if report.failures:
        clips = {failure.clip for failure in report.failures}
        first = next((failure for failure in report.failures if failure.row == "voice"), report.failures[0])
        lines.append(
            f"{len(clips)} of {report.clips} clips lack a number and are left out of its mean; the first: "
            f"{first.clip}, {ROWS.get(first.row, first.row)}, {first.measure}: {first.reason}"
        )
    if report.against:
        lines.append(f"against {report.against.name}:")
        for name, found in report.against.differences.items():
            lines.append(
                f"  {name:<15} {found.mean:+.3g} ({found.low:+.3g} to {found.high:+.3g}), p = {found.p_value:.2g}: "
                + report.against.verdict(name).replace("neither", "–")
            )
    return "\n".join([*lines, f"page: {report.page}"])


def _list(context: click.Context, on: bool) -> None:
    if not on:
        return
    from ganray.metrics import MEASURES

    for measure in MEASURES.values():
        needs = "needs no reference" if measure.of == "clip" else "of all clips together"
        if measure.needs_reference or measure.needs_text:
            needs = "needs a reference" if measure.needs_reference else "needs the text"
        way = "describes" if measure.better == "neither" else f"{measure.better} is better"
        lacks = "" if measure.installed else f"; {measure.module} is not installed"
        click.echo(f"{measure.name:<15} {measure.unit:<20} {way}, {needs}; {measure.source}{lacks}")
    context.exit()
