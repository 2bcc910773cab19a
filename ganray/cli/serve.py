"""`ganray serve`: voices over HTTP, with a page."""

import click

from ganray.cli.options import address_option, emit, json_option, note, set_option
from ganray.errors import UsageError


@click.command("serve")
@click.argument("config", metavar="FILE.yaml")
@click.option(
    "--voice",
    "voices",
    multiple=True,
    metavar="[NAME=]FOLDER",
    help="Serve this voice instead of the file's; may be repeated, the first is the default.",
)
@click.option("--host", help="HTTP host instead of the file's.")
@click.option("--port", type=click.IntRange(0, 65535), help="HTTP port instead of the file's; 0: a free one.")
@click.option("--check", "check_only", is_flag=True, help="Check the file, with every problem at once, and end.")
@address_option
@set_option
@json_option
def command(
    config: str,
    voices: tuple[str, ...],
    host: str | None,
    port: int | None,
    check_only: bool,
    address: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve voices over HTTP until Ctrl-C: an API and a page, on a Ray that is started here or at --address.

    The same file goes onto a cluster with `serve deploy`, which does not check for misspelt keys.

    \b
    Example:
      ganray serve serve/local.yaml --voice runs/source_filter_small-7f3a/voice
      curl -F file=@in.wav http://127.0.0.1:8000/v1/audio/vocode -o out.wav
    """
    import logging

    from ganray.serving import read, start

    document = _with_voices(read(config, overrides), voices)
    if check_only:
        emit({"config": config, "ok": True}, f"{config} is sound", as_json)
        return
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    note(f"Starting {config}")
    with _until_told_to_end() as told, start(document, host=host, port=port, address=address) as endpoint:
        emit(
            {"url": endpoint.url, "voices": endpoint.voices, "seconds": round(endpoint.seconds, 1)},
            f"{endpoint.url} serves {', '.join(endpoint.voices)}, after {endpoint.seconds:.1f} s. Ctrl-C ends it.",
            as_json,
        )
        told.wait()
        note("Ending: requests that run are finished first")


def _with_voices(document: dict, voices: tuple[str, ...]) -> dict:
    """`document` with other voices in its first application."""
    if not voices:
        return document
    from pathlib import Path

    from ganray.serving import read

    named = {}
    for voice in voices:
        name, equals, folder = voice.partition("=")
        named[name if equals else Path(voice).resolve().name] = folder if equals else voice
    if len(named) < len(voices):
        raise UsageError("two voices have one name", mend="name them: --voice a=FOLDER --voice b=FOLDER")
    first, *others = document["applications"]
    first = first | {"args": first["args"] | {"voices": named, "default": None}}
    return read(document | {"applications": [first, *others]})


def _until_told_to_end():  # type: ignore[no-untyped-def]
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C ends at once."""
    import contextlib
    import signal
    import threading
    from collections.abc import Iterator
    from types import FrameType

    @contextlib.contextmanager
    def watch() -> Iterator[threading.Event]:
        told = threading.Event()

        def tell(number: int, frame: FrameType | None) -> None:
            if told.is_set():
                raise KeyboardInterrupt
            told.set()

        before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield told
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    return watch()
