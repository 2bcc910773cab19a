"""`ganray vocode`: a recording through a voice."""

import time

import click

from ganray.cli.options import emit, json_option


@click.command("vocode")
@click.argument("recording")
@click.option("-o", "--out", required=True, help="Where to write; the suffix says the format (wav, flac, mp3, …).")
@click.option("--voice", required=True, metavar="VOICE", help="Folder of a mel voice.")
@click.option("--seed", default=0, show_default=True, help="Of the voice's noise.")
@json_option
def command(recording: str, out: str, voice: str, seed: int, as_json: bool) -> None:
    """Copy-synthesis: RECORDING to a mel spectrogram, and back to a waveform by VOICE.

    \b
    Example:
      ganray vocode in.wav -o out.wav --voice voices/kathleen
    """
    from ganray.audio import format_of, read, write
    from ganray.voice import Voice

    format_of(out)  # a wrong suffix is told before the work
    opened = Voice.load(voice)
    waveform, _ = read(recording, opened.audio.sample_rate)
    started = time.perf_counter()
    made = opened.vocode(opened.mel(waveform), seed)
    elapsed = time.perf_counter() - started
    write(out, made, opened.audio.sample_rate)
    seconds = len(made) / opened.audio.sample_rate
    document = {
        "out": out,
        "seconds": seconds,
        "sample_rate": opened.audio.sample_rate,
        "times_real_time": seconds / elapsed,
        "words": [],
    }
    emit(
        document,
        f"{out}: {seconds:.2f} s at {opened.audio.sample_rate:,} Hz, {seconds / elapsed:.0f}x real time",
        as_json,
    )
