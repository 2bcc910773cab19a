"""`ganray bench`: how fast things are here, each against something plain."""

from typing import Any

import click

from ganray.cli.options import emit, json_option, note, set_option


@click.group("bench")
def group() -> None:
    """Measure on this machine, against plain code that does the same.

    \b
    Example:
      ganray bench train source_filter_small
    """


@group.command()
@click.argument("recipe")
@click.option("--data", metavar="DATASET", help="Dataset to learn from; without it, one is made up.")
@click.option("--seconds", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Of measuring.")
@click.option("--workers", type=int, help="Data-parallel workers: resources.num_workers.")
@set_option
@json_option
def train(
    recipe: str, data: str | None, seconds: float, workers: int | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Measure how fast RECIPE trains: inside Ray Train, without Ray, and against a plain update.

    Everything is measured in one run, in blocks of updates that take turns, so that what else the machine does weighs
    on all alike; ratios are medians over pairs of neighbouring blocks. Discriminators take part from the first update.

    \b
    Example:
      ganray bench train source_filter_small --workers 1
      ganray bench train hifigan_v1 --set data.batch_size=4 --seconds 120 --json
    """
    from ganray.models import load_run
    from ganray.training.bench import bench_train

    sets = [*overrides] if workers is None else [*overrides, f"resources.num_workers={workers}"]
    document = bench_train(load_run(recipe, sets), data, seconds=seconds, tell=note)
    emit(document, _told(document), as_json)


def _told(document: dict[str, Any]) -> str:
    import io

    from rich.console import Console
    from rich.table import Table

    from ganray.training.bench.phases import PHASES

    phases, step = document["phases_ms"], document["step_ms"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("phase", "ms", "%", ""):
        table.add_column(column, justify="right" if column in ("ms", "%") else "left")
    for name, spent in phases.items():
        table.add_row(name, f"{spent:.1f}", f"{100 * spent / step:.0f}", PHASES[name])
    text = io.StringIO()
    Console(file=text, width=110).print(table)
    losses = document["losses"]
    agree = "equal" if losses["agree"] else "NOT EQUAL"
    several = f"{document['workers']} workers" if document["workers"] > 1 else "1 worker"
    return "\n".join(
        [
            f"{document['recipe']}: {document['audio_seconds_per_s']:.2f} audio-seconds a second "
            f"({several}, batch {document['batch_size']} × {document['segment_length']}, {document['precision']})",
            f"ray    {document['ray_ratio']:.3f} × the speed of the same loop without Ray   "
            f"{document['ray_step_ms']:.0f} and {document['bare_step_ms']:.0f} ms an update, "
            f"{_spread(document['ray_ratios'])}",
            f"plain  {document['plain_ratio']:.2f} × the speed of a plain update   "
            f"{document['step_ms']:.0f} and {document['plain_step_ms']:.0f} ms, {_spread(document['plain_ratios'])}",
            f"losses {agree}: they differ by {losses['largest_difference']:.1e} at most, "
            f"{losses['tolerance']:g} is allowed in {document['precision']}",
            "",
            "\n".join(line.rstrip() for line in text.getvalue().splitlines()),
        ]
    )


def _spread(ratios: dict[str, list[float]]) -> str:
    from statistics import median

    clock = ratios["clock"]
    return f"{min(clock):.3f} to {max(clock):.3f} over {len(clock)} pairs; by core time {median(ratios['core']):.3f}"
