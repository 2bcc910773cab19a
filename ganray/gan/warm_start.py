"""A run that begins with what another one learned."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from ganray.config.bundled import located
from ganray.config.run import InitConfig
from ganray.data.storage import is_remote, place
from ganray.errors import DataError, UsageError
from ganray.gan.run import Run
from ganray.gan.state import GanState
from ganray.models.contract import Generator
from ganray.models.weight_norm import parted


def warm_start(state: GanState, init: InitConfig, better: str) -> None:
    """Give a fresh state the weights that `init` names; its step, schedule and sampler stay at the beginning.

    Args:
        state: Fresh.
        init: Where from, and how much.
        better: `lower` or `higher`: which way the other run's measure goes, to find its best checkpoint.

    Raises:
        DataError: There is no run or voice, or its networks have other shapes.
        UsageError: A voice was asked for discriminators.
    """
    if init.source is None:
        return
    source = place(init.source if is_remote(init.source) else located(init.source))
    folder = Path(source)
    if not is_remote(source) and (folder / "voice.yaml").is_file():
        judges = folder / "discriminators.safetensors"
        if init.parts == "all" and not judges.is_file():
            raise UsageError(f"the voice {source} holds a generator alone", mend="--set init.parts=generator")
        weights = load_file(folder / "generator.safetensors")
        _load_generator(state, weights, weights, init.parts, source)
        if init.parts == "all":
            _load(state.discriminators, load_file(judges), source)
        return
    run = Run.open(source)
    steps = run.best_steps(better) or run.steps()[::-1]
    if not steps:
        raise DataError(f"the run at {source} has no checkpoint to begin with", mend="train it first")
    content = run.load(steps[0], state.device)
    _load_generator(state, content["generator"], content["average"], init.parts, source)
    if init.parts != "generator":
        _load(state.discriminators, content["discriminators"], source)
    if init.parts == "all":
        state.generator_optimiser.load_state_dict(content["generator_optimiser"])
        state.discriminator_optimiser.load_state_dict(content["discriminator_optimiser"])


def _load_generator(state: GanState, weights: dict[str, Any], average: dict[str, Any], parts: str, source: str) -> None:
    for network, its in ((state.generator, weights), (state.average, average)):
        if parts != "vocoder":
            _load(network, _grown(network, its), source)
        elif "vocoder" in dict(network.named_children()):
            vocoder = network.get_submodule("vocoder")
            inner = {name.removeprefix("vocoder."): value for name, value in its.items() if name.startswith("vocoder.")}
            its = inner or its  # a text voice's own vocoder, or a vocoder that is all there is
            wanted = {name.split(".")[0] for name in vocoder.state_dict()}  # not an F0 head that it does without
            _load(vocoder, {name: value for name, value in its.items() if name.split(".")[0] in wanted}, source)
        else:
            raise UsageError(
                f"a {state.config.generator.type} generator has no vocoder part",
                mend="--set init.parts=generator, or train a text recipe",
            )


def _grown(network: Generator, weights: dict[str, Any]) -> dict[str, Any]:
    """With zeros for what tells speakers, languages and styles apart, where `weights` know none: each begins alike."""
    ours = network.state_dict()
    return {name: torch.zeros_like(ours[name]) for name in network.begins_at_zero if name in ours} | weights


def _load(network: nn.Module, weights: dict[str, Any], source: str) -> None:
    ours = network.state_dict()
    weights = parted(weights, ours)  # a voice's are folded
    differ = [name for name, value in ours.items() if name not in weights or weights[name].shape != value.shape]
    differ += [name for name in weights if name not in ours]
    if differ:
        name = differ[0]
        shapes = [tuple(side[name].shape) if name in side else "none" for side in (ours, weights)]
        raise DataError(
            f"{source} holds another network: {len(differ)} tensors differ, the first is {name}",
            ours=shapes[0],
            theirs=shapes[1],
            mend="use the recipe that it was trained with, or --set init.parts=generator",
        )
    network.load_state_dict(weights)
