"""`ganray compare`: which recipe is worth its compute."""

from typing import Any

import click

from ganray.cli.options import address_option, emit, json_option, set_option
from ganray.errors import UsageError


@click.command("compare")
@click.argument("recipes", nargs=-1)
@click.option(
    "--data", metavar="DATASET", help="Dataset folder, made by ganray prepare; its audio contract is everyone's."
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Of training, each.")
@click.option("--steps", type=click.IntRange(min=1), help="Updates, each.")
@click.option("--same-discriminators", is_flag=True, help="Give all of them the first one's judges and objective.")
@click.option("--measures", metavar="A,B", help="What is measured; the first is what the pictures show.")
@click.option("--clips", type=click.IntRange(min=1), metavar="N", help="Only the first N validation clips.")
@click.option("--at-once", type=click.IntRange(min=1), metavar="N", help="Most trainings at once; all that fit.")
@click.option("--resume", "folder", metavar="FOLDER", help="Take up this comparison: what ended stays as it is.")
@click.option(
    "--storage", default="comparisons", show_default=True, help="Folder for comparisons, which all nodes see."
)
@click.option("--name", help="Name of the comparison's folder.")
@set_option
@address_option
@json_option
def command(
    recipes: tuple[str, ...],
    data: str | None,
    minutes: float | None,
    steps: int | None,
    same_discriminators: bool,
    measures: str | None,
    clips: int | None,
    at_once: int | None,
    folder: str | None,
    storage: str,
    name: str | None,
    overrides: tuple[str, ...],
    address: str | None,
    as_json: bool,
) -> None:
    """Train RECIPES for the same time, or the same updates, on the same samples, and report what each gave and costs.

    All get the dataset's audio contract, and the first recipe's batch, segments, seed, validation and workers. Settings
    behind a recipe, in quotes, are its own.

    \b
    Example:
      ganray compare vocos_small source_filter_small --data data/kathleen --minutes 30
      ganray compare mine.yaml hifigan_v2 --data data/kathleen --steps 2000 --same-discriminators
      ganray compare vocos_small "vocos_small generator.prior=false name=no_prior" --data data/kathleen --steps 800
      ganray compare --resume comparisons/compare-7f3a
    """
    from ganray.comparing import compare, resume
    from ganray.comparing.compare import QUALITY

    if folder:
        if recipes or overrides or data or name or minutes or steps:
            raise UsageError(
                "--resume goes on with what was asked", mend="leave everything but --address and --at-once out"
            )
        result = resume(folder, address=address, at_once=at_once)
    else:
        if not data:
            raise UsageError("--data is needed", mend="ganray compare RECIPE RECIPE --data DATASET --minutes M")
        names = [one.strip() for one in measures.split(",") if one.strip()] if measures else QUALITY
        result = compare(
            recipes, data, minutes=minutes, steps=steps, same_discriminators=same_discriminators, measures=names,
            overrides=overrides, clips=clips, storage=storage, name=name, address=address,
            at_once=at_once,
        )  # fmt: skip
    emit(result.as_json(), told(result), as_json)


def told(result: Any) -> str:
    """The comparison as a table for a terminal."""
    measures = result.document["measures"]
    width = max(len(one["name"]) for one in result.recipes)
    lines = [
        f"{'':<{width}}  " + "".join(f"{name:>11}" for name in (*measures, "updates", "params", "GMAC/s", "x r.t."))
    ]
    for one in result.recipes:
        if one["status"] != "done":
            lines.append(f"{one['name']:<{width}}  {one['status']} {one.get('message', '')}".rstrip())
            continue
        cells = [f"{one['scores'][name]['mean']:.3f}" if name in one["scores"] else "–" for name in measures]
        cells += [f"{one['step']:,}", f"{one['parameters'] / 1e6:.2f} M", f"{one['gmac_per_s']:.2f}"]
        cells.append(f"{one['times_real_time']:.1f}")
        lines.append(f"{one['name']:<{width}}  " + "".join(f"{cell:>11}" for cell in cells))
    if not result.finished:
        lines.append(f"not finished: ganray compare --resume {result.folder}")
    return "\n".join([*lines, f"report: {result.folder / 'report' / 'index.html'}"])
