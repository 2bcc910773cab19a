"""What the commands share: their options, and how a result is printed."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import click

json_option: Callable = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
set_option: Callable = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key, as a.b=value; may be repeated."
)
address_option: Callable = click.option(
    "--address", envvar="RAY_ADDRESS", help="Ray cluster to use: HOST:PORT, or auto. Default: one inside this process."
)
data_option: Callable = click.option(
    "--data", required=True, metavar="DATASET", help="Dataset folder, made by ganray prepare."
)


_results: TextIO | None = None
"""Where results go while everything else that is printed goes to stderr."""


@contextlib.contextmanager
def only_results_on_stdout() -> Iterator[None]:
    """Ray prints some of its warnings on stdout: here they go to stderr, so that stdout holds one document."""
    global _results
    _results = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _results = None


def emit(document: dict[str, Any], text: str, as_json: bool) -> None:
    """Print a command's result: the document under --json, else the text."""
    text = json.dumps(document, ensure_ascii=False, default=str) if as_json else text
    click.echo(text, file=_results or sys.stdout)


def note(text: str) -> None:
    """Tell something on the way, on stderr."""
    click.echo(text, err=True)
