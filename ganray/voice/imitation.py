"""A text with the rhythm, melody and energy of a recording of it."""

from dataclasses import replace

import numpy as np
import torch

from ganray.audio import log_mel, normalise
from ganray.audio.pitch import fundamental
from ganray.config.prepare import PrepareConfig
from ganray.errors import DataError, UsageError
from ganray.voice.delivery import Delivery
from ganray.voice.speech import Lexicon, Speaker, Speech
from ganray.voice.torch_engine import TorchEngine


def imitate(
    speaker: Speaker,
    recording: np.ndarray,
    text: str,
    delivery: Delivery,
    *,
    seed: int = 0,
    lexicon: Lexicon | None = None,
) -> Speech:
    """A text as someone says it in `recording`, (T,) at the voice's rate.

    Raises:
        UsageError: There is no word in the text, or a speed is asked for.
        DataError: The recording does not say the text, as far as the voice can tell.
    """
    engine = speaker.engine
    assert isinstance(engine, TorchEngine)
    if delivery.speed != 1 or delivery.pauses != 1:
        raise UsageError("the recording gives the rhythm", mend="leave speed and pauses out")
    labels = delivery.labelled(engine.labels)
    spoken = speaker.front_end.phonemize(text, lexicon=lexicon, language=delivery.reading(engine.labels))
    if not spoken.sentences:
        raise UsageError("nothing to say: there is no word in the text", mend="give a text with letters or digits")
    whole = replace(spoken.sentences[0], words=tuple(spoken.words))
    symbols, audio = speaker.symbols_of(whole), speaker.audio
    recording = normalise(recording, audio.sample_rate, PrepareConfig().loudness_lufs)
    recording = recording[: len(recording) // audio.hop_length * audio.hop_length]
    if len(recording) < symbols.shape[1] * audio.hop_length:
        raise _other_text(0.0)
    mel = torch.from_numpy(log_mel(recording, audio))[None].to(engine.device)
    f0 = torch.from_numpy(fundamental(recording, audio, PrepareConfig().f0))[None].to(engine.device)
    manner, certainty = engine.generator.copy_manner(torch.from_numpy(symbols).to(engine.device), mel, f0)
    if certainty < engine.generator.config.least_certainty:
        raise _other_text(certainty)
    asked = delivery.of(whole, audio)
    manner = replace(manner, pitch=asked.pitch, volume=asked.volume, pitch_range=asked.pitch_range, labels=labels)
    inputs, durations = engine.plan(symbols, seed, 0, manner)
    return Speech(engine.render(inputs), audio.sample_rate, speaker.words_of(whole, durations, 0))


def _other_text(certainty: float) -> DataError:
    return DataError(
        "the recording does not say this text, or the voice can't hear that it does",
        certainty=round(certainty, 3),
        mend="give the words as they are said, from the first to the last; another speaker may be too unlike the voice",
    )
