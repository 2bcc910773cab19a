"""`ganray corpus`: what is wrong with recordings, which layouts are known, corpora to be had."""

from typing import Any

import click

from ganray.cli.options import address_option, emit, json_option, set_option


@click.group("corpus")
def group() -> None:
    """Look at recordings before a dataset is made of them.

    \b
    Example:
      ganray corpus check recordings/ --set language=en --listen
      ganray corpus layouts
      ganray corpus get ljspeech
    """


@group.command("check")
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS…")
@click.option("--out", type=click.Path(), metavar="FOLDER", help="Where audit.html goes; default: CORPUS_audit here.")
@click.option("--format", "layout", metavar="LAYOUT", help="The corpora's layout; without it, it is found by looking.")
@click.option("--listen", is_flag=True, help="A recogniser of English phonemes tells texts that are not what is said.")
@click.option("--here", is_flag=True, help="In this process, without Ray.")
@set_option
@address_option
@json_option
def check_command(
    corpora: tuple[str, ...],
    out: str | None,
    layout: str | None,
    listen: bool,
    here: bool,
    overrides: tuple[str, ...],
    address: str | None,
    as_json: bool,
) -> None:
    """Measure every recording of CORPUS and tell what is wrong: nothing of it is changed.

    Clipping, noise, narrow bands (upsampled), hum, offsets, silence, holes, words cut off, other voices, recordings
    that are there twice, and texts that are not what is said. The page has players of the worst.

    \b
    Example:
      ganray corpus check recordings/
      ganray corpus check recordings/ --set language=en --listen --json
      ganray corpus check s3://bucket/speech --format webdataset
    """
    from pathlib import Path

    from ganray.config import load
    from ganray.config.prepare import PrepareConfig, prepare_rules
    from ganray.preparing import check

    config = load(PrepareConfig, {"listen": listen}, overrides, rules=prepare_rules)
    name = Path(corpora[0].split("?")[0].rstrip("/")).name or "corpus"
    document = check(corpora, out or f"{name}_audit", config, layout=layout, address=address, here=here)
    emit(document, _told(document), as_json)


@group.command("layouts")
@json_option
def layouts_command(as_json: bool) -> None:
    """List the layouts that are read, and what each must have.

    \b
    Example:
      ganray corpus layouts
    """
    from ganray.data.readers import LAYOUTS

    document = {name: {"title": layout.title, "wants": layout.wants} for name, layout in LAYOUTS.items()}
    emit(document, "\n".join(f"{name:<12} {layout.wants}" for name, layout in LAYOUTS.items()), as_json)


@group.command("get")
@click.argument("name", metavar="ljspeech|vctk|libritts|kathleen")
@click.option("--out", type=click.Path(), metavar="FOLDER", help="Where it goes; default: its name, here.")
@click.option(
    "--part", "parts", multiple=True, metavar="PART", help="Of libritts; without it, the clean ones of 100 h."
)
@click.option("--mirror", metavar="URL", help="A folder with the same files, to be asked instead.")
@json_option
def get_command(name: str, out: str | None, parts: tuple[str, ...], mirror: str | None, as_json: bool) -> None:
    """Fetch a public corpus, and tell its licence. Called again, it goes on where it broke off.

    Every archive is held against its checksum (GitHub makes that of kathleen anew, so it has none), and unpacked.

    \b
    Example:
      ganray corpus get ljspeech --out data/LJSpeech
      ganray corpus get libritts --part dev-clean
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from ganray.cli.options import note
    from ganray.data.download import get, public_corpus

    corpus = public_corpus(name)
    note(f"{corpus.title}\nLicence: {corpus.licence}; see {corpus.home}\nCite: {corpus.cite}")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def tell(archive: str, done: int, size: int) -> None:
            if archive not in tasks:
                tasks[archive] = bar.add_task(archive, total=size or None)
            bar.update(tasks[archive], completed=done)

        document = get(name, out or name, parts, mirror=mirror, tell=tell)
    lines = [f"{document['corpus']}: {document['title']} ({document['licence']})"]
    for archive in document["archives"]:
        checked = "checksum holds" if archive["checked"] else f"no checksum is published; sha256 {archive['sha256']}"
        lines.append(f"  {archive['name']}: {checked if archive['fetched'] else 'was there'}")
    lines.append(f"Next: ganray corpus check {document['corpus']}")
    emit(document, "\n".join(lines), as_json)


def _told(document: dict[str, Any]) -> str:
    speakers = document["speakers"]
    noun = "speaker" if len(speakers) == 1 else "speakers"
    lines = [
        f"{document['corpus']}: {document['clips']:,} recordings, {document['hours']:.2f} hours, "
        f"{len(speakers)} {noun}; {document['without_fault']:,} without a fault"
    ]
    for entry in document["faults"]:
        lines.append(f"  {entry['clips']:>6,}  {entry['title']}: {entry['mend']}")
    for kind, count in document["dropped_kinds"].items():
        lines.append(f"  {count:>6,}  {kind}: left out")
    lines.append(f"{document['page']}  ({document['times_real_time']:.0f}x real time)")
    return "\n".join(lines)
