"""`ganray import`: official weights become a voice."""

import click

from ganray.cli.options import emit, json_option


@click.command("import")
@click.argument("kind", type=click.Choice(["hifigan", "bigvgan", "vocos"]))
@click.argument("checkpoint")
@click.argument("config")
@click.option("--out", required=True, metavar="VOICE", help="Folder of the voice; must not be there yet.")
@click.option("--discriminators", metavar="FILE", help="HiFi-GAN's do_* file, to fine-tune the voice with.")
@click.option("--name", help="Name of the voice; the folder's name without it.")
@click.option("--half", is_flag=True, help="Weights of 16 bits: half the size.")
@json_option
def command(
    kind: str,
    checkpoint: str,
    config: str,
    out: str,
    discriminators: str | None,
    name: str | None,
    half: bool,
    as_json: bool,
) -> None:
    """Make a voice of official weights: CHECKPOINT and CONFIG as HiFi-GAN, BigVGAN (v1, v2) or Vocos published them.
    The voice carries their audio contract. Nothing in the files is executed.

    \b
    Example:
      ganray import hifigan g_02500000 config.json --out voices/lj --discriminators do_02500000
      ganray import bigvgan bigvgan_generator.pt config.json --out voices/universal
      ganray import vocos pytorch_model.bin config.yaml --out voices/vocos
    """
    from ganray.voice.published import import_voice

    voice = import_voice(kind, checkpoint, config, out, discriminators=discriminators, name=name, half=half)
    document = {
        "voice": str(voice.path),
        "kind": voice.kind,
        "digest": voice.digest,
        "parameters": voice.num_parameters,
        "audio": voice.card["audio"],
        "discriminators": "discriminators" in voice.card,
    }
    text = (
        f"{voice.path}: {kind} of {voice.num_parameters / 1e6:.2f} M parameters, {voice.audio.sample_rate:,} Hz, "
        f"{voice.audio.n_mels} bands\nnext: ganray vocode IN.wav -o OUT.wav --voice {voice.path}"
    )
    emit(document, text, as_json)
