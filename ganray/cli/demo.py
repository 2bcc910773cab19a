"""`ganray demo`: the whole path once, from recordings to a served voice, and a page that shows it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ganray.cli.options import emit, json_option, note

DEMO = ("optim.discriminator.start_step=120", "validation.every_steps=150", "checkpoint.every_steps=150")
"""How the recipe is changed for a training of minutes."""
MADE_MINUTES = 10.0
GREETING = "Good morning. This is ganray. What follows takes a few minutes: recordings become a voice."


@click.command("demo")
@click.option("--corpus", envvar="GANRAY_CORPUS", metavar="DIR", help="Your recordings; without it, speech is made.")
@click.option("--out", default="demo", show_default=True, help="Folder; each demo gets one of its own in it.")
@click.option("--minutes", default=3.0, show_default=True, help="Of training.")
@click.option("--at-most", default=12.0, show_default=True, help="Minutes of the corpus that are used.")
@click.option("--workers", default=2, show_default=True, help="Data-parallel workers.")
@json_option
def command(corpus: str | None, out: str, minutes: float, at_most: float, workers: int, as_json: bool) -> None:
    """Prepare a corpus, train a GAN on two workers, evaluate it, serve it, and hear it: in under eight minutes.

    \b
    Example:
      ganray demo
      ganray demo --corpus recordings/ --minutes 10
    """
    from ganray.evaluating import evaluate
    from ganray.gan.run import Run
    from ganray.models import load_run
    from ganray.preparing import prepare
    from ganray.provisioning.connect import connect
    from ganray.training import train
    from ganray.voice import export, located

    timer, home = _Timer(), _new_folder(Path(out))
    note(f"demo  everything goes to {home}")
    with timer("speak"):
        hello = _hello(home / "hello.wav", located("english"))
    source = _some_of(Path(corpus), home / "corpus", at_most) if corpus else _made(home / "corpus", timer)
    with timer("start Ray"):
        connect("local", num_cpus=max(workers, 2))
    with timer("prepare"):
        prepare(source, home / "dataset")
    with timer("train"):
        sets = [*DEMO, f"schedule.max_minutes={minutes}", f"resources.num_workers={workers}"]
        run = train(load_run("source_filter_small", sets), home / "dataset", storage=home, name="run")
    with timer("export"):
        voice = export(run.run, home / "voice", name="demo")
    with timer("evaluate"):
        report = evaluate(str(voice.path), str(home / "dataset"), "validation", clips=6, out=home / "report")
    with timer("serve, and ask as a client"):
        before, after = _through_the_endpoint(home, voice.path)
    page = _page(home, report, Run.open(run.run), before, after, timer.seconds)
    scores = {name: values["mean"] for name, values in report.scores.items()}
    document = {
        "voice": str(voice.path),
        "run": run.run,
        "hello": str(hello),
        "clip": str(after),
        "page": str(page),
        "scores": scores,
        "seconds": round(timer.total, 1),
        "stages": {name: round(seconds, 1) for name, seconds in timer.seconds.items()},
    }
    emit(document, _summary(document, report), as_json)


def _new_folder(out: Path) -> Path:
    home = out.absolute() / time.strftime("%Y%m%d-%H%M%S")
    home.mkdir(parents=True)
    return home


def _hello(out: Path, voice: Path) -> Path:
    """What the voice that comes with ganray says first."""
    from ganray.audio import write
    from ganray.voice import Delivery, open_reader

    speech = open_reader(voice).say(GREETING, Delivery())
    note(f"demo  {out}: ganray's own voice says hello")
    return write(out, speech.waveform, speech.sample_rate)


def _made(out: Path, timer: "_Timer") -> Path:
    from rich.console import Console
    from rich.progress import Progress

    from ganray.data.example import make_corpus

    with timer("make speech"), Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"make {MADE_MINUTES:g} min of speech", total=60 * MADE_MINUTES)
        return make_corpus(out, MADE_MINUTES, tell=lambda seconds: progress.update(task, completed=seconds))


def _some_of(corpus: Path, out: Path, minutes: float) -> Path:
    """A corpus of links to evenly chosen clips of `corpus`, so that a demo of a large one is short too."""
    import soundfile

    from ganray.data import read_corpus

    found = [(recording, recording.path) for recording in read_corpus(corpus).recordings if recording.path]
    seconds = sum(_seconds(soundfile, path) for _, path in found)
    if seconds <= 60 * minutes:
        return corpus
    count = int(len(found) * 60 * minutes / seconds)
    chosen = [found[i * len(found) // count] for i in range(count)]
    (out / "wavs").mkdir(parents=True)
    for _, path in chosen:
        (out / "wavs" / path.name).symlink_to(path.absolute())
    lines = [f"{recording.id}|{recording.text}|{recording.text}" for recording, _ in chosen]
    (out / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    note(f"demo  {count:,} of {len(found):,} clips ({minutes:g} of {seconds / 60:.0f} min); --at-most takes more")
    return out


def _seconds(soundfile: Any, path: Any) -> float:
    try:
        return float(soundfile.info(str(path)).duration)
    except (RuntimeError, OSError):
        return 0.0  # prepare says what is wrong with it


def _through_the_endpoint(home: Path, voice: Path) -> tuple[Path, Path]:
    """Serve the voice and send it a held-out clip over HTTP: (what was sent, what came back)."""
    import urllib.request

    from ganray.audio import encode
    from ganray.config.serve import ServeConfig
    from ganray.data import Dataset
    from ganray.serving import start

    dataset = Dataset.open(home / "dataset")
    clip = dataset.split("validation")[0]
    before, after = home / "before.wav", home / "after.wav"
    before.write_bytes(encode(clip.waveform, dataset.audio.sample_rate, "wav"))
    with start(ServeConfig.model_validate({"voices": {"default": str(voice)}}), port=0) as endpoint:
        request = urllib.request.Request(
            f"{endpoint.url}/v1/audio/vocode", before.read_bytes(), {"Content-Type": "audio/wav"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            after.write_bytes(response.read())
    return before, after


def _page(home: Path, report: Any, run: Any, before: Path, after: Path, seconds: dict[str, float]) -> Path:
    from ganray.audio import log_mel, read
    from ganray.evaluating.page import page_of
    from ganray.metrics.page import Clip, Page, Picture, Players, Table, Take
    from ganray.metrics.plots import colour_range, lines, mel_ticks, strip

    audio = run.config.audio
    takes = []
    waves = {"sent": read(before)[0], "came back": read(after)[0]}
    mels = {label: log_mel(wave, audio) for label, wave in waves.items()}
    low, high = colour_range(mels.values())
    for (label, wave), path in zip(waves.items(), (before, after), strict=True):
        picture = strip(mels[label], low, high)
        takes.append(Take(label, path.read_bytes(), "audio/wav", len(wave) / audio.sample_rate, picture))
    stages = Table("What took how long", ["stage", "seconds"], [[k, f"{v:.1f}"] for k, v in seconds.items()])
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    names = {"mel": "loss/generator/mel", "adversarial": "loss/generator/adversarial", "D": "loss/discriminator/total"}
    curves = {
        label: ([row["step"] for row in rows if name in row], [row[name] for row in rows if name in row])
        for label, name in names.items()
    }
    judged = page_of(report, audio)
    sections = [
        Players("Through the endpoint", [Clip("A held-out clip", "", takes)], "", mel_ticks(audio)),
        *judged.sections,
        Picture("Training", lines(curves, y_label="loss"), "Generator's mel and adversarial losses; discriminators'."),
        stages,
    ]
    intro = ["Recordings → prepare → train → export → evaluate → serve, on one machine.", *judged.intro]
    return Page("ganray demo", intro, sections, judged.footer).write(home / "index.html")


def _summary(document: dict[str, Any], report: Any) -> str:
    scale = {row: {k: v["mean"] for k, v in values.items()} for row, values in report.scale.items()}
    rows = {"voice": document["scores"], **scale}
    lines = ["", f"{'':<12}" + "".join(f"{name:>12}" for name in document["scores"])]
    for row, values in rows.items():
        cells = (f"{values[name]:>12.3f}" if name in values else f"{'':>12}" for name in document["scores"])
        lines.append(f"{row:<12}" + "".join(cells))
    lines += ["", f"{document['seconds']:.0f} s in all", f"voice  {document['voice']}", f"page   {document['page']}"]
    return "\n".join(lines)


class _Timer:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    @property
    def total(self) -> float:
        return time.monotonic() - self._began

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - began
