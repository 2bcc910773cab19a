"""`ganray serve`: voices over HTTP, with a page."""

from collections.abc import Sequence
from pathlib import Path

import click

from ganray.cli.options import address_option, emit, json_option, note, set_option
from ganray.errors import UsageError


class _Runs(click.Group):
    """A group whose first word may be a file: `ganray serve FILE` is `ganray serve run FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, "-h", "--help"}
        return super().parse_args(ctx, args if not args or args[0] in known else ["run", *args])


@click.group("serve", cls=_Runs)
def group() -> None:
    """Voices over HTTP, with a page: `ganray serve FILE` is short for `ganray serve run FILE`.

    \b
    Example:
      ganray serve serve/local.yaml
      ganray serve promote english-2 --for english --shelf voices/live --canary 10%
    """


@group.command("run")
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
def run(
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
      ganray serve run serve/local.yaml --voice runs/source_filter_small-7f3a/voice
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


class _Percent(click.ParamType):
    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 < share <= 1:
            self.fail(f"{text!r} is no share; write 10%, or 0.1", param, ctx)
        return share


shelf_option = click.option("--shelf", required=True, metavar="FOLDER|URI", help="The service's shelf of voices.")


@group.command()
@click.argument("voice")
@click.option("--for", "name", required=True, help="The name that it shall answer to.")
@shelf_option
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Of the service.")
@click.option("--key", envvar="GANRAY_KEY", help="API key; or in the environment, where no list of processes shows it.")
@click.option(
    "--canary", type=_Percent(), metavar="10%", help="Share of the requests that it gets while it is watched."
)
@click.option("--watch", "watch_s", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds.")
@click.option(
    "--probe", "probes", multiple=True, metavar="CLIP|FOLDER", help="Recordings, for voices that read no text."
)
@click.option("--listen/--no-listen", default=True, show_default=True, help="Measure DistillMOS.")
@click.option("--ab", metavar="DIR", help="Folder for a blind test of both voices, for people to listen to.")
@json_option
def promote(
    voice: str,
    name: str,
    shelf: str,
    url: str,
    key: str | None,
    canary: float | None,
    watch_s: float,
    probes: tuple[str, ...],
    listen: bool,
    ab: str | None,
    as_json: bool,
) -> int:
    """Let VOICE, a folder on the shelf, answer to a name from now on, unless something speaks against it.

    Both voices say the same sentences through the running service: silence, clipping, odd lengths, and naturalness that
    is worse beyond chance end it there. Then a canary gets its share of the requests, and is taken back at the first
    sign of trouble, or becomes the voice. No request is lost, nothing is restarted, and promotions.jsonl keeps what was
    done.

    \b
    Example:
      cp -r voices/new voices/live/english-2
      ganray serve promote english-2 --for english --shelf voices/live --canary 10% --watch 120
      ganray serve promote english-2 --for english --shelf voices/live --ab listening/english-2
    """
    from ganray.errors import GanrayError
    from ganray.serving import promotion

    done = promotion.promote(
        promotion.Service(url.rstrip("/"), key),
        shelf,
        name,
        voice,
        share=canary or 0.0,
        watch_s=watch_s,
        clips=_clips(probes),
        listen=listen,
        ab=ab,
        tell=note,
    )
    heard = f"; DistillMOS by {done['distillmos']}" if done["distillmos"] else ""
    if done["what"] == "live":
        emit(done, f"{voice} answers to {name}, where {done['old']} did{heard}", as_json)
        return 0
    refusal = GanrayError(
        f"{voice} was {done['what']}, {done['old']} goes on{heard}: {'; '.join(done['problems'])}",
        mend="export another checkpoint, and listen to it",
    )
    if not as_json:
        raise refusal
    emit(done | refusal.as_json(), "", as_json)  # one document: what was heard, and the error
    return refusal.exit_code


def _clips(probes: Sequence[str]) -> list[Path]:
    """Every recording that was named, and those in the folders that were."""
    from ganray.data.recording import SUFFIXES

    found: list[Path] = []
    for probe in map(Path, probes):
        inside = sorted(file for file in probe.glob("*") if file.suffix.lower() in SUFFIXES)
        clips = inside if probe.is_dir() else [probe]
        if not clips or not clips[0].is_file():
            mend = f"give a recording, or a folder of some ({', '.join(SUFFIXES)}) that no training has heard"
            raise UsageError(f"--probe {probe}: there are no recordings", mend=mend)
        found += clips
    return found


@group.command()
@click.option("--for", "name", required=True, help="The name.")
@shelf_option
@json_option
def rollback(name: str, shelf: str, as_json: bool) -> None:
    """Give a name back to the voice that had it before.

    \b
    Example:
      ganray serve rollback --for english --shelf voices/live
    """

    from ganray.serving.promotion import roll_back

    voice = roll_back(shelf, name)
    emit({"name": name, "live": voice}, f"{voice} answers to {name} again", as_json)


@group.command()
@shelf_option
@json_option
def history(shelf: str, as_json: bool) -> None:
    """What was promoted, refused and rolled back.

    \b
    Example:
      ganray serve history --shelf voices/live
    """

    from ganray.serving import traffic

    entries = traffic.history(shelf)
    lines = [
        f"{e['at']}  {e['name']}  {e['what']}  {e.get('live', '')}  {'; '.join(e.get('problems', []))}" for e in entries
    ]
    emit({"history": entries}, "\n".join(line.rstrip() for line in lines) or "nothing was promoted yet", as_json)
