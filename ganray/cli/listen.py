"""`ganray listen`: blind tests, and what they say."""

from pathlib import Path
from typing import Any

import click

from ganray.cli.options import data_option, emit, json_option, note


@click.group("listen")
def group() -> None:
    """Blind listening tests: make a page, collect its answers, as files or by a service, and analyse them.

    \b
    Example:
      ganray listen make voices/old voices/new --data data/kathleen --out tests/old-new
      ganray listen analyse tests/old-new answers/*.json
    """


@group.command()
@click.argument("systems", nargs=-1, required=True)
@data_option
@click.option("--split", default="test", show_default=True, help="Split whose clips are said.")
@click.option("--clips", type=click.IntRange(min=1), default=8, show_default=True, help="The first N of the split.")
@click.option("--type", "kind", type=click.Choice(["ab", "abx", "mushra"]), default="ab", show_default=True,
              help="ab: which is better; abx: is a difference heard; mushra: 0–100 beside the recording.")  # fmt: skip
@click.option("--title", default="Listening test", show_default=True, help="Of the page.")
@click.option("--out", type=click.Path(), required=True, metavar="DIR", help="Folder of the page and its key.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the voices' noise.")
@json_option
def make(
    systems: tuple[str, ...],
    data: str,
    split: str,
    clips: int,
    kind: Any,
    title: str,
    out: str,
    seed: int,
    as_json: bool,
) -> None:
    """Write a page on which SYSTEMS are compared: voices, or folders of recordings named as the clips.

    The page needs no server: send the file. All sounds are equally loud and in an order that each listener gets anew;
    whose they are stands in key.json alone. At the end the page saves the answers as a file. A service whose
    `listening.tests` is the folder that DIR lies in has the page at /listen/ID, and puts the answers into DIR/results.

    \b
    Example:
      ganray listen make voices/old voices/new --data data/kathleen --out tests/old-new
      ganray listen make voices/new other-system/ --data data/kathleen --type mushra --out tests/scale
    """
    from ganray.blind.make import make_test
    from ganray.blind.systems import open_systems
    from ganray.data import Dataset

    dataset = Dataset.open(data)
    its = dataset.split(split)
    chosen = [its[index] for index in range(min(clips, len(its)))]
    made = make_test(kind, open_systems(systems, seed), chosen, dataset.audio.sample_rate, out, title=title, tell=note)
    document = {"test": made.test, "page": str(made.page), "key": str(made.key), "trials": made.trials}
    served = f"a service that keeps it has it at /listen/{made.test}"
    emit(document, f"{made.trials} rounds: {made.page}\nwhose sounds they are: {made.key}\n{served}", as_json)


@group.command()
@click.argument("test", type=click.Path())
@click.argument("results", nargs=-1, type=click.Path())
@json_option
def analyse(test: str, results: tuple[str, ...], as_json: bool) -> None:
    """Say what the RESULTS of TEST, the folder of its key, come to: files, or folders of them.

    Without RESULTS those in TEST's own folder `results`, where a service keeps what listeners sent.

    \b
    Example:
      ganray listen analyse tests/old-new
      ganray listen analyse tests/old-new answers/*.json
    """
    from ganray.blind.analysis import analyse as analysed
    from ganray.blind.analysis import read_json
    from ganray.blind.collection import results_in

    key = read_json(Path(test) / "key.json" if Path(test).is_dir() else test)
    given = [Path(result) for result in results or [test if Path(test).is_dir() else Path(test).parent]]
    files = [file for one in given for file in (results_in(one) if one.is_dir() else [one])]
    document = analysed(key, [read_json(file) for file in files])
    emit(document, told(document), as_json)


def told(document: dict[str, Any]) -> str:
    """In a few lines."""
    people = "listener" if document["listeners"] == 1 else "listeners"
    lines = [f"{document['title']}: {document['listeners']} {people}, {document['trials']} rounds"]

    def share(its: dict[str, Any]) -> str:
        if its["share"] is None:
            return "never decided"
        return f"{its['count']} of {its['of']} ({its['low']:.0%} to {its['high']:.0%}), p = {its['p_value']:.2g}"

    for pair in document.get("pairs", []):
        if "right" in pair:
            lines.append(f"{pair['one']} told from {pair['other']}: {share(pair['right'])}")
        else:
            its = pair["prefers_one"]
            lines.append(
                f"{pair['one']} preferred to {pair['other']}: {share(its)}; no difference {pair['equal']} times"
            )
    for name, its in document.get("systems", {}).items():
        span = f" ({its['low']:.1f} to {its['high']:.1f})" if its["low"] is not None else ""
        lines.append(f"{name:<20} {its['mean']:5.1f}{span}")
    for its in document.get("differences", []):
        span = f" ({its['low']:+.1f} to {its['high']:+.1f})" if its["low"] is not None else ""
        lines.append(f"{its['one']} minus {its['other']}: {its['mean']:+.1f}{span}, p = {its['p_value']:.2g}")
    if document.get("left_out"):
        lines.append(f"left out, as they missed the hidden reference: {', '.join(document['left_out'])}")
    return "\n".join(lines)
