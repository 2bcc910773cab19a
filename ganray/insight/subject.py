"""Who is to be explained: a generator, the judges it met, and what stage of its training this was."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from ganray.config import Architecture, AudioConfig, RunConfig
from ganray.config.bundled import located
from ganray.config.run import AdversarialConfig
from ganray.errors import AudioContractError
from ganray.gan.run import Run
from ganray.insight.judges import Panel
from ganray.models import Generator, build_discriminators, build_generator
from ganray.models.contract import remove_weight_norm
from ganray.voice import Voice
from ganray.voice.bundle import DISCRIMINATORS
from ganray.voice.exported import chosen_step
from ganray.voice.reader import CARD

LSGAN = AdversarialConfig(ce=0.0, lambda_mse=1.0, hinge=0.0)
"""What imported discriminators were trained with: HiFi-GAN's."""


@dataclass(frozen=True)
class Subject:
    """A generator and its judges at one moment.

    Attributes:
        name: Of the voice or the run.
        generator: In evaluation mode.
        panel: The judges; None where they were not kept.
        step: Updates done, where that is known.
        run: Where its other checkpoints are.
    """

    name: str
    generator: Generator
    panel: Panel | None
    step: int | None = None
    run: Run | None = None

    @property
    def audio(self) -> AudioConfig:
        """The audio contract."""
        return self.generator.audio

    def stages(self) -> Iterator["Subject"]:
        """The run's checkpoints that are still there, oldest first; itself, where there is no run."""
        if self.run is None:
            yield self
            return
        for step in self.run.steps():
            yield self if step == self.step else _at(self.run, step)


def open_subject(source: str | Path, judges: str | Path | None = None, step: str = "best") -> Subject:
    """A run or a voice, with its judges or those of another run.

    Args:
        source: A run's folder or URI, a voice's folder, or the name of one that comes with ganray.
        judges: A run whose discriminators listen; None: the subject's own.
        step: Of a run: `best`, `last` or a checkpoint's.

    Raises:
        AudioContractError: Judges and voice disagree.
        DataError: There is no such run, voice or checkpoint.
        UsageError: The step is none.
    """
    if (located(source) / CARD).is_file():
        voice = Voice.load(source)
        subject = Subject(voice.name, voice.generator, _kept(voice), voice.card.get("origin", {}).get("step"))
    else:
        run = Run.open(source)
        subject = _at(run, chosen_step(run, step))
    if judges is not None:
        other = _at(opened := Run.open(judges), chosen_step(opened, "last"))
        if other.audio != subject.audio:
            raise AudioContractError(
                "judges and voice disagree about what a mel is",
                got=other.audio.digest(),
                want=subject.audio.digest(),
                mend="take a run of the same audio contract",
            )
        subject = replace(subject, panel=other.panel, run=None)
    return subject


def _at(run: Run, step: int) -> Subject:
    config: RunConfig = run.config
    content = run.load(step)
    generator = build_generator(config.generator, config.audio).eval()
    generator.load_state_dict(content["average"])
    panel = None
    if config.discriminators:
        judges = build_discriminators(config.discriminators, config.audio, config.data.heard_length).eval()
        judges.load_state_dict(content["discriminators"])
        panel = Panel(_still(judges), config.objective.adversarial)
    return Subject(run.path.name, _still(generator), panel, step, run)


def _kept(voice: Voice) -> Panel | None:
    """The discriminators that lie in an imported voice."""
    path = voice.path / DISCRIMINATORS
    if not path.is_file():
        return None
    configs = [Architecture.model_validate(document) for document in voice.card["discriminators"]]
    judges = build_discriminators(configs, voice.audio, 32 * voice.audio.hop_length).eval()
    remove_weight_norm(judges)
    judges.load_state_dict(load_file(path))
    return Panel(_still(judges), LSGAN)


def _still(module: Any) -> Any:
    """Without gradients of its own: they only pass."""
    return module.requires_grad_(False)
