"""Held-out clips through the averaged generator, measured: what says which checkpoint sounds best."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ganray.audio import log_mel
from ganray.config import RunConfig
from ganray.data import Clip, Dataset, Split
from ganray.gan.run import Run
from ganray.metrics import MEASURES, measure
from ganray.models import Generator, build_generator
from ganray.text.manner import Manner
from ganray.training.misaligned import misaligned
from ganray.training.trackers import Sample


@dataclass(frozen=True)
class Validation:
    """What held-out clips say of a checkpoint.

    Attributes:
        step: Of the checkpoint.
        scores: Measure → mean over clips.
        samples: Name → a clip or two.
        misaligned: Of a text generator: ids of training clips that do not say their text → how certain it is.
    """

    step: int
    scores: dict[str, float] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    misaligned: dict[str, float] = field(default_factory=dict)


def measures_of(config: RunConfig) -> list[str]:
    """What a validation measures."""
    return sorted({*config.validation.measures, config.checkpoint.measure})


def better(config: RunConfig) -> str:
    """`lower` or `higher`: which way checkpoint.measure goes."""
    return MEASURES[config.checkpoint.measure].better


def validate(
    run: Run, dataset: str, step: int, weights: dict[str, Any] | None = None, device: torch.device | str = "cpu"
) -> Validation:
    """Score the averaged generator of a checkpoint.

    Args:
        run: The run.
        dataset: Path of the dataset.
        step: Of the checkpoint.
        weights: The averaged generator's; None: they are read from the checkpoint.
        device: Where to compute.

    Returns:
        Its step, its scores and some of its clips. No scores for a generator of noise, which has nothing to be
        compared with, and for a dataset without a validation split.

    Raises:
        DataError: There is no such checkpoint.
    """
    config = run.config
    generator = build_generator(config.generator, config.audio).to(device).eval()
    generator.load_state_dict(weights or run.load(step, device)["average"])
    if generator.condition == "noise":
        return Validation(step, {}, {"noise": Sample(_draw(generator, device))})
    data = Dataset.open(dataset)
    text = generator.condition == "text"
    doubtful = misaligned(generator, data.split(config.data.split), config) if text else {}
    if "validation" not in data.splits:
        return Validation(step, misaligned=doubtful)
    return Validation(step, *_score_all(generator, data.split("validation"), config, device), doubtful)


def _score_all(
    generator: Generator, split: Split, config: RunConfig, device: torch.device | str
) -> tuple[dict[str, float], dict[str, Sample]]:
    rows: list[dict[str, float]] = []
    samples: dict[str, Sample] = {}
    for index in judged(split, config):
        clip = split[index]
        made = (_say if generator.condition == "text" else _copy)(generator, clip, config, device)
        rows.append(scores(clip, made, config))
        if len(samples) < 2:
            samples[clip.id] = Sample(made, clip.waveform)
    return {name: float(np.mean([row[name] for row in rows])) for name in measures_of(config)}, samples


def judged(split: Split, config: RunConfig) -> list[int]:
    """Which clips of the held-out ones are validated: always the same."""
    chosen = np.linspace(0, len(split) - 1, min(config.validation.clips, len(split))).astype(int)
    return list(dict.fromkeys(chosen.tolist()))


def _copy(generator: Generator, clip: Clip, config: RunConfig, device: torch.device | str) -> np.ndarray:
    """Copy-synthesis of a clip: (T,)."""
    mel = torch.from_numpy(log_mel(clip.waveform, config.audio))[None].to(device)
    with torch.inference_mode():
        inputs = generator.prepare(mel, torch.zeros(1, dtype=torch.int64, device=device))
        return generator(inputs)[0, 0].float().cpu().numpy()


def _say(generator: Generator, clip: Clip, config: RunConfig, device: torch.device | str) -> np.ndarray:
    """What a clip says, from its text: (T,), in the generator's own time."""
    assert generator.symbols is not None
    said = [0, *map(generator.symbols.index, clip.phonemes), 0]
    with torch.inference_mode():
        labels = generator.labels.weights(clip.speaker, clip.language, clip.style)[None]
        key = torch.zeros(1, dtype=torch.int64, device=device)
        inputs, _ = generator.speak(torch.tensor([said], device=device), key, Manner(labels=labels))
        return generator(inputs)[0, 0].float().cpu().numpy()


def _draw(generator: Generator, device: torch.device | str) -> np.ndarray:
    """(T,) waveforms from four fixed noises, one after the other."""
    with torch.inference_mode():
        inputs = generator.prepare(torch.zeros(4, 0, 0, device=device), torch.arange(4, device=device))
        return generator(inputs).flatten().float().cpu().numpy()


def scores(clip: Clip, made: np.ndarray, config: RunConfig) -> dict[str, float]:
    """Measure → what `made`, (T,), has of it, of all that a validation measures."""
    return {
        name: measure(
            name,
            made,
            reference=clip.waveform,
            text=clip.text,
            sample_rate=config.audio.sample_rate,
            audio=config.audio,
        )
        for name in measures_of(config)
    }


class Validations:
    """The validations of a run: asked for by step, and handed back when they are done.

    Args:
        run: The run.
        dataset: Path of the dataset.
        tell: Takes a line on what went wrong.
        beside: Handle of a `Validator`; None: they are done at once, in this process.
    """

    def __init__(self, run: Run, dataset: str, tell: Callable[[str], None], beside: Any = None) -> None:
        self._run, self._dataset, self._tell, self._beside = run, dataset, tell, beside
        self._asked: dict[int, Any] = {}

    @property
    def pending(self) -> list[int]:
        """Steps that are asked for and not handed back."""
        return list(self._asked)

    def ask(self, step: int) -> None:
        """Validate the checkpoint of a step."""
        if self._beside is None:
            self._asked[step] = self._result(step, lambda: validate(self._run, self._dataset, step))
        else:
            # A checkpoint that is still on its way to storage can't be read from there.
            weights = self._run.load(step)["average"] if self._run.away else None
            self._asked[step] = self._beside.validate.remote(step, weights)

    def done(self, wait: bool = False) -> list[Validation]:
        """Those that are done, oldest first; `wait`: all."""
        if self._beside is None:
            results, self._asked = list(self._asked.values()), {}
            return results
        import ray

        results = []
        while self._asked:
            step, answer = next(iter(self._asked.items()))
            if not wait and not ray.wait([answer], timeout=0)[0]:
                break
            results.append(self._result(step, lambda answer=answer: ray.get(answer)))  # type: ignore[misc]
            del self._asked[step]
        return results

    def _result(self, step: int, validation: Callable[[], Validation]) -> Validation:
        """A training of hours does not end with a judge that fails: its checkpoint has no scores then."""
        try:
            return validation()
        except Exception as error:
            last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            self._tell(f"the validation of step {step:,} failed, training goes on: {last[0]}")
            return Validation(step)

    def forget(self, after: int) -> None:
        """Steps after `after` did not happen."""
        self._asked = {step: answer for step, answer in self._asked.items() if step <= after}
