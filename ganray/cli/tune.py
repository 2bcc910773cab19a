"""`ganray tune`: a sweep and a dataset become a table of trials and the best recipe."""

import click

from ganray.cli.options import address_option, data_option, emit, json_option, set_option


@click.command("tune")
@click.argument("sweep")
@data_option
@click.option("--storage", default="sweeps", show_default=True, help="Folder for sweeps, which all nodes see.")
@click.option("--name", help="Name of the sweep's folder.")
@set_option
@address_option
@json_option
def command(
    sweep: str,
    data: str,
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
    """
    from ganray.tuning import tune
    from ganray.tuning.view import text

    result = tune(sweep, data, overrides=overrides, storage=storage, name=name, address=address)
    document = result.document
    lines = [
        text(result.board),
        "",
        f"best: trial {document['best']['id']}, written to {document['best_recipe']}",
        f"report: {document['report']}",
        f"next: ganray train {document['best_recipe']} --data {data}",
    ]
    emit(document, "\n".join(lines), as_json)
