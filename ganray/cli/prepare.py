"""`ganray prepare`: recordings become a dataset."""

from collections import Counter
from typing import Any

import click

from ganray.cli.options import address_option, emit, json_option, set_option


@click.command("prepare")
@click.argument("corpora", type=click.Path(), nargs=-1, required=True, metavar="CORPUS…")
@click.option("--out", required=True, type=click.Path(), metavar="DATASET", help="The dataset: a new folder, or a URI.")
@click.option("--recipe", metavar="RECIPE", help="Prepare for this recipe: its audio contract instead of the default.")
@click.option("--validation", type=click.Path(), metavar="FILE", help="The validation split: a file, one id a line.")
@click.option("--test", type=click.Path(), metavar="FILE", help="The test split: a file, one id a line.")
@click.option("--format", "layout", metavar="LAYOUT", help="The corpora's layout; without it, it is found by looking.")
@click.option(
    "--overwrite",
    "--update",
    is_flag=True,
    help="Replace a dataset that is there; what still holds of it is taken over.",
)
@click.option("--fresh", is_flag=True, help="Take nothing over, neither from it nor from a run that was killed.")
@click.option("--here", is_flag=True, help="In this process, without Ray.")
@set_option
@address_option
@json_option
@click.option("--keys", is_flag=True, is_eager=True, expose_value=False, callback=lambda c, _, on: _keys(c, on),
              help="List the keys of --set, with their defaults, and leave.")  # fmt: skip
def command(
    corpora: tuple[str, ...],
    out: str,
    recipe: str | None,
    validation: str | None,
    test: str | None,
    layout: str | None,
    overwrite: bool,
    fresh: bool,
    here: bool,
    overrides: tuple[str, ...],
    address: str | None,
    as_json: bool,
) -> None:
    """Make a dataset of the recordings in CORPUS, or in several.

    CORPUS is a folder or a URI in any layout that ganray corpus layouts tells: LJSpeech, VCTK, LibriTTS, Piper, Kaldi,
    JSONL manifests, Parquet, WebDataset, Hugging Face datasets, or just recordings; wav, flac, mp3, opus or m4a, of
    any sample rate. Every clip is resampled, trimmed, brought to one loudness and analysed; what can't be used is
    dropped and listed in dataset.json with the reason; audit.html tells what is wrong with the rest. No sentence is in
    two splits. A prepare that was killed goes on where it was when it is called again.

    A labels.csv in a corpus (id and any of speaker, language, style) says who speaks and how, clip by clip; of several
    corpora each is a speaker of its own, and corpora.FOLDER.language says what they speak.

    \b
    Example:
      ganray prepare recordings/ --out data/kathleen --set language=en
      ganray prepare recordings/ --out data/kathleen --update
      ganray prepare s3://bucket/speech --out s3://bucket/datasets/speech
      ganray prepare phone/ --out data/phone --set audio.sample_rate=16000 --set audio.f_max=8000
      ganray prepare anna/ bruno/ --out data/two --set front_end=espeak --set corpora.bruno.language=it
      ganray prepare recordings/ --out data/mine --validation held_out.txt --set test.share=0
    """
    from ganray.config import load, read_yaml, recipe_path
    from ganray.config.prepare import PrepareConfig, prepare_rules
    from ganray.preparing import prepare

    document: dict[str, Any] = {"validation": {"ids": validation}, "test": {"ids": test}}
    if recipe:
        document["audio"] = read_yaml(recipe_path(recipe)).get("audio", {})
    config = load(PrepareConfig, document, overrides, rules=prepare_rules)
    result = prepare(corpora, out, config, layout=layout, overwrite=overwrite, fresh=fresh, here=here, address=address)
    emit(result, _told(result, config.audio.sample_rate, config.audio.hop_length), as_json)


def _told(result: dict[str, Any], sample_rate: int, hop_length: int) -> str:
    lines = []
    if result["dropped"]:
        kinds = Counter(clip["reason"].split(" (")[0] for clip in result["dropped"])
        named = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        noun = "clip" if len(result["dropped"]) == 1 else "clips"
        where = result["page"] or f"{result['dataset']}/dataset.json"
        lines.append(f"Dropped {len(result['dropped']):,} {noun} ({named}); see {where}")
    train, *others = result["splits"].items()
    held_out = "".join(f", {name} {split['clips']:,}" for name, split in others)
    minutes = train[1]["seconds"] / 60
    lines.append(
        f"{result['dataset']}: train {train[1]['clips']:,} clips {minutes:.1f} min{held_out}; "
        f"{sample_rate:,} Hz, hop {hop_length}"
    )
    if result["faults"]:
        worst = ", ".join(f"{count:,} {fault}" for fault, count in list(result["faults"].items())[:4])
        lines.append(f"Faults found: {worst}; listen in {result['page']}")
    return "\n".join(lines)


def _keys(context: click.Context, on: bool) -> None:
    """Every key of `PrepareConfig`, one a line: path, default, what it means."""
    if not on:
        return
    from ganray.config.prepare import PrepareConfig
    from ganray.config.schema import Schema

    def lines(schema: type[Schema], prefix: str) -> list[str]:
        found = []
        for name, field in schema.model_fields.items():
            default = field.default
            if isinstance(default, Schema):
                found += lines(type(default), f"{prefix}{name}.")
            else:
                about = " ".join((field.description or "").split())
                found.append(f"{prefix + name:<22} {default!s:<8} {about}")
        return found

    click.echo("\n".join(lines(PrepareConfig, "")))
    context.exit()
