"""A text voice without torch: its networks in ONNX Runtime, all else in numpy."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from ganray.config import AudioConfig
from ganray.errors import DataError
from ganray.text.labels import Labels
from ganray.text.manner import Manner
from ganray.voice import signal
from ganray.voice.engine import Inputs

GRAPHS = {
    "text": ("encoded", "log_frames", "energy"),
    "pitch": ("hertz",),
    "mel": ("log_mel",),
    "vocoder": ("parameters", "prior"),
}
"""File name of each graph, without `.onnx`, and what comes out of it."""
_NOTHING = {"mel": -5.0, "f0": 200.0, "voiced": 0.0}
"""Of the vocoder's inputs: what its features are 0 for, as beyond a clip's ends."""


class PortableEngine:
    """See `Engine`.

    Args:
        folder: Of the voice.
        card: What its voice.yaml holds.
        num_threads: How many compute; 0: one a core.

    Raises:
        DataError: A graph can't be read.
    """

    def __init__(self, folder: Path, card: dict[str, Any], num_threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # between sentences, others may work
        options.enable_cpu_mem_arena = False  # sentences differ in length, and an arena keeps the longest for ever
        options.log_severity_level = 3
        self.audio = AudioConfig.from_document(card["audio"])
        generator = card["generator"]
        self.labels = Labels(
            generator.get("speakers", {}), tuple(generator.get("languages", ())), tuple(generator.get("styles", ()))
        )
        self.context_frames = int(card["onnx"]["context_frames"])
        self._stride = int(generator.get("stride", 1))
        self._vocoder_stride = int(generator["vocoder"].get("stride", 1))
        try:
            self._networks = {
                name: onnxruntime.InferenceSession(
                    str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
                )
                for name in GRAPHS
            }
        except Exception as error:  # onnxruntime's own come without a common base
            raise DataError(f"the voice at {folder} is damaged: {error}", mend="export it again") from error
        for name, outputs in GRAPHS.items():
            if tuple(one.name for one in self._networks[name].get_outputs()) != outputs:
                raise DataError(f"the voice at {folder} has a {name}.onnx of another ganray", mend="export it again")

    def plan(self, symbols: np.ndarray, seed: int, number: int, manner: Manner) -> tuple[Inputs, np.ndarray]:
        """See `Engine.plan`."""
        assert manner.melody is manner.energy is None, "a recording's manner is copied by torch alone"
        labels = self.labels.weights()[None] if manner.labels is None else manner.labels
        encoded, log_frames, energy = self._run("text", symbols=symbols, labels=labels)
        durations = _whole(np.exp(log_frames[0]) / np.float32(manner.rate))
        frames = np.broadcast_to(np.reshape(manner.frames, -1), durations.shape)
        durations = np.where(frames > 0, frames, durations)
        of = np.repeat(np.arange(len(durations)), durations)
        length = durations[of].astype(np.float32)
        since = np.arange(len(of)) - (np.cumsum(durations) - durations)[of]
        place = np.stack([(since + 0.5) / length, np.log(length) / 3, since == 0]).astype(np.float32)[None]
        held = encoded[:, :, of]
        hertz = self._run("pitch", features=_whole_places([held, place], self._stride))[0][:, : len(of)]
        hertz = _bent(hertz[0], _held(manner.pitch, of), manner.pitch_range)
        filled, voiced = signal.fill_unvoiced(hertz), (hertz > 0).astype(np.float32)
        conditions = np.stack([np.log2(filled / np.float32(200)), voiced, energy[0, of]])[None]
        mel = self._run("mel", features=_whole_places([held, place, conditions], self._stride))[0][..., : len(of)]
        decibels = _held(manner.volume, of) / 20
        mel = mel + (decibels if self.audio.log_base == "10" else decibels * np.float32(math.log(10)))
        keys = signal.frame_keys(signal.mix(np.array([seed])) + number, len(of))
        phase = signal.phase_at_frames(filled, float(keys[0, 0, 0] & 0xFFFF) / 2**16, self.audio)
        rows = {"f0": filled, "voiced": voiced, "phase": phase}
        inputs = {"mel": mel, "keys": keys, **{name: row[None, None] for name, row in rows.items()}}
        if self._vocoder_stride > 1:
            inputs["turn"] = np.arange(len(of))[None, None] % self._vocoder_stride
        return inputs, durations

    def render(self, inputs: Inputs) -> np.ndarray:
        """See `Engine.render`, and `ganray.models.generators.source_filter` for the formula."""
        audio, mel = self.audio, inputs["mel"]
        lead = int(inputs["turn"][0, 0, 0]) if "turn" in inputs else 0
        around = (lead, -(mel.shape[-1] + lead) % self._vocoder_stride)
        of_network = {name: _around(inputs[name], around, value) for name, value in _NOTHING.items()}
        # The prior by the same threads: a BLAS of its own next to them was seen to take twenty times as long.
        made = self._run("vocoder", **of_network, inverse=signal.inverse_mel(audio))
        parameters, prior = (rows[lead : lead + mel.shape[-1]] for rows in made)
        h, theta, n, r, phi = np.split(parameters, 5, axis=1)
        pulses = signal.pulse_train(inputs["f0"][0, 0], inputs["phase"][0, 0], audio)
        pulses *= np.float32(4 / audio.n_fft)
        spectrum = signal.polar(np.exp(h), np.float32(math.pi) * np.tanh(theta))
        spectrum *= signal.stft(pulses, audio)
        spectrum += np.exp(n - 1 - inputs["voiced"][0].T) * signal.complex_normal(inputs["keys"], prior.shape[1])
        spectrum += signal.polar(np.exp(r - 3), phi)
        spectrum *= prior
        return np.clip(signal.istft(spectrum, audio), -1, 1)

    def _run(self, name: str, **inputs: np.ndarray) -> list[np.ndarray]:
        network = self._networks[name]
        wanted = {one.name for one in network.get_inputs()}
        return network.run(None, {key: value for key, value in inputs.items() if key in wanted})


def _whole_places(features: list[np.ndarray], stride: int) -> np.ndarray:
    """(1, …, F) arrays, one below the other, with zeros behind until F is a multiple of `stride`."""
    joined = np.concatenate(features, 1)
    return _around(joined, (0, -joined.shape[-1] % stride), 0)


def _around(values: np.ndarray, frames: tuple[int, int], value: float) -> np.ndarray:
    """(1, K, F) with so many frames of `value` before and behind."""
    if not any(frames):
        return values
    return np.pad(values, ((0, 0), (0, 0), frames), constant_values=values.dtype.type(value))


def _whole(frames: np.ndarray) -> np.ndarray:
    """(P,) or (1, P) frames to whole numbers (P,), at least 1: as `ganray.models.generators.text`."""
    ends = np.round(np.cumsum(np.maximum(frames.reshape(-1), 1), dtype=np.float32)).astype(np.int64)
    return np.maximum(np.diff(ends, prepend=0), 1)


def _held(values: Any, of: np.ndarray) -> np.ndarray:
    """(1, P), or one number for all, to float32 of each frame."""
    values = np.asarray(values, np.float32)
    return values if values.ndim == 0 else values[0, of]


def _bent(f0: np.ndarray, semitones: np.ndarray, pitch_range: float) -> np.ndarray:
    """(F,) Hz, wider or narrower around its geometric mean, and so many semitones higher."""
    voiced = f0 > 0
    if not voiced.any():
        return f0
    log_f0 = np.log2(np.maximum(f0, 1))
    middle = log_f0[voiced].mean(dtype=np.float32)
    return np.where(voiced, np.exp2(middle + (log_f0 - middle) * pitch_range + semitones / 12), 0).astype(np.float32)
