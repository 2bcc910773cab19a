"""`ganray export`: a run becomes a voice."""

import click

from ganray.cli.options import emit, json_option

NEXT = {
    "text": 'ganray say "…" -o OUT.wav --voice {voice}',
    "mel": "ganray vocode IN.wav -o OUT.wav --voice {voice}",
    "noise": "ganray evaluate {voice} --data DATASET",
}


@click.command("export")
@click.argument("run")
@click.option("--out", required=True, metavar="VOICE", help="Folder of the voice; must not be there yet.")
@click.option("--step", default="best", show_default=True, help="best, last, or a step.")
@click.option("--name", help="Name of the voice; the folder's name without it.")
@click.option("--half", is_flag=True, help="Weights of 16 bits: half the size.")
@click.option("--int8", is_flag=True, help="A text voice's matrix products in 8 bits, without torch: faster.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["voice", "hifigan"]),
    default="voice",
    show_default=True,
    help="hifigan: g_STEP and config.json, as its own code reads them; RUN may then be a voice.",
)
@json_option
def command(
    run: str, out: str, step: str, name: str | None, half: bool, int8: bool, layout: str, as_json: bool
) -> None:
    """Write the averaged generator of RUN's checkpoint as a voice: all that synthesis needs, in one folder.
    A text voice's networks are written for machines without torch, too, which takes half a minute.

    \b
    Example:
      ganray export runs/source_filter_small-7f3a --out voices/kathleen
      ganray export runs/source_filter_small-7f3a --out voices/early --step 500
      ganray export runs/text_small-4e10 --out voices/mine --half --int8
      ganray export runs/hifigan_v1-2b90 --out hifigan/ --format hifigan
    """
    if layout == "hifigan":
        from ganray.voice.exported import export_as_hifigan

        document = export_as_hifigan(run, out, step)
        emit(document, f"{document['checkpoint']}, and config.json beside it", as_json)
        return
    from ganray.voice import export

    voice = export(run, out, step, name, half, int8)
    origin = voice.card["origin"]
    document = {
        "voice": str(voice.path),
        "kind": voice.kind,
        "digest": voice.digest,
        "step": origin["step"],
        "scores": origin["scores"],
        "parameters": voice.num_parameters,
    }
    text = (
        f"{voice.path}: {voice.kind} voice of {voice.num_parameters / 1e6:.1f} M parameters, step {origin['step']:,}\n"
        f"next: {NEXT[voice.kind].format(voice=voice.path)}"
    )
    emit(document, text, as_json)
