"""`ganray bench speak` and `ganray bench compare`."""

import json
from pathlib import Path
from typing import Any

import click

from ganray.cli.options import emit, json_option, note


@click.command()
@click.argument("voice", default="english")
@click.option("--rounds", type=click.IntRange(min=3), default=12, show_default=True, help="Turns that each has.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="Let others that are installed take turns.")
@json_option
def speak(voice: str, rounds: int, peers: bool, as_json: bool) -> None:
    """Measure how fast VOICE reads text on one core, how soon it begins, and in how much memory.

    \b
    Example:
      ganray bench speak
      ganray bench speak voices/mine --json > after.json && ganray bench compare before.json after.json
    """
    from ganray.metrics.benches import placed
    from ganray.metrics.intervals import bootstrap
    from ganray.voice.bench import bench_speak

    document = placed(bench_speak(voice, rounds=rounds, peers=peers, tell=note))
    lines = []
    for name, its in document["engines"].items():
        lines.append(f"{name:<8} {bootstrap(its['rounds_times_real_time'])} x real time a core")
    for name, its in document["peers"].items():
        ours = bootstrap(its["ours_over_it_ratios"])
        lines.append(f"{name:<8} {bootstrap(its['rounds_times_real_time'])} x real time; ours is {ours} of it")
    lines.append(f"first sound after {document['first_audio_ms']} ms; say: {document['say_seconds']} s, "
                 f"{document['memory_mb']} MB")  # fmt: skip
    emit(document, "\n".join(lines), as_json)


@click.command()
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option("--tolerance", type=click.FloatRange(min=0), default=10.0, show_default=True, metavar="PERCENT",
              help="Change of a figure without repetitions that counts as none.")  # fmt: skip
@click.option("--gate", is_flag=True, help="Fail with exit code 1 where a figure is worse.")
@json_option
def compare(before: str, after: str, tolerance: float, gate: bool, as_json: bool) -> None:
    """Say what changed between BEFORE and AFTER, what one `ganray bench … --json` printed twice.

    A figure that was repeated is compared with its interval, one that was not within the tolerance.

    \b
    Example:
      ganray bench compare before.json after.json
    """
    from ganray.errors import GanrayError, Problem
    from ganray.metrics.benches import compare as changes_of
    from ganray.metrics.benches import differences

    old, new = (_document(path) for path in (before, after))
    changes, others = changes_of(old, new, tolerance=tolerance / 100), differences(old, new)
    worse = [change for change in changes if change.verdict == "worse"]
    if gate and worse:
        told = [Problem(c.key, c.after, f"worse: {c.before:.4g} → {c.after:.4g} ({c.ratio:.3f} ×)") for c in worse]
        raise GanrayError(f"{len(worse)} of {len(changes)} figures are worse", problems=told)
    document = {"changes": [change.as_json() for change in changes], "otherwise_changed": others}
    lines = [f"not the same: {line}" for line in others]
    width = max(len(change.key) for change in changes)
    for change in changes:
        span = f" ({change.low:.3f}–{change.high:.3f})" if change.low == change.low else ""
        sign = "" if change.verdict == "same" else f"  {change.verdict}"
        lines.append(
            f"{change.key:<{width}}  {change.before:>9.4g} → {change.after:<9.4g} {change.ratio:.3f}{span}{sign}"
        )
    emit(document, "\n".join(lines), as_json)


def _document(path: str) -> dict[str, Any]:
    from ganray.errors import DataError

    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", mend="make it: ganray bench … --json > FILE") from error
    if not isinstance(document, dict):
        raise DataError(f"{path} is no document of ganray bench", got=type(document).__name__, want="an object")
    return document
