"""`ganray bench`: how fast things are here, each against something plain."""

from typing import Any

import click

from ganray.cli.bench_speak import compare, speak
from ganray.cli.options import emit, json_option, note, set_option


@click.group("bench")
def group() -> None:
    """Measure on this machine, against plain code that does the same.

    \b
    Example:
      ganray bench train source_filter_small
      ganray bench speak
      ganray bench compare before.json after.json
    """


group.add_command(speak)
group.add_command(compare)


@group.command()
@click.argument("recipe")
@click.option("--data", metavar="DATASET", help="Dataset to learn from; without it, one is made up.")
@click.option("--seconds", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Of measuring.")
@click.option("--workers", type=int, help="Data-parallel workers: resources.num_workers.")
@set_option
@json_option
def train(
    recipe: str, data: str | None, seconds: float, workers: int | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Measure how fast RECIPE trains: inside Ray Train, without Ray, and against a plain update.

    Everything is measured in one run, in blocks of updates that take turns, so that what else the machine does weighs
    on all alike; ratios are medians over pairs of neighbouring blocks. Discriminators take part from the first update.

    \b
    Example:
      ganray bench train source_filter_small --workers 1
      ganray bench train hifigan_v1 --set data.batch_size=4 --seconds 120 --json
    """
    from ganray.models import load_run
    from ganray.training.bench import bench_train

    sets = [*overrides] if workers is None else [*overrides, f"resources.num_workers={workers}"]
    document = bench_train(load_run(recipe, sets), data, seconds=seconds, tell=note)
    emit(_placed(document), _told(document), as_json)


@group.command()
@click.argument("corpus", required=False)
@click.option("--minutes", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Of recordings.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="How often each has its turn.")
@click.option("--peers/--no-peers", default=True, show_default=True, help="Measure plain code of the same clips too.")
@set_option
@json_option
def prepare(
    corpus: str | None, minutes: float, rounds: int, peers: bool, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Measure how fast CORPUS is prepared: by stage, on one core and two, and against plain librosa in one process.

    Without CORPUS, speech is made by hibari-tts. All take turns on the same clips in one run.

    \b
    Example:
      ganray bench prepare recordings/
      ganray bench prepare --minutes 20 --set listen=true --json
    """
    from ganray.config import load
    from ganray.config.prepare import PrepareConfig, prepare_rules
    from ganray.preparing.bench import bench_prepare

    config = load(PrepareConfig, {"language": "en"}, overrides, rules=prepare_rules)
    document = bench_prepare(corpus, config, minutes=minutes, rounds=rounds, peers=peers, tell=note)
    emit(_placed(document), _prepared(document), as_json)


def _prepared(document: dict[str, Any]) -> str:
    one, two, bare = (document[name] for name in ("one_core", "two_cores", "two_cores_without_audit"))
    lines = [f"{document['clips']:,} clips, {document['seconds'] / 60:.1f} min, {document['rounds']} rounds"]
    lines += [f"  {name:<20} {speed:>8,.1f} x real time a core" for name, speed in document["stages"].items()]
    rows = [
        ("one core", one, f", {one['core_times_real_time']:.1f} by core time"),
        ("two cores", two, f", {document['two_cores_over_one']:.2f} of one"),
        ("two cores, no audit", bare, ""),
    ]
    lines += [f"{name:<22} {speed['times_real_time']:>8,.1f} x real time{more}" for name, speed, more in rows]
    for name, peer in document["peers"].items():
        speed = f"{peer['times_real_time']:>8,.1f} x real time, {peer['core_times_real_time']:,.1f} by core time"
        ours = f"ours is {peer['two_cores_over_it']:.2f} of it, without audit {peer['without_audit_over_it']:.2f}"
        lines.append(f"{name:<22} {speed}; {ours}")
    return "\n".join(lines)


@group.command()
@click.argument("url", required=False)
@click.option("--voice", default="english", show_default=True, help="Which to serve; of a URL: which to ask for.")
@click.option("--replicas", type=click.IntRange(min=1), default=2, show_default=True, help="To start; one core each.")
@click.option("--streams", type=click.IntRange(min=1), multiple=True, help="Listeners at a time. [default: 1 4 16 64]")
@click.option("--rate", "rates", type=click.FloatRange(min=0.01), multiple=True, help="Requests a second, at random.")
@click.option("--seconds", type=click.FloatRange(min=1), default=7.0, show_default=True, help="Of each load's turn.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Turns that each load has.")
@click.option("--key", help="API key of the service at URL.")
@json_option
def serve(
    url: str | None,
    voice: str,
    replicas: int,
    streams: tuple[int, ...],
    rates: tuple[float, ...],
    seconds: float,
    rounds: int,
    key: str | None,
    as_json: bool,
) -> None:
    """Measure a service under load, the one at URL or one that is started here.

    Every answer is compared with what was heard before any load: a byte that differs is told as corrupted. The loads
    take turns; before each round, the voice of a service that is started here is measured in a bare loop on as many
    cores.

    \b
    Example:
      ganray bench serve --streams 1 --streams 16
      ganray bench serve http://127.0.0.1:8000 --rate 4 --rate 8 --json
    """
    import asyncio
    from statistics import median

    from ganray.serving.load import measure

    levels = streams or (() if rates else (1, 4, 16, 64))
    wanted: dict[str, Any] = {"streams": levels, "rates": rates, "seconds": seconds, "rounds": rounds, "tell": note}
    document: dict[str, Any] = {"url": url, "voice": voice, "seconds": seconds, "rounds": rounds}
    if url:
        document["loads"] = asyncio.run(measure(url.rstrip("/"), voice=voice, key=key, **wanted))
    else:
        from ganray.config.serve import ServeConfig
        from ganray.serving import start
        from ganray.serving.bare import throughput

        bare: list[float] = []

        def alone() -> None:
            note(f"{voice} in a bare loop, {replicas} times")
            bare.append(throughput(voice, replicas, seconds))

        scaling = {"min_replicas": replicas, "max_replicas": replicas}
        config = ServeConfig.model_validate({"voices": {"default": voice}, "autoscaling": scaling})
        with start(config, port=0) as endpoint:
            document["loads"] = asyncio.run(measure(endpoint.url, before=alone, **wanted))
        document |= {"bare_audio_seconds_per_s": median(bare), "rounds_bare_audio_seconds_per_s": bare}
        for row in document["loads"]:
            pairs = zip(row["rounds_audio_seconds_per_s"], bare, strict=True)
            row["rounds_of_bare_ratios"] = [served / plain for served, plain in pairs]
            row["of_bare"] = median(row["rounds_of_bare_ratios"])
    emit(_placed(document), _loads(document), as_json)


def _loads(document: dict[str, Any]) -> str:
    rows = [["load", "whole", "refused", "failed", "corrupted", "req/s", "audio-s/s", "of bare"]]
    rows[0] += ["first ms p50", "p95", "p99", "dry %", "goodput/s"]
    for load in document["loads"]:
        first = [f"{value:.0f}" for value in load["first_audio_ms"].values()] or ["-"] * 3
        counts = [str(load[name]) for name in ("whole", "refused", "failed", "corrupted")]
        rates = [f"{load['requests_per_s']:.1f}", f"{load['audio_seconds_per_s']:.1f}"]
        rates.append(f"{load['of_bare']:.2f}" if "of_bare" in load else "-")
        what = f"{load['level']:g} {'streams' if load['loop'] == 'closed' else 'req/s'}"
        dry, good = f"{load['under_run_percent']:.1f}", f"{load['goodput_per_s']:.1f}"
        rows.append([what, *counts, *rates, *first, dry, good])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines += sorted({f"failed: {why}" for load in document["loads"] for why in load["failures"]})
    if "bare_audio_seconds_per_s" in document:
        lines.append(f"bare loop: {document['bare_audio_seconds_per_s']:.1f} audio-seconds a second")
    return "\n".join(lines)


def _told(document: dict[str, Any]) -> str:
    import io

    from rich.console import Console
    from rich.table import Table

    from ganray.training.bench.phases import PHASES

    phases, step = document["phases_ms"], document["step_ms"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("phase", "ms", "%", ""):
        table.add_column(column, justify="right" if column in ("ms", "%") else "left")
    for name, spent in phases.items():
        table.add_row(name, f"{spent:.1f}", f"{100 * spent / step:.0f}", PHASES[name])
    text = io.StringIO()
    Console(file=text, width=110).print(table)
    losses = document["losses"]
    agree = "equal" if losses["agree"] else "NOT EQUAL"
    several = f"{document['workers']} workers" if document["workers"] > 1 else "1 worker"
    return "\n".join(
        [
            f"{document['recipe']}: {document['audio_seconds_per_s']:.2f} audio-seconds a second "
            f"({several}, batch {document['batch_size']} × {document['segment_length']}, {document['precision']})",
            f"ray    {document['ray_ratio']:.3f} × the speed of the same loop without Ray   "
            f"{document['ray_step_ms']:.0f} and {document['bare_step_ms']:.0f} ms an update, "
            f"{_spread(document['ray_ratios'])}",
            f"plain  {document['plain_ratio']:.2f} × the speed of a plain update   "
            f"{document['step_ms']:.0f} and {document['plain_step_ms']:.0f} ms, {_spread(document['plain_ratios'])}",
            f"losses {agree}: they differ by {losses['largest_difference']:.1e} at most, "
            f"{losses['tolerance']:g} is allowed in {document['precision']}",
            "",
            "\n".join(line.rstrip() for line in text.getvalue().splitlines()),
        ]
    )


def _spread(ratios: dict[str, list[float]]) -> str:
    from statistics import median

    clock = ratios["clock"]
    return f"{min(clock):.3f} to {max(clock):.3f} over {len(clock)} pairs; by core time {median(ratios['core']):.3f}"


def _placed(document: dict[str, Any]) -> dict[str, Any]:
    from ganray.metrics.benches import placed

    return placed(document)
