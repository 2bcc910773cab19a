"""`ganray explain`: what the judges hear in a voice, and what its sound hangs on."""

from pathlib import Path
from typing import Any

import click

from ganray.cli.options import emit, json_option, note


@click.command("explain")
@click.argument("voice", type=click.Path())
@click.argument("clip", type=click.Path())
@click.option("--text", default="", help="What is said in CLIP, for a text voice; of a dataset's clip it is known.")
@click.option("--data", metavar="DATASET", help="CLIP is the id of a clip in this dataset.")
@click.option("--split", default="validation", show_default=True, help="Split of --data that CLIP is in.")
@click.option(
    "--judges", metavar="RUN", help="Run whose discriminators listen; else VOICE's own, where they were kept."
)
@click.option("--step", default="best", show_default=True, help="Of a run: best, last, or the number of a checkpoint.")
@click.option("--out", type=click.Path(), metavar="DIR", help="Folder of the page; else explanations/VOICE-CLIP.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the voice's noise and of random masks.")
@json_option
def command(
    voice: str, clip: str, text: str, data: str | None, split: str, judges: str | None, step: str,
    out: str | None, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Open VOICE up on CLIP: a page for who did not write the model.

    VOICE is a run, whose checkpoints hold its discriminators, or a voice; CLIP is a recording. The page shows where in
    time and frequency each discriminator rejects the voice, what gives it away, how that changed over the checkpoints
    that were kept, which parts of the spectrogram the waveform hangs on, and of a text voice its alignment, its prosody
    and the sound that each phoneme makes. Every attribution is tested, and the page says whether it holds.

    \b
    Example:
      ganray explain runs/source_filter_small-7f3a clip.wav
      ganray explain runs/text_small-02c1 clip.wav --text "What is said in it."
      ganray explain english kathleen-0001 --data data/kathleen --judges runs/text_small-02c1 --json
    """
    from ganray.audio import read
    from ganray.insight import explain
    from ganray.insight.subject import open_subject

    if data:
        from ganray.data import Dataset
        from ganray.errors import DataError

        clips = Dataset.open(data).split(split)
        if clip not in clips.ids:
            raise DataError(
                f"no clip {clip} in split {split} of {data}", mend=f"there are {', '.join(clips.ids[:5])}, …"
            )
        its = clips[clips.ids.index(clip)]
        waveform, text = its.waveform, text or its.text
    else:
        waveform, _ = read(clip, open_subject(voice, judges, step).audio.sample_rate)
    name = Path(clip).stem
    folder = Path(out) if out else Path("explanations") / f"{Path(voice).name}-{name}"
    found = explain(voice, waveform, clip=name, text=text, judges=judges, step=step, out=folder, seed=seed, tell=note)
    emit(found.as_json(), told(found), as_json)


def told(found: Any) -> str:
    """In a few lines, for a terminal."""
    lines = []
    if found.giveaway:
        its = found.giveaway
        lines.append(f"to its judges the recording sounds {its.real:.3f} real, {found.subject.name} {its.fake:.3f}")
        if its.real > its.fake:
            bands, times = found.given_away()
            worst, when = (max(parts, key=lambda part: part["share"]) for parts in (bands, times))
            word = f" (“{when['text']}”)" if when["text"] else ""
            lines.append(
                f"{worst['share']:.0%} of the difference lies between {worst['from_hz']:,} and {worst['to_hz']:,} Hz, "
                f"{when['share']:.0%} between {when['start_s']} and {when['end_s']} s{word}"
            )
    else:
        lines.append("no judges were kept with this voice: give a run's with --judges")
    for name, test in found.faithful.items():
        lines.append(
            f"{name}: changing the tenth it points at moves the outcome by {test.said:+.3f}, a random tenth by "
            f"{test.chance:+.3f}, the loudest by {test.loudest:+.3f}: "
            + ("it holds" if test.faithful else "it does not hold")
        )
    return "\n".join([*lines, f"page: {found.page}"])
