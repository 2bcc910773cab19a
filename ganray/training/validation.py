"""Held-out clips through the averaged generator, measured: what says which checkpoint sounds best."""

import numpy as np
import torch

from ganray.audio import log_mel
from ganray.config import RunConfig
from ganray.data import Clip, Split
from ganray.gan import GanState
from ganray.metrics import MEASURES, measure
from ganray.training.worker import Worker


def measures_of(config: RunConfig) -> list[str]:
    """What a validation measures."""
    return sorted({*config.validation.measures, config.checkpoint.measure})


def better(config: RunConfig) -> str:
    """`lower` or `higher`: which way checkpoint.measure goes."""
    return MEASURES[config.checkpoint.measure].better


def validate(state: GanState, split: Split | None, worker: Worker) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Score the averaged generator; every worker takes its share of the clips.

    Returns:
        (measure → mean over clips, the same on all workers; clip id → (T,) waveform of the first two clips, on the
        first worker). Both are empty for a generator of noise, which has nothing to be compared with.
    """
    if state.generator.condition == "noise":
        return {}, {"noise": _draw(state)} if worker.rank == 0 else {}
    if split is None or not len(split):
        return {}, {}
    config = state.config
    chosen = np.linspace(0, len(split) - 1, min(config.validation.clips, len(split))).astype(int)
    mine = [(int(i), split[int(i)]) for i in chosen[worker.rank :: worker.size]]
    scores: list[tuple[int, dict[str, float]]] = []
    samples: dict[int, tuple[str, np.ndarray]] = {}
    for index, clip in mine:
        made = _copy(state, clip)
        scores.append((index, _score(config, clip, made)))
        if index in chosen[:2]:
            samples[index] = (clip.id, made)
    # Sorted by clip, so that the mean adds up in one order on any number of workers.
    rows = sorted((row for part in worker.gather(scores) for row in part), key=lambda row: row[0])
    gathered = {index: sample for part in worker.gather(samples) for index, sample in part.items()}
    means = {name: float(np.mean([row[name] for _, row in rows])) for name in measures_of(config)}
    return means, dict(gathered[index] for index in sorted(gathered))


def _copy(state: GanState, clip: Clip) -> np.ndarray:
    """Copy-synthesis of a clip: (T,)."""
    mel = torch.from_numpy(log_mel(clip.waveform, state.config.audio))[None].to(state.device)
    with torch.inference_mode():
        inputs = state.average.prepare(mel, torch.zeros(1, dtype=torch.int64, device=state.device))
        return state.average(inputs)[0, 0].float().cpu().numpy()


def _draw(state: GanState) -> np.ndarray:
    """(T,) waveforms from four fixed noises, one after the other."""
    with torch.inference_mode():
        inputs = state.average.prepare(torch.zeros(4, 0, 0, device=state.device), torch.arange(4, device=state.device))
        return state.average(inputs).flatten().float().cpu().numpy()


def _score(config: RunConfig, clip: Clip, made: np.ndarray) -> dict[str, float]:
    return {
        name: measure(name, made, reference=clip.waveform, sample_rate=config.audio.sample_rate, audio=config.audio)
        for name in measures_of(config)
    }
