"""What a sweep's measures say of the recordings themselves and of Griffin-Lim: a score alone says little."""

from typing import Any

import numpy as np
import ray

from ganray.config import RunConfig
from ganray.data import Dataset
from ganray.metrics.references import griffin_lim
from ganray.training.validation import judged, scores


@ray.remote(num_cpus=0)
def measured(recipe: dict[str, Any], dataset: str) -> dict[str, dict[str, float]]:
    """{"recording", "griffin_lim"} → val/measure → mean over the clips that every trial is judged on.

    Args:
        recipe: Document of the `RunConfig` that the sweep varies.
        dataset: Path.
    """
    run, split = RunConfig.model_validate(recipe), Dataset.open(dataset).split("validation")
    rows: dict[str, list[dict[str, float]]] = {"recording": [], "griffin_lim": []}
    for index in judged(split, run):
        clip = split[index]
        rows["recording"].append(scores(clip, clip.waveform, run))
        rows["griffin_lim"].append(scores(clip, griffin_lim(clip.waveform, run.audio), run))
    return {
        name: {f"val/{measure}": float(np.mean([row[measure] for row in its])) for measure in its[0]}
        for name, its in rows.items()
        if its
    }
