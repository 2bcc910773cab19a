"""The `ganray` command. Each verb is a file here, imported when it is called, so that `ganray --help` is instant."""

import contextlib
import importlib
import json
import sys
from collections.abc import Sequence
from itertools import takewhile

import click

from ganray import __version__
from ganray.cli.options import only_results_on_stdout
from ganray.errors import GanrayError

COMMANDS = {
    "demo": ("demo:command", "Recordings to a served voice, in a few minutes."),
    "corpus": ("corpus:group", "What is wrong with recordings; corpora to be had."),
    "prepare": ("prepare:command", "A corpus of recordings becomes a dataset."),
    "train": ("train:command", "Train a GAN on a dataset, data-parallel on Ray."),
    "tune": ("tune:command", "Sweep λ, learning rates, any key of a recipe."),
    "export": ("export:command", "A run becomes a voice."),
    "import": ("import_:command", "Official weights of HiFi-GAN, BigVGAN or Vocos become a voice."),
    "evaluate": ("evaluate:command", "Score a voice on held-out clips, beside the scale."),
    "listen": ("listen:group", "Blind listening tests: make a page, analyse its results."),
    "explain": ("explain:command", "What discriminators hear, what a waveform hangs on."),
    "compare": ("compare:command", "Recipes at equal budgets, side by side."),
    "say": ("say:command", "Text to speech."),
    "vocode": ("vocode:command", "A recording through a voice (copy-synthesis)."),
    "serve": ("serve:group", "Answer over HTTP with autoscaling replicas."),
    "keys": ("keys:group", "Who may ask a service: make API keys, take them back."),
    "bench": ("bench:group", "How fast it is here, against plain code."),
    "recipes": ("recipes:group", "The recipes in the box: list, show, check, copy, schema."),
    "cluster": ("cluster:group", "The one cluster config."),
}
"""Name → (module:object, one line of help)."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return getattr(importlib.import_module(f"ganray.cli.{module}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ganray")
def cli() -> None:
    """Train, tune and serve speech GANs on a Ray cluster.

    recordings → prepare → dataset → train / tune → run → export → voice → say, vocode, evaluate, serve

    \b
    Example:
      ganray prepare recordings/ --out data/mine
      ganray train source_filter_small --data data/mine --workers 2 --minutes 30
      ganray export runs/source_filter_small-7f3a --out voices/mine
      ganray serve serve/local.yaml
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never returns. Exit codes are those of `ganray.errors`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    as_json = "--json" in takewhile(lambda one: one != "--", arguments)  # what follows is a job's
    try:
        with only_results_on_stdout() if as_json else contextlib.nullcontext():
            code = cli.main(arguments, prog_name="ganray", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except GanrayError as error:
        return _fail(error, str(error), error.exit_code, as_json)
    except click.ClickException as error:
        if not as_json:
            error.show()
            return 2
        return _fail(GanrayError(error.format_message()), "", 2, as_json)
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped", err=True)
        return 130
    except Exception as error:
        if as_json:
            _fail(GanrayError(f"{type(error).__name__}: {error}"), "", 1, as_json)
        raise


def _fail(error: GanrayError, text: str, code: int, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(error.as_json(), ensure_ascii=False, default=str))
    else:
        click.echo(f"error: {text}", err=True)
    return code
