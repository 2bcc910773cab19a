"""`ganray keys`: who may ask a service."""

from pathlib import Path

import click

from ganray.cli.options import emit, json_option


@click.group("keys")
def group() -> None:
    """Make and take back the API keys of a service: `access.keys` of its YAML names their file.

    \b
    Example:
      ganray keys add keys.txt alice --per-minute 60
      ganray serve serve/local.yaml --set applications.0.args.access.keys=keys.txt
      curl -H "authorization: Bearer gr-…" http://127.0.0.1:8000/v1/models
    """


@group.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name")
@click.option("--per-minute", type=click.IntRange(1), help="Requests a minute; any number without it.")
@json_option
def add(file: Path, name: str, per_minute: int | None, as_json: bool) -> None:
    """Make a key for NAME and print it: FILE holds its hash alone. A service that runs knows it at once.

    \b
    Example:
      ganray keys add keys.txt alice --per-minute 60
    """
    from ganray.serving import keys

    secret = keys.add(file, name, per_minute)
    emit({"name": name, "key": secret, "file": str(file)}, secret, as_json)


@group.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("name")
@json_option
def remove(file: Path, name: str, as_json: bool) -> None:
    """Take NAME's key back: its next request gets 401.

    \b
    Example:
      ganray keys remove keys.txt alice
    """
    from ganray.serving import keys

    keys.remove(file, name)
    emit({"name": name, "file": str(file)}, f"{name} is out of {file}", as_json)


@group.command("list")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
def list_all(file: Path, as_json: bool) -> None:
    """Who has a key in FILE, and how often each may ask.

    \b
    Example:
      ganray keys list keys.txt
    """
    from ganray.serving import keys

    found = [{"name": key.name, "per_minute": key.per_minute} for key in keys.read(file)]
    lines = [f"{key['name']:<24}{key['per_minute'] or 'any number'} a minute" for key in found]
    emit({"file": str(file), "keys": found}, "\n".join(lines) or "nobody", as_json)
