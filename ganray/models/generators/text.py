"""Text to waveform: an acoustic model and a source-filter vocoder, trained as one generator.

Which frame says which symbol is learned in the run (`ganray.models.alignment`). Until the discriminators start, the
acoustic model learns alone; from then on the vocoder speaks what it predicts, and the adversarial losses teach both
(after JETS: Lim et al. 2022). Predicted F0 drives the vocoder's excitation. Begun with a trained vocoder (`init.parts:
vocoder`), it has a voice as soon as it knows the text; without discriminators, the vocoder stays as it is.
"""

from dataclasses import replace
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from ganray.audio.mel import louder, silence
from ganray.config import AudioConfig, RunConfig
from ganray.data.script import Script
from ganray.errors import Problem
from ganray.models import contract
from ganray.models.acoustic import Acoustic, Frames
from ganray.models.alignment import Aligner, Alignment, best_path, forward_sum
from ganray.models.f0 import mean_inside, mean_inside_each
from ganray.models.generators import source_filter
from ganray.models.generators.source_filter import scaled
from ganray.text import front_end
from ganray.text.labels import Labels
from ganray.text.manner import Manner

NEEDS_RECORDING = {"mel", "stft", "pesq", "estoi"}


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["text"] = "text"
    front_end: str = "english"
    """What makes phonemes of text; the dataset must be prepared with it."""
    speakers: dict[str, str] = Field(default_factory=dict)
    """Those it tells apart, and the languages of each; filled in from the dataset where that has several."""
    languages: tuple[str, ...] = ()
    """BCP 47 tags of what they speak; filled in like speakers."""
    styles: tuple[str, ...] = ()
    """Names of how they speak; filled in like speakers."""
    text_channels: int = Field(128, ge=8)
    """Width of the encoder."""
    text_blocks: int = Field(5, ge=1)
    """Its ConvNeXt blocks."""
    channels: int = Field(256, ge=8)
    """Width of the decoder."""
    inner: int = Field(512, ge=8)
    """Width of the perceptrons inside its blocks."""
    blocks: int = Field(4, ge=1)
    """Its ConvNeXt blocks."""
    stride: int = Field(1, ge=1, le=4)
    """Frames that decoder and pitch predictor compute as one: 2 halves their work."""
    least_certainty: float = Field(0.13, ge=0, lt=1)
    """Of an alignment: a clip below is not what its text says, and is learned from as a recording without one."""
    vocoder: source_filter.Config = source_filter.Config()
    """The source-filter part."""

    def rules(self, run: RunConfig) -> list[Problem]:
        problems = []
        compared = sorted({*run.validation.measures, run.checkpoint.measure} & NEEDS_RECORDING)
        if compared:
            judges = ", ".join(compared)
            rule = f"what is said from text has another rhythm than the recording, and {judges} would judge that"
            mend = "use distillmos there and in checkpoint.measure"
            problems.append(Problem("validation.measures", compared, rule, mend))
        if set(self.vocoder.parts) != set(source_filter.ALL_PARTS):
            rule = "a text voice speaks without torch, where all parts are computed"
            problems.append(Problem("generator.vocoder.parts", self.vocoder.parts, rule, "leave it out"))
        return problems


class Generator(contract.Generator):
    """Symbols to waveform; and, as copy-synthesis, log-mel to waveform."""

    condition = "text"
    begins_at_zero = ("acoustic.label.weight",)

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        sizes = config.model_dump(include={"text_channels", "text_blocks", "channels", "inner", "blocks", "stride"})
        self.acoustic = Acoustic(len(self.symbols), audio.n_mels, num_labels=len(self.labels), **sizes)
        self.aligner = Aligner(config.text_channels, audio.n_mels)
        self.vocoder = source_filter.Generator(config.vocoder, audio)

    @property
    def symbols(self) -> tuple[str, ...]:
        return front_end(self.config.front_end).symbols

    @property
    def labels(self) -> Labels:
        return Labels(self.config.speakers, self.config.languages, self.config.styles)

    @property
    def has_f0_head(self) -> bool:
        return self.vocoder.has_f0_head

    @property
    def context_frames(self) -> int:
        return self.vocoder.context_frames

    def prepare(self, mel: Tensor, key: Tensor, f0: Tensor | None = None) -> contract.Inputs:
        return self.vocoder.prepare(mel, key, f0)

    def forward(self, inputs: contract.Inputs) -> Tensor:
        return self.vocoder(inputs)

    def f0_loss(self, mel: Tensor, f0: Tensor) -> Tensor:
        return self.vocoder.f0_loss(mel, f0)

    def learn(self, script: Script, clips: Tensor) -> tuple[Tensor, contract.OwnLosses]:
        acoustic = self.acoustic
        symbols, frames_of = script.num_symbols, script.num_frames
        text_mask = _mask(symbols, script.symbols.shape[1])
        mask = _mask(frames_of, clips.shape[-1])
        target = scaled(clips) * mask
        embedded = acoustic.embed(script.symbols, text_mask)
        log_probs = self.aligner(embedded, target, symbols, frames_of)
        durations = best_path(log_probs, symbols, frames_of)
        frames = Frames.of(durations, clips.shape[-1])
        trusted = (_certainty(log_probs, frames) >= self.config.least_certainty)[:, None].float()
        energy = frames.means(target.mean(1), durations)
        encoded = acoustic.encode(embedded, text_mask, script.labels)
        log_frames, said_energy = acoustic.time(encoded, text_mask)
        mel = acoustic.decode(encoded, frames, script.f0, energy)
        losses = {
            "alignment": forward_sum(log_probs, symbols, frames_of).mean(),
            "acoustic": mean_inside((mel - target).abs().mean(1) * trusted, mask),
            "duration": mean_inside((log_frames - durations.clamp_min(1).log()).square() * trusted, text_mask),
            "energy": mean_inside((said_energy - energy).square() * trusted, text_mask),
            "pitch": acoustic.pitch.loss(acoustic.voicing(encoded, frames), script.f0, mask, trusted),
        }
        mel = torch.where(trusted[..., None] > 0, mel, target)
        return unscaled(mel).masked_fill(mask == 0, silence(self.audio)), losses

    @torch.no_grad()
    def align(self, script: Script, clips: Tensor) -> Alignment:
        """Which frames of the clips, (B, M, F) log-mel, say which symbol."""
        text_mask = _mask(script.num_symbols, script.symbols.shape[1])
        target = scaled(clips) * _mask(script.num_frames, clips.shape[-1])
        embedded = self.acoustic.embed(script.symbols, text_mask)
        log_probs = self.aligner(embedded, target, script.num_symbols, script.num_frames)
        durations = best_path(log_probs, script.num_symbols, script.num_frames)
        return Alignment(durations, log_probs, _certainty(log_probs, Frames.of(durations, clips.shape[-1])))

    @torch.no_grad()
    def copy_manner(self, symbols: Tensor, clip: Tensor, f0: Tensor) -> tuple[Manner, float]:
        num_symbols, num_frames = (torch.tensor([values.shape[-1]], device=clip.device) for values in (symbols, clip))
        none = torch.zeros(1, device=clip.device, dtype=torch.int64)
        script = Script(symbols, num_symbols, clip.new_zeros(1, 0), f0, num_frames, none, clip.new_zeros(1, 0))
        found = self.align(script, clip)
        energy = Frames.of(found.durations, clip.shape[-1]).means(scaled(clip).mean(1), found.durations)
        return Manner(frames=found.durations, melody=f0, energy=energy), float(found.certainty)

    def speak(self, symbols: Tensor, key: Tensor, manner: Manner | None = None) -> tuple[contract.Inputs, Tensor]:
        acoustic, manner = self.acoustic, _on(symbols.device, manner or Manner(), self.labels)
        mask = torch.ones(1, 1, symbols.shape[1], device=symbols.device)
        encoded = acoustic.encode(acoustic.embed(symbols, mask), mask, manner.labels)
        log_frames, energy = acoustic.time(encoded, mask)
        durations = _whole(log_frames.exp() / manner.rate)
        durations = torch.where(manner.frames > 0, manner.frames, durations)
        frames = Frames.of(durations)
        f0 = acoustic.pitch.estimate(acoustic.voicing(encoded, frames))
        if manner.melody is not None:
            f0 = _in_register_of(f0, manner.melody)
        if manner.energy is not None:
            energy = energy.mean() + manner.energy - manner.energy.mean()
        f0 = _bent(f0, _held(manner.pitch, frames), manner.pitch_range)
        mel = unscaled(acoustic.decode(encoded, frames, f0, energy))
        mel = louder(mel, _held(manner.volume, frames), self.audio)
        return self.vocoder.prepare(mel, key, f0), durations


def _on(device: torch.device, manner: Manner, labels: Labels) -> Manner:
    """Tensors on a device, with the labels that stand for none."""
    arrays = {name: getattr(manner, name) for name in ("rate", "pitch", "volume", "frames", "melody", "energy")}
    arrays["labels"] = labels.weights()[None] if manner.labels is None else manner.labels
    tensors: dict[str, Any] = {
        name: torch.as_tensor(value, device=device) for name, value in arrays.items() if value is not None
    }
    return replace(manner, **tensors)


def unscaled(mel: Tensor) -> Tensor:
    """The inverse of `scaled`."""
    return 3 * mel - 5


def _certainty(log_probs: Tensor, frames: Frames) -> Tensor:
    """(B, F, P) to (B,): `Alignment.certainty`."""
    likely = log_probs.detach().log_softmax(-1).gather(2, frames.index[..., None])[..., 0]
    return mean_inside_each(likely, frames.mask).exp()


def _held(values: Tensor, frames: Frames) -> Tensor:
    """(1, P), or one number for all, to (1, 1, F)."""
    return values if values.dim() == 0 else frames.hold(values[:, None])


def _mask(lengths: Tensor, width: int) -> Tensor:
    """(B,) to (B, 1, width): 1 inside an item."""
    return (torch.arange(width, device=lengths.device) < lengths[:, None])[:, None].float()


def _whole(frames: Tensor) -> Tensor:
    """(B, P) frames to whole numbers, at least 1, that add up to about the same: what is cut off is carried on."""
    ends = frames.clamp_min(1).cumsum(-1).round().long()
    return torch.diff(ends, prepend=torch.zeros_like(ends[:, :1])).clamp_min(1)


def _in_register_of(own: Tensor, melody: Tensor) -> Tensor:
    """(1, F) `melody` in Hz, moved so that its geometric mean is that of `own`, (1, F)."""

    def middle(f0: Tensor) -> Tensor:
        return f0[f0 > 0].log().mean() if (f0 > 0).any() else torch.zeros((), device=f0.device)

    if not (own > 0).any():
        return melody
    return torch.where(melody > 0, melody * (middle(own) - middle(melody)).exp(), 0.0)


def _bent(f0: Tensor, semitones: Tensor, pitch_range: float) -> Tensor:
    """(1, F) F0 in Hz, wider or narrower around its geometric mean, and so many semitones higher."""
    voiced = f0 > 0
    log_f0 = f0.clamp_min(1).log2()
    middle = (log_f0 * voiced).sum(-1, keepdim=True) / voiced.sum(-1, keepdim=True).clamp_min(1)
    bent = middle + (log_f0 - middle) * pitch_range + semitones.reshape(-1) / 12
    return torch.where(voiced, bent.exp2(), 0.0)
