"""`ganray tune`: a sweep and a dataset become a table of trials and the best recipe."""

from typing import Any

import click

from ganray.cli.options import address_option, emit, json_option, set_option
from ganray.errors import UsageError


@click.command("tune")
@click.argument("sweep", required=False)
@click.option("--data", metavar="DATASET", help="Dataset folder, made by ganray prepare.")
@click.option("--resume", "folder", metavar="FOLDER", help="Take up this sweep's folder: what ended stays as it is.")
@click.option("--storage", default="sweeps", show_default=True, help="Folder for sweeps, which all nodes see.")
@click.option("--name", help="Name of the sweep's folder.")
@set_option
@address_option
@json_option
def command(
    sweep: str | None,
    data: str | None,
    folder: str | None,
    storage: str,
    name: str | None,
    overrides: tuple[str, ...],
    address: str | None,
    as_json: bool,
) -> None:
    """Try the values of SWEEP, a YAML file, each in a training of its own; the worse ones are stopped early.

    \b
    Example:
      ganray tune tune_configs/smoke.yaml --data data/kathleen
      ganray tune tune_configs/smoke.yaml --data data/kathleen --set samples=8 --json
      ganray tune --resume sweeps/smoke-7f3a
    """
    if folder:
        if sweep or name or overrides:
            raise UsageError("--resume goes on with the sweep's own config", mend="leave SWEEP, --name and --set out")
    elif not sweep or not data:
        raise UsageError("give a sweep and --data, or --resume", mend="ganray tune tune_configs/smoke.yaml --data D")
    from ganray.tuning import resume, tune
    from ganray.tuning.view import text

    if folder:
        result = resume(folder, data, address=address)
    else:
        result = tune(str(sweep), str(data), overrides=overrides, storage=storage, name=name, address=address)
    document = result.document
    left = sum(row.goes_on for row in result.board.rows)
    lines = [
        text(result.board),
        "",
        *(_scaled(name, its, result.board.metric) for name, its in document["scale"].items()),
        *(_confirmed(one, result.board.metric) for one in document["confirmed"]),
        *([f"{left} trials are not finished: ganray tune --resume {document['sweep']}"] if left else []),
        f"best: trial {document['best']['id']}, written to {document['best_recipe']}",
        f"report: {document['report']}",
        *([f"to be heard blind: {document['ab']}"] if document["ab"] else []),
        f"next: ganray train {document['best_recipe']} --data {data or 'DATASET'}",
    ]
    emit(document, "\n".join(lines), as_json)


def _scaled(name: str, its: dict[str, float], metric: str) -> str:
    """A line on what the measure says of sounds that no network made."""
    from ganray.tuning.verdict import SCALE

    value = f"{its[metric]:.4f}" if metric in its else "not measured"
    return f"for comparison: {metric} {value} of {SCALE[name]}"


def _confirmed(one: dict[str, Any], metric: str) -> str:
    """A line on what was trained once more."""
    tried = ", ".join(f"{key} {value}" for key, value in one["config"].items()) or "the recipe's own values"
    between = f" ({one['low']:.4f} to {one['high']:.4f})" if one["low"] is not None else ""
    return f"confirmed: {metric} {one['mean']:.4f}{between} over {one['num']} seeds: {tried}"
