"""What a text voice makes of a text: where it hears each phoneme in a recording, and what prosody it would choose."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ganray.audio import log_mel
from ganray.audio.pitch import fundamental
from ganray.config import AudioConfig
from ganray.config.prepare import PrepareConfig
from ganray.data.script import Script
from ganray.errors import UsageError
from ganray.models import Generator
from ganray.text import front_end
from ganray.text.manner import Manner
from ganray.text.utterance import Sentence
from ganray.voice.speech import Speaker
from ganray.voice.torch_engine import TorchEngine


@dataclass(frozen=True)
class Reading:
    """A text and a recording of it, as a text voice has them.

    Attributes:
        sentence: The text.
        phonemes: P symbols, silence first and last.
        symbols: (1, P).
        manner: The recording's rhythm, melody and energy.
        probabilities: (F, P) of phonemes at the recording's frames.
        durations: (P,) frames of each in the recording.
        own_durations: (P,) frames that the voice would choose.
        f0: (F,) Hz of the recording, 0 where unvoiced.
        own_f0: (F',) Hz that the voice would choose.
        certainty: How certain it is that this is what is said, 0 to 1.
    """

    sentence: Sentence
    phonemes: list[str]
    symbols: torch.Tensor
    manner: Manner
    probabilities: np.ndarray
    durations: np.ndarray
    own_durations: np.ndarray
    f0: np.ndarray
    own_f0: np.ndarray
    certainty: float

    def words(self) -> list[tuple[str, int, int]]:
        """(word, first frame, frame behind its last) in the recording."""
        ends = np.cumsum(self.durations)[1:-1]
        starts = ends - self.durations[1:-1]
        of = np.array(self.sentence.word_of)
        spans = []
        for index, word in enumerate(self.sentence.words):
            places = np.flatnonzero(of == index)
            if len(places):
                spans.append((word.text, int(starts[places[0]]), int(ends[places[-1]])))
        return spans


def read_along(generator: Generator, recording: np.ndarray, text: str, seed: int = 0) -> Reading:
    """Follow a recording, (T,) of whole frames, in its text.

    Raises:
        UsageError: There is no word in the text, or more phonemes than the recording has frames.
    """
    audio: AudioConfig = generator.audio
    speaker = Speaker(TorchEngine(generator), front_end(generator.config.front_end))
    spoken = speaker.front_end.phonemize(text)
    if not spoken.sentences:
        raise UsageError("there is no word in the text", mend="give what is said in the clip: --text")
    whole = replace(spoken.sentences[0], words=tuple(spoken.words))
    symbols = torch.from_numpy(speaker.symbols_of(whole))
    frames = len(recording) // audio.hop_length
    if frames < symbols.shape[1]:
        raise UsageError("the clip is too short for this text", frames=frames, phonemes=symbols.shape[1])
    mel = torch.from_numpy(log_mel(recording, audio))[None]
    f0 = torch.from_numpy(fundamental(recording, audio, PrepareConfig().f0))[None]
    num = [torch.tensor([size]) for size in (symbols.shape[1], frames)]
    none = torch.zeros(1, dtype=torch.int64)
    script = Script(symbols, num[0], mel.new_zeros(1, 0), f0, num[1], none, mel.new_zeros(1, 0))
    with torch.inference_mode():
        found = generator.align(script, mel)
        manner, certainty = generator.copy_manner(symbols, mel, f0)
        own, own_durations = generator.speak(symbols, torch.tensor([seed]))
    return Reading(
        whole,
        ["·", *whole.phonemes, "·"],
        symbols,
        manner,
        found.log_probs[0].softmax(-1).numpy(),
        found.durations[0].numpy(),
        own_durations[0].numpy(),
        f0[0].numpy(),
        (own["f0"] * own["voiced"])[0, 0].numpy() if "voiced" in own else own["f0"][0, 0].numpy(),
        certainty,
    )
