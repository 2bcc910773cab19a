"""`compare`: recipes trained on the same cluster for the same budget, as many at once as it holds, then judged alike.

What is known is in its folder: `compare.json` after every part that ended, `runs/`, `voices/`, `clips/`, the report.
"""

import contextlib
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray

from ganray.comparing import page
from ganray.comparing.contest import contestants
from ganray.comparing.speed import cost_of
from ganray.comparing.together import together
from ganray.config import RunConfig
from ganray.data import Dataset
from ganray.errors import DataError, GanrayError, Problem, UsageError
from ganray.evaluating import evaluate
from ganray.gan.run import Run, write_text
from ganray.metrics import MEASURES
from ganray.models import load_run
from ganray.provisioning.connect import connect
from ganray.training import resume as resume_training
from ganray.training import train
from ganray.training.view import View
from ganray.tuning.placement import concurrency
from ganray.voice import export

VERSION = 1
"""Schema of `compare.json`."""
FILE = "compare.json"
QUALITY = ("pesq", "estoi", "mel", "stft")
"""Measures taken unless others are asked for: those that need no network."""


@dataclass
class Comparison:
    """A comparison's folder and all that is known of it.

    Attributes:
        folder: Its folder.
        document: What `compare.json` holds.
    """

    folder: Path
    document: dict[str, Any]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def recipes(self) -> list[dict[str, Any]]:
        """What is known of each recipe."""
        return self.document["recipes"]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return all(one["status"] in ("done", "failed") for one in self.recipes)

    def keep(self, one: dict[str, Any] | None = None, **news: Any) -> None:
        """Write compare.json, with news of one recipe."""
        with self._lock:
            if one is not None:
                one |= news
            write_text(self.folder / FILE, json.dumps(self.document, indent=1))

    def as_json(self) -> dict[str, Any]:
        """The document that --json prints."""
        hidden = ("config", "curve")
        recipes = [{key: value for key, value in one.items() if key not in hidden} for one in self.recipes]
        told = {key: value for key, value in self.document.items() if key not in ("recipes", "scale")}
        report = str(self.folder / "report" / "index.html")
        return {"comparison": str(self.folder), **told, "recipes": recipes, "report": report}


def compare(
    recipes: Sequence[str],
    dataset: str | Path,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    same_discriminators: bool = False,
    overrides: Sequence[str] = (),
    measures: Sequence[str] = QUALITY,
    clips: int | None = None,
    storage: str | Path = "comparisons",
    name: str | None = None,
    address: str | None = None,
    at_once: int | None = None,
    quiet: bool = False,
) -> Comparison:
    """Train every recipe for the same time, or the same updates, on the same samples; judge them; write one report.

    Args:
        recipes: Names in the box or YAML files; the first one's samples, batch and validation are everyone's.
        dataset: Folder of the dataset, which all workers see. Its audio contract is everyone's.
        minutes: Of training, each.
        steps: Updates, each; with both, whichever comes first.
        same_discriminators: Give all of them the first one's judges and objective.
        overrides: `--set` texts, for all of them.
        measures: Names of `MEASURES`; the first one is what the pictures show.
        clips: Validation clips that are judged; all without it.
        storage: Folder that holds the comparison's folder, which all workers see.
        name: Of its folder.
        address: Of the Ray cluster; without it, one is started inside this process.
        at_once: Most trainings at the same time; as many as the cluster holds without it.
        quiet: One training after the other, without a live view.

    Raises:
        ConfigError, UsageError: As `contestants`; or the name is taken.
        DataError: The dataset can't be used, or nothing could be trained.
    """
    data = Dataset.open(dataset)
    runs = contestants(
        recipes, data.audio, overrides, minutes=minutes, steps=steps, same_discriminators=same_discriminators
    )
    folder = Path(storage).absolute() / (name or f"compare-{secrets.token_hex(2)}")
    if folder.exists():
        raise UsageError(f"there is {folder} already", mend="choose another --name, or go on with it by --resume")
    unknown = [measure for measure in measures if measure not in MEASURES]
    if unknown:
        raise UsageError(f"no measure {', '.join(unknown)}", mend=f"use some of {', '.join(MEASURES)}")
    folder.mkdir(parents=True)
    document = {
        "schema_version": VERSION,
        "dataset": {"path": data.where, "digest": data.digest},
        "budget": {"minutes": minutes, "steps": steps},
        "same_discriminators": same_discriminators,
        "measures": list(measures),
        "clips": clips,
        "scale": {},
        "recipes": [
            {"name": run.name, "recipe": str(recipe), "status": "waiting", "config": run.model_dump(mode="json")}
            for recipe, run in zip(recipes, runs, strict=True)
        ],
    }
    return _go_on(Comparison(folder, document), address, at_once, quiet)


def resume(
    folder: str | Path, *, address: str | None = None, at_once: int | None = None, quiet: bool = False
) -> Comparison:
    """Take up a comparison that was interrupted: what ended stays, a training goes on from its newest checkpoint.

    Raises:
        DataError: There is none, or the dataset is another one.
    """
    folder = Path(folder).absolute()
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"no comparison at {folder}: {error}", mend="give what ganray compare printed") from error
    comparison = Comparison(folder, document)
    data = Dataset.open(document["dataset"]["path"])
    if data.digest != document["dataset"]["digest"]:
        want = document["dataset"]["digest"]
        raise DataError(f"{data.path} is not the dataset of the comparison", got=data.digest, want=want)
    return _go_on(comparison, address, at_once, quiet)


def _go_on(comparison: Comparison, address: str | None, at_once: int | None, quiet: bool) -> Comparison:
    """All that is left of it."""
    comparison.keep()
    ours = connect(address)
    try:
        if _train_all(comparison, at_once, quiet):
            for one in comparison.recipes:
                if one["status"] == "trained":
                    with _or_failed(comparison, one):
                        _judge(comparison, one, quiet)
                        comparison.keep(one, status="done")
    finally:
        if ours:
            ray.shutdown()
    if not any(one["status"] == "done" for one in comparison.recipes) and comparison.finished:
        problems = [Problem(one["name"], None, one["message"]) for one in comparison.recipes]
        raise GanrayError("no recipe could be compared", problems=problems)
    page.write(comparison.folder, comparison.document)
    return comparison


@contextlib.contextmanager
def _or_failed(comparison: Comparison, one: dict[str, Any]) -> Iterator[None]:
    """A recipe that diverges is a finding, not the end."""
    try:
        yield
    except GanrayError as error:
        comparison.keep(one, status="failed", message=error.message)


def _train_all(comparison: Comparison, at_once: int | None, quiet: bool) -> bool:
    """Train all that wait, before the first is judged: it would take cores from those that still learn.

    Returns:
        Whether all used their budget; not so after Ctrl-C.
    """
    waiting = {one["name"]: one for one in comparison.recipes if one["status"] == "waiting"}
    if not waiting:
        return True
    resources = load_run(next(iter(waiting.values()))["config"]).resources
    most = min(at_once or len(waiting), len(waiting))
    fit = 1 if most == 1 or quiet else concurrency(resources, ray.nodes(), most, verb="train", driver={})
    if fit == 1:
        for one in waiting.values():
            with _or_failed(comparison, one):
                if not _train(comparison, one, quiet):
                    return False  # Ctrl-C: all else waits, too
        return True
    for name, outcome in together(list(waiting), fit, lambda name, by: _train(comparison, waiting[name], False, by)):
        with _or_failed(comparison, waiting[name]):
            outcome.result()
    return all(one["status"] != "waiting" for one in waiting.values())


def _train(
    comparison: Comparison, one: dict[str, Any], quiet: bool, shown_by: Callable[[Run, Any], View] = View
) -> bool:
    """Train one; whether its budget was used."""
    config: RunConfig = load_run(one["config"])
    where, data = comparison.folder / "runs" / one["name"], comparison.document["dataset"]["path"]
    if (where / "run.yaml").is_file():
        result = resume_training(where, dataset=data, quiet=quiet, shown_by=shown_by)
    else:
        result = train(config, data, storage=where.parent, name=one["name"], quiet=quiet, shown_by=shown_by)
    if result.ended != "finished":
        return False
    workers = max(1, config.resources.max_workers)
    comparison.keep(
        one,
        status="trained",
        run=str(where),
        step=result.step,
        training_minutes=round(result.seconds / 60, 4),
        training_core_minutes=round(result.seconds / 60 * workers * config.resources.cpus_per_worker, 4),
        audio_seconds_per_s=round(result.audio_seconds_per_s, 3),
        curve=Run.open(where).leaderboard(),
    )
    return True


def _judge(comparison: Comparison, one: dict[str, Any], quiet: bool) -> None:
    """Scores, sounds, size and speed of one that is trained."""
    document, folder = comparison.document, comparison.folder
    voice = folder / "voices" / one["name"]
    if voice.exists():
        shutil.rmtree(voice)  # of a judgement that was interrupted
    exported = export(one["run"], voice, name=one["name"])
    first = not document["scale"]
    report = evaluate(
        str(voice), document["dataset"]["path"], "validation", measures=document["measures"], clips=document["clips"],
        scale=("recording", "world", "griffin_lim") if first else (), out=folder / "reports" / one["name"], quiet=quiet,
    )  # fmt: skip
    if first:
        document["scale"] = report.scale
        page.keep_sounds(folder, "recording", report.per_clip, "recording")
    page.keep_sounds(folder, one["name"], report.per_clip, "voice")
    cost = cost_of(str(voice))
    on_threads = cost.pop("times_real_time")
    one |= {
        "voice": str(voice),
        "checkpoint": exported.card["origin"]["step"],
        "parameters": exported.num_parameters,
        "scores": report.scores,
        "times_real_time": on_threads["1"],
        "times_real_time_two_threads": on_threads.get("2"),
        **cost,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
