"""`ganray say`: text to speech."""

import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganray.cli.options import address_option, emit, json_option
from ganray.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

AT_ONCE = 4096
"""Frames that are made together: a whole sentence, as a file hurries nobody."""


@click.command("say")
@click.argument("text", required=False)
@click.option("-o", "--out", required=True, help="Where to write; the suffix says the format (wav, flac, mp3, …).")
@click.option("--like", metavar="RECORDING", help="Say it with the rhythm, melody and energy of this recording of it.")
@click.option(
    "--batch",
    metavar="TEXTS",
    help="Say a file of texts into the folder --out: one a line, or a .csv of id|text lines.",
)
@click.option("--voice", default="english", show_default=True, metavar="VOICE", help="Text voice: a folder, or a name.")
@click.option("--file", type=click.File(encoding="utf-8"), help="Read the text from a file; - is stdin.")
@click.option("--speed", default=1.0, show_default=True, help="Times the voice's own speed.")
@click.option("--pitch", default=0.0, show_default=True, help="Semitones above the voice's own.")
@click.option("--pitch-range", default=1.0, show_default=True, help="Times the voice's own range of F0; 0: monotonous.")
@click.option("--volume", default=0.0, show_default=True, help="Decibels over the voice's own.")
@click.option("--pauses", default=1.0, show_default=True, help="Times the voice's own pauses at punctuation.")
@click.option("--speaker", metavar="NAME", help="Who of the voice's speakers; anna=0.7,bruno=0.3 mixes them.")
@click.option("--language", metavar="TAG", help="What the text is written in; without it, the speaker's own.")
@click.option("--style", metavar="NAME", help="Which of the voice's styles; calm=0.5,happy=0.5 mixes them.")
@click.option("--lexicon", type=click.Path(), metavar="FILE", help="Your pronunciations: .yaml, .json or .tsv.")
@click.option("--ssml", is_flag=True, help="The text holds SSML and [[inline phonemes]]; see docs/text.md.")
@click.option("--seed", default=0, show_default=True, help="Of the voice's noise.")
@address_option
@json_option
def command(
    text: str | None,
    out: str,
    like: str | None,
    batch: str | None,
    voice: str,
    file: Any,
    lexicon: str | None,
    ssml: bool,
    seed: int,
    address: str | None,
    as_json: bool,
    **delivery: Any,
) -> None:
    """Say TEXT, or what stands in a file, by the voice that comes with ganray or by one of your own. --json also tells
    when each word is heard.

    With --batch, every text of a file becomes a recording of a corpus that ganray prepare reads: on all of a cluster's
    cores, and what is there is not said again.

    \b
    Example:
      ganray say "Ships that pass in the night." -o ships.wav
      ganray say "Slowly, please." -o slow.mp3 --speed 0.8 --pitch -2
      ganray say --file chapter.txt -o chapter.flac --voice voices/kathleen
      ganray say "Oh, really?" -o really.wav --voice voices/kathleen --like me_saying_it.wav
      ganray say --batch sentences.txt -o spoken/ --voice voices/kathleen
    """
    if batch:
        if text is not None or file is not None or lexicon or ssml or like:
            raise UsageError(
                "--batch takes its texts from its file alone", mend="leave TEXT, --file, --lexicon, --ssml, --like out"
            )
        _say_all(batch, out, voice, delivery, seed, address, as_json)
        return
    from dataclasses import asdict

    from ganray.audio import format_of, read, write_blocks
    from ganray.text import read_lexicon
    from ganray.voice import open_reader
    from ganray.voice.speech import Block, SpokenWord

    if (text is None) == (file is None):
        raise UsageError("give a text or --file, one of them", mend='ganray say "Hello." -o hello.wav')
    format_of(out)  # a wrong suffix is told before the work
    manner = _delivery(delivery)
    own = read_lexicon(Path(lexicon)) if lexicon else None
    text = text if text is not None else file.read()
    num_samples = 0
    words: list[SpokenWord] = []
    started = time.perf_counter()
    if like:
        if ssml:
            raise UsageError("--like says plain text", mend="leave --ssml out")
        from ganray.voice import Voice

        opened = Voice.load(voice)
        rate = opened.audio.sample_rate
        made_like = opened.imitate(read(like, rate)[0], text, manner, seed=seed, lexicon=own)
        blocks: Iterable[Block] = [Block(made_like.waveform, made_like.words)]
    else:
        sizes = {"first_frames": AT_ONCE, "block_frames": AT_ONCE}
        reader = open_reader(voice)
        rate = reader.audio.sample_rate
        blocks = reader.speak(text, manner, seed=seed, lexicon=own, markup=ssml, **sizes)
    with click.progressbar(length=len(text), label=out, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def made() -> "Iterator[np.ndarray]":
            nonlocal num_samples
            for block in blocks:
                if block.words:
                    words.extend(block.words)
                    bar.update(block.words[-1].end - bar.pos)
                num_samples += len(block.waveform)
                yield block.waveform

        write_blocks(out, made(), rate)
    elapsed, seconds = time.perf_counter() - started, num_samples / rate
    document = {
        "out": out,
        "seconds": seconds,
        "sample_rate": rate,
        "times_real_time": seconds / elapsed,
        "words": [asdict(word) for word in words],
    }
    emit(document, f"{out}: {seconds:.2f} s at {rate:,} Hz, {seconds / elapsed:.0f}x real time", as_json)


def _delivery(asked: dict[str, Any]) -> Any:
    from ganray.voice import Delivery

    return Delivery(**asked | {key: _mixture(key, asked[key]) for key in ("speaker", "style")})


def _mixture(key: str, text: str | None) -> str | dict[str, float] | None:
    """`anna` as it is, `anna=0.7,bruno=0.3` as a mapping."""
    if text is None or "=" not in text:
        return text
    try:
        return {name.strip(): float(share) for name, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise UsageError(f"--{key} {text} is no mixture", mend=f"write --{key} one=0.7,other=0.3") from None


def _say_all(
    batch: str, out: str, voice: str, delivery: dict[str, Any], seed: int, address: str | None, as_json: bool
) -> None:
    from ganray.speaking import read_texts, say_all

    result = say_all(read_texts(batch), out, voice, _delivery(delivery), seed=seed, address=address, quiet=as_json)
    failed = "".join(f"\nnot said: {row['id']} ({row['reason']})" for row in result["failed"])
    kept = f", {result['kept']:,} were there" if result["kept"] else ""
    emit(result, f"{out}: {result['said']:,} texts said, {result['seconds'] / 60:.1f} min{kept}{failed}", as_json)
