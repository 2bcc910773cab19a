"""The voice: a folder with all that synthesis needs, and nothing that is executed.

voice.yaml               kind, audio contract, generator config, where it came from, its scores
generator.safetensors    weights
discriminators.safetensors    of imported ones, to fine-tune with
*.onnx                   a text voice's networks for machines without torch; their weights are those
sample.wav               what it sounds like
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ganray.audio import log_mel, write
from ganray.config import Architecture, AudioConfig
from ganray.config.bundled import located
from ganray.config.load import dump_yaml
from ganray.data import Clip
from ganray.errors import ConfigError, DataError, UsageError
from ganray.models import Discriminator, Generator, build_generator, num_parameters
from ganray.models.contract import remove_weight_norm
from ganray.models.generators import text
from ganray.text import front_end
from ganray.voice.delivery import Delivery
from ganray.voice.graphs import write_graphs
from ganray.voice.imitation import imitate
from ganray.voice.reader import CARD, MEND, SCHEMA_VERSION, read_card
from ganray.voice.speech import Block, Lexicon, Speaker, Speech
from ganray.voice.stream import stream
from ganray.voice.torch_engine import TorchEngine

DISCRIMINATORS = "discriminators.safetensors"
SAMPLE_TEXT = "Ships that pass in the night, and speak each other in passing."
"""Longfellow: what a text voice's sample says."""

_DAMAGE = (ConfigError, LookupError, OSError, ImportError, SafetensorError, ValidationError, RuntimeError)


class Voice:
    """A generator, ready to speak. `Voice.load(path)` opens one.

    Args:
        generator: In evaluation mode, on the CPU or a GPU.
        card: What voice.yaml holds.
        path: The folder.
        digest: Of card and weights.
    """

    def __init__(self, generator: Generator, card: dict[str, Any], path: Path, digest: str) -> None:
        self.generator, self.card, self.path, self.digest = generator, card, path, digest
        self.name: str = card["name"]
        self.kind: str = card["kind"]
        self.audio = generator.audio
        self.num_parameters = num_parameters(generator)
        self.device = next(generator.parameters()).device
        self._engine = TorchEngine(generator)
        reads = self.kind == "text"
        self._speaker = Speaker(self._engine, front_end(generator.config.front_end)) if reads else None

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu") -> "Voice":
        """Open a voice: its folder, or the name of one that comes with ganray.

        Raises:
            DataError: There is none, or it is damaged, or of a newer ganray.
            AudioContractError: Its audio contract can't be read.
        """
        path = located(path)
        try:
            card = read_card(path)
            generator = build_generator(
                Architecture.model_validate(card["generator"]), AudioConfig.from_document(card["audio"])
            )
            remove_weight_norm(generator)
            generator.load_state_dict(load_file(path / "generator.safetensors"))
        except _DAMAGE as error:
            raise DataError(f"the voice at {path} is damaged: {error}", mend=MEND) from error
        digest = hashlib.sha256((path / CARD).read_bytes() + (path / "generator.safetensors").read_bytes())
        return cls(generator.to(device).eval(), card, path, digest.hexdigest()[:16])

    def mel(self, waveform: np.ndarray) -> np.ndarray:
        """(T,) at the voice's sample rate to its (M, F) log-mel; a last part shorter than a frame is left out."""
        return log_mel(waveform, self.audio)

    def say(
        self,
        text: str,
        delivery: Delivery | None = None,
        *,
        seed: int = 0,
        lexicon: Lexicon | None = None,
        markup: bool = False,
    ) -> Speech:
        """A text, said: its waveform, and when each word is heard.

        Args:
            text: What to say.
            delivery: How; None: in the voice's own way.
            seed: Of the noise.
            lexicon: Pronunciations that go before the front-end's own, from `ganray.text.read_lexicon`.
            markup: Whether the text holds the SSML subset and `[[inline phonemes]]`.

        Raises:
            UsageError: The voice is not of kind `text`, there is no word in the text, or its markup is wrong.
        """
        speaker = self.must_speak()
        return speaker.say(text, delivery or Delivery(), seed=seed, lexicon=lexicon, markup=markup)

    def speak(
        self,
        text: str | Iterable[str],
        delivery: Delivery | None = None,
        *,
        seed: int = 0,
        lexicon: Lexicon | None = None,
        markup: bool = False,
        first_frames: int = 24,
        growth: int = 21,
        block_frames: int = 512,
    ) -> Iterator[Block]:
        """The same in blocks, as soon as they are made: together they equal what `say` gives.

        `text` may come in pieces; what is said depends on the whole alone.

        Raises:
            UsageError: As `say`, before the first block.
        """
        return self.must_speak().speak(
            text,
            delivery or Delivery(),
            seed=seed,
            lexicon=lexicon,
            markup=markup,
            first_frames=first_frames,
            growth=growth,
            block_frames=block_frames,
        )

    def imitate(
        self,
        recording: np.ndarray,
        text: str,
        delivery: Delivery | None = None,
        *,
        seed: int = 0,
        lexicon: Lexicon | None = None,
    ) -> Speech:
        """A text with the rhythm, the melody and the energy of a recording that says it, in the voice's own register.

        Args:
            recording: (T,) at the voice's sample rate.
            text: What is said in it.
            delivery: Pitch, its range and volume on top; None: nothing.
            seed: Of the noise.
            lexicon: As for `say`.

        Raises:
            UsageError: As `say`; or a speed or pauses are asked for.
            DataError: The recording does not say the text, as far as the voice can tell.
        """
        return imitate(self.must_speak(), recording, text, delivery or Delivery(), seed=seed, lexicon=lexicon)

    def vocode(self, mel: np.ndarray, seed: int = 0, f0: np.ndarray | None = None) -> np.ndarray:
        """(M, F) log-mel to (F · hop_length,) float32; `f0` (F,) in Hz, 0 where unvoiced, else the voice's estimate.

        Raises:
            UsageError: The voice makes no waveform from a mel.
            DataError: The mel has another number of bands, no frame, or values that are no numbers.
        """
        with torch.inference_mode():
            return self.generator(self._inputs(mel, seed, f0))[0, 0].float().cpu().numpy()

    def stream(
        self, mel: np.ndarray, seed: int = 0, first_frames: int = 24, growth: int = 21, block_frames: int = 512
    ) -> Iterator[np.ndarray]:
        """The same in blocks, the first short, so that it is there soon; together they equal `vocode`.

        Raises:
            UsageError, DataError: As `vocode`, before the first block.
        """
        with torch.inference_mode():
            inputs = self._inputs(mel, seed)
        return stream(self._engine, inputs, first_frames, growth, block_frames)

    def draw(self, seed: int = 0, count: int = 1) -> np.ndarray:
        """(count, T) waveforms from noise.

        Raises:
            UsageError: The voice is not of kind `noise`.
        """
        if self.kind != "noise":
            raise UsageError(f"voice {self.name} is of kind {self.kind}: it makes nothing from noise alone")
        with torch.inference_mode():
            keys = torch.arange(count, device=self.device) + seed
            inputs = self.generator.prepare(torch.zeros(count, 0, 0, device=self.device), keys)
            return self.generator(inputs)[:, 0].float().cpu().numpy()

    def delivery_of(self, clip: Clip) -> Delivery:
        """That of a clip's own speaker, language and style, as far as the voice tells them apart."""
        if not len(self.generator.labels):
            return Delivery()
        return Delivery(speaker=clip.speaker, language=clip.language, style=clip.style or None)

    def must_speak(self) -> Speaker:
        """Its speaker.

        Raises:
            UsageError: The voice is not of kind `text`.
        """
        if self._speaker is None:
            raise UsageError(f"voice {self.name} is of kind {self.kind}: it can't read text", mend="use a text voice")
        return self._speaker

    def _inputs(self, mel: np.ndarray, seed: int, f0: np.ndarray | None = None) -> dict[str, Tensor]:
        if self.kind == "noise":
            raise UsageError(
                f"voice {self.name} is of kind {self.kind}: it makes no waveform from a mel", mend="use a mel voice"
            )
        if mel.ndim != 2 or mel.shape[0] != self.audio.n_mels or not mel.shape[1]:
            raise DataError(
                "not a mel spectrogram of this voice",
                got=f"shape {mel.shape}",
                want=f"({self.audio.n_mels}, frames)",
                mend="give the log-mel of its audio contract",
            )
        if not np.isfinite(mel).all():
            raise DataError("the mel spectrogram holds values that are no numbers", mend="look for log of zero")
        tensor = torch.from_numpy(np.ascontiguousarray(mel, np.float32))[None].to(self.device)
        track = None if f0 is None else torch.from_numpy(np.ascontiguousarray(f0, np.float32))[None].to(self.device)
        return self.generator.prepare(tensor, torch.tensor([seed], device=self.device), track)


def save_voice(
    path: str | Path,
    generator: Generator,
    *,
    name: str,
    origin: dict[str, Any],
    sample: np.ndarray | None,
    half: bool = False,
    graphs: bool = False,
    int8: bool = False,
    discriminators: Sequence[Discriminator] | None = None,
) -> Voice:
    """Write a voice folder: beside, then renamed.

    Args:
        path: The folder; must not be there yet.
        generator: Trained.
        name: Of the voice.
        origin: Where it came from: run, step, scores, dataset.
        sample: (T,) what it sounds like; None: no sample, or one that the voice makes up.
        half: Weights of 16 bits: half the size, and a difference that isn't heard.
        graphs: Write a text voice's networks for machines without torch, too: half a minute.
        int8: … with large matrix products in 8-bit integers.
        discriminators: What it was trained against, for fine-tuning.

    Raises:
        UsageError: The folder is there already.
    """
    path = Path(path)
    if path.exists():
        raise UsageError(f"{path} is there already", mend="choose another folder, or move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        card = {
            "schema_version": SCHEMA_VERSION,
            "name": name,
            "kind": generator.condition,
            "audio": generator.audio.model_dump(mode="json"),
            "generator": generator.config.model_dump(mode="json"),
            "origin": origin,
        }
        if generator.condition == "text":
            its = front_end(generator.config.front_end)
            card["front_end"] = {"name": generator.config.front_end, "version": its.version}
        remove_weight_norm(generator)
        weights = {name: value.contiguous() for name, value in generator.state_dict().items()}
        if half:
            weights = {name: v.half() if v.is_floating_point() else v for name, v in weights.items()}
        save_file(weights, beside / "generator.safetensors")
        if graphs and isinstance(generator, text.Generator):
            write_graphs(generator.eval(), beside, int8)
            products = "int8" if int8 else "float32"
            card["onnx"] = {"context_frames": generator.context_frames, "products": products}
        if discriminators is not None:
            card["discriminators"] = [judge.config.model_dump(mode="json") for judge in discriminators]
            judges = remove_weight_norm(nn.ModuleList(discriminators))
            its_weights = {name: value.contiguous() for name, value in judges.state_dict().items()}
            save_file(its_weights, beside / DISCRIMINATORS)
            os.chmod(beside / DISCRIMINATORS, 0o644)
        (beside / CARD).write_text(dump_yaml(card), encoding="utf-8")
        voice = Voice.load(beside)
        if sample is None and voice.kind == "noise":
            sample = voice.draw()[0]
        if sample is None and voice.kind == "text":
            sample = voice.say(SAMPLE_TEXT).waveform
        if sample is not None:
            write(beside / "sample.wav", sample, voice.audio.sample_rate)
        os.chmod(beside, 0o755)  # mkdtemp's is private, and so is what safetensors writes
        os.chmod(beside / "generator.safetensors", 0o644)
        beside.rename(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    voice.path = path
    return voice
