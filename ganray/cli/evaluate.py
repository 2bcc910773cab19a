"""`ganray evaluate`: how a voice sounds, in numbers and to the ear."""

from typing import Any

import click

from ganray.cli.options import address_option, data_option, emit, json_option


@click.command("evaluate")
@click.argument("voice", type=click.Path())
@data_option
@click.option("--split", default="validation", show_default=True, help="Split whose clips are judged.")
@click.option(
    "--measures",
    metavar="A,B",
    help="Measures, by comma; else all that fit the voice and are installed; --list names them.",
)
@click.option("--clips", type=click.IntRange(min=1), metavar="N", help="Only the first N clips.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Report folder; else in reports/ beside the voice.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is random.")
@address_option
@json_option
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=lambda c, _, on: _list(c, on),
              help="List the measures, and leave.")  # fmt: skip
def command(
    voice: str,
    data: str,
    split: str,
    measures: str | None,
    clips: int | None,
    out: str | None,
    seed: int,
    address: str | None,
    as_json: bool,
) -> None:
    """Judge VOICE on held-out recordings.

    Every clip of the split is spoken by the voice, from its text or from its own mel spectrogram, and compared with the
    recording. The same is done with WORLD, Griffin-Lim and noise: the scale that the voice is read on. Means come with
    their 95 % interval; a page with players and spectrograms is left in the report's folder.

    \b
    Example:
      ganray evaluate voices/kathleen --data data/kathleen
      ganray evaluate voices/kathleen --data data/kathleen --split test --measures distillmos,pesq
      ganray evaluate voices/kathleen --data data/kathleen --clips 8 --out /tmp/report --json
    """
    from ganray.evaluating import evaluate

    names = [name.strip() for name in measures.split(",") if name.strip()] if measures else None
    report = evaluate(voice, data, split, measures=names, clips=clips, out=out, address=address, seed=seed)
    emit(report.as_json(), told(report), as_json)


def told(report: Any) -> str:
    """The report as a table for a terminal."""
    import io
    import shutil

    from rich.console import Console
    from rich.table import Table

    from ganray.evaluating.report import ROWS
    from ganray.metrics import MEASURES
    from ganray.metrics.page import decimals, number

    about = report.about
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", *(ROWS[row] for row in report.rows)):
        table.add_column(heading, justify="left")
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
    lines = [head, "\n".join(line.rstrip() for line in text.getvalue().splitlines())]
    if report.failures:
        clips = {failure.clip for failure in report.failures}
        first = report.failures[0]
        lines.append(
            f"{len(clips)} of {report.clips} clips lack a number and are left out of its mean; the first: "
            f"{first.clip} {first.row} {first.measure}: {first.reason}"
        )
    return "\n".join([*lines, f"page: {report.page}"])


def _list(context: click.Context, on: bool) -> None:
    if not on:
        return
    from ganray.metrics import MEASURES

    for measure in MEASURES.values():
        needs = "needs no reference"
        if measure.needs_reference or measure.needs_text:
            needs = "needs a reference" if measure.needs_reference else "needs the text"
        way = "describes" if measure.better == "neither" else f"{measure.better} is better"
        lacks = "" if measure.installed else f"; {measure.module} is not installed"
        click.echo(f"{measure.name:<15} {measure.unit:<20} {way}, {needs}; {measure.source}{lacks}")
    context.exit()
