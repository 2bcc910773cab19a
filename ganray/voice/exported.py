"""A run becomes a voice."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganray.audio import log_mel
from ganray.config.bundled import located
from ganray.data import Dataset
from ganray.errors import DataError, UsageError
from ganray.gan.run import Run
from ganray.metrics import MEASURES
from ganray.models import Generator, build_generator
from ganray.voice.bundle import Voice, save_voice
from ganray.voice.published.hifigan import export_hifigan
from ganray.voice.reader import CARD


def export(
    run: str | Path,
    out: str | Path,
    step: str | int = "best",
    name: str | None = None,
    half: bool = False,
    int8: bool = False,
    graphs: bool = True,
) -> Voice:
    """Write the averaged generator of a run's checkpoint as a voice folder.

    Args:
        run: The run's folder.
        out: The voice's folder; must not be there yet.
        step: `best` by held-out scores, `last`, or a step that has a checkpoint.
        name: Of the voice; the folder's name without it.
        half: Weights of 16 bits.
        int8: A text voice's large matrix products in 8-bit integers, where it speaks without torch.
        graphs: Write a text voice's networks for machines without torch, too: half a minute.

    Raises:
        DataError: There is no such run or checkpoint.
        UsageError: The folder is there already, `step` is none of these, or `int8` is asked of no text voice.
    """
    opened = Run.open(run)
    chosen = chosen_step(opened, step)
    content = opened.load(chosen)
    generator = build_generator(opened.config.generator, opened.config.audio).eval()
    generator.load_state_dict(content["average"])
    scores = {row["step"]: row["scores"] for row in opened.leaderboard()}.get(chosen, {})
    origin = {
        "run": opened.path.name,
        "step": chosen,
        "scores": scores,
        "recipe": opened.config.name,
        "dataset": opened.dataset["digest"],
    }
    if int8 and generator.condition != "text":
        raise UsageError(f"a {generator.condition} voice has no graphs to quantise", mend="leave --int8 out")
    sample = _sample(opened, generator)
    named = name or Path(out).name
    return save_voice(out, generator, name=named, origin=origin, sample=sample, half=half, graphs=graphs, int8=int8)


def export_as_hifigan(source: str | Path, out: str | Path, step: str | int = "best") -> dict[str, Any]:
    """Write a run's averaged generator, or a voice's, as HiFi-GAN's own code reads it: `g_STEP` and config.json.

    Returns:
        {"checkpoint", "config", "kind", "step"}.

    Raises:
        DataError: There is no such run, checkpoint or voice; or its mel is one that their code doesn't compute.
        UsageError: It is no HiFi-GAN, or the folder is there already.
    """
    if (located(source) / CARD).is_file():
        voice = Voice.load(source)
        generator, chosen = voice.generator, int(voice.card["origin"].get("step", 0))
    else:
        opened = Run.open(source)
        chosen = chosen_step(opened, step)
        generator = build_generator(opened.config.generator, opened.config.audio).eval()
        generator.load_state_dict(opened.load(chosen)["average"])
    folder = export_hifigan(generator, out, chosen)
    return {
        "checkpoint": str(folder / f"g_{chosen:08d}"),
        "config": str(folder / "config.json"),
        "kind": "hifigan",
        "step": chosen,
    }


def chosen_step(run: Run, step: str | int) -> int:
    """The step that `best` (by held-out scores), `last` or a step's number means.

    Raises:
        DataError: The run has no checkpoint yet.
        UsageError: `step` is none of these.
    """
    steps, step = run.steps(), str(step)
    if not steps:
        raise DataError(f"the run at {run.path} has no checkpoint yet", mend="train on: ganray train --resume RUN")
    if step == "last":
        return steps[-1]
    if step == "best":
        return (run.best_steps(MEASURES[run.config.checkpoint.measure].better) or [steps[-1]])[0]
    if not step.isdigit():
        raise UsageError(f"no step {step!r}", mend=f"use best, last or one of {', '.join(map(str, steps))}")
    return int(step)


def _sample(run: Run, generator: Generator) -> np.ndarray | None:
    """A held-out clip through the generator, where the dataset is at hand; else None."""
    if generator.condition != "mel":
        return None
    try:
        dataset = Dataset.open(run.dataset["path"])
        clip = dataset.split("validation" if "validation" in dataset.splits else run.config.data.split)[0]
    except DataError:
        return None
    mel = torch.from_numpy(log_mel(clip.waveform, run.config.audio))[None]
    with torch.inference_mode():
        return generator(generator.prepare(mel, torch.zeros(1, dtype=torch.int64)))[0, 0].numpy()
