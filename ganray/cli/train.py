"""`ganray train`: a dataset and a recipe become a run."""

from dataclasses import asdict
from typing import Any

import click

from ganray.cli.options import address_option, emit, json_option, set_option
from ganray.errors import UsageError


@click.command("train")
@click.argument("recipe", required=False)
@click.option("--data", metavar="DATASET", help="Dataset folder, made by ganray prepare.")
@click.option("--resume", "run", metavar="RUN", help="Go on with this run: its folder or URI.")
@click.option(
    "--init", "source", metavar="VOICE|RUN", help="Begin with what this run or voice learned, `english` for one."
)
@click.option("--workers", type=int, help="Data-parallel workers: resources.num_workers.")
@click.option("--minutes", type=float, help="How long: schedule.max_minutes.")
@click.option("--storage", default="runs", show_default=True, help="Folder for runs, which all nodes see, or s3://…")
@click.option("--name", help="Name of the run's folder.")
@set_option
@address_option
@json_option
def command(
    recipe: str | None,
    data: str | None,
    run: str | None,
    source: str | None,
    workers: int | None,
    minutes: float | None,
    storage: str,
    name: str | None,
    overrides: tuple[str, ...],
    address: str | None,
    as_json: bool,
) -> None:
    """Train RECIPE (a name in the box or a YAML file) on a dataset.

    \b
    Example:
      ganray train source_filter_small --data data/kathleen --workers 2 --minutes 30
      ganray train hifigan_v1.yaml --data data/kathleen --set optim.generator.lr=1e-4
      ganray train source_filter_small --data data/other --init voices/kathleen --minutes 10
      ganray train text_tuned --data data/mine
      ganray train --resume runs/source_filter_small-7f3a --minutes 60
    """
    from ganray.config.bundled import BUNDLED, located
    from ganray.data.storage import is_remote, place
    from ganray.gan.run import Run
    from ganray.models import load_run
    from ganray.training import resume, train
    from ganray.voice.reader import CARD

    sets = [*overrides]
    if workers is not None:
        sets.append(f"resources.num_workers={workers}")
    if minutes is not None:
        sets.append(f"schedule.max_minutes={minutes}")
    if source:
        folder = None if is_remote(source) else located(source)
        if folder and (folder / CARD).is_file():
            sets.insert(0, "init.parts=generator")  # unless told otherwise
        sets.append(f"init.source={source if folder and folder.parent == BUNDLED else place(source)}")
    if run:
        if recipe or source:
            raise UsageError("--resume goes on with the run's own recipe", mend=f"leave {recipe or '--init'} out")
        before = Run.open(run).config
        after = load_run(before.model_dump(mode="json"), sets)
        changes = {key: value for key, value in after if value != getattr(before, key)}
        result = resume(run, changes=changes, dataset=data, address=address)
    else:
        if not recipe or not data:
            raise UsageError(
                "a recipe and --data are needed", mend="ganray train source_filter_small --data DATASET --minutes 30"
            )
        result = train(load_run(recipe, sets), data, storage=storage, name=name, address=address)
    emit(asdict(result), _summary(result), as_json)


def _summary(result: Any) -> str:
    best = result.best
    lines = [f"{result.run}: {result.ended} at step {result.step:,}, {result.audio_seconds_per_s:.1f} audio-s/s"]
    if best:
        lines.append(f"best step {best['step']:,}: " + ", ".join(f"{k} {v:.3f}" for k, v in best["scores"].items()))
    lines.append(f"next: ganray export {result.run} --out voices/NAME")
    return "\n".join(lines)
