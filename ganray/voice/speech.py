"""Text becomes speech: sentence by sentence, block by block, in constant memory."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from ganray.errors import UsageError
from ganray.text import FrontEnd, Sentence
from ganray.text.symbols import BREAK
from ganray.voice.delivery import Delivery
from ganray.voice.engine import Engine, Inputs
from ganray.voice.stream import stream

PARAGRAPH_S = 0.4
"""Silence after a paragraph, besides the sentence's own."""
Lexicon = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SpokenWord:
    """When a word is heard.

    Attributes:
        text: As it stands in the source.
        start: Where it begins there, in characters.
        end: Where it ends.
        start_s: Seconds from the beginning of the speech.
        end_s: The same.
        phonemes: Each with its own start_s and end_s.
    """

    text: str
    start: int
    end: int
    start_s: float
    end_s: float
    phonemes: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Block:
    """A stretch of speech.

    Attributes:
        waveform: (T,) float32.
        words: Of the sentence that begins with this block; none with the others.
    """

    waveform: np.ndarray
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True)
class Speech:
    """A text, said.

    Attributes:
        waveform: (T,) float32 in [-1, 1].
        sample_rate: Hz.
        words: When each word is heard.
    """

    waveform: np.ndarray
    sample_rate: int
    words: tuple[SpokenWord, ...]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.waveform) / self.sample_rate


class Speaker:
    """A text generator and its front-end.

    Args:
        engine: What computes it.
        front_end: The one it was trained with.
    """

    def __init__(self, engine: Engine, front_end: FrontEnd) -> None:
        self.engine, self.front_end = engine, front_end
        self.audio = engine.audio
        self._place = {symbol: number for number, symbol in enumerate(front_end.symbols)} | {BREAK: 0}

    def speak(
        self,
        text: str | Iterable[str],
        delivery: Delivery,
        *,
        seed: int = 0,
        lexicon: Lexicon | None = None,
        markup: bool = False,
        first_frames: int = 24,
        growth: int = 21,
        block_frames: int = 512,
    ) -> Iterator[Block]:
        """Blocks of speech, as soon as they are made; of a text in pieces, as soon as its sentences end.

        Raises:
            UsageError: There is no word in the text, or its markup is wrong; before the first block.
        """
        labels = delivery.labelled(self.engine.labels)
        sentences = self._sentences(text, lexicon, markup, delivery.reading(self.engine.labels))
        first = next(sentences, None)
        if first is None:
            raise UsageError("nothing to say: there is no word in the text", mend="give a text with letters or digits")
        return self._blocks(chain([first], sentences), delivery, labels, seed, first_frames, growth, block_frames)

    def must_be_as_said(self, text: str, language: str | None = None) -> None:
        """See to it that no word of a text is said as others, as `25` or `Dr.` would be.

        Raises:
            UsageError: One is; before anything is made.
        """
        for sentence in self.front_end.stream([text], language=language):
            for word in sentence.words:
                if _letters(word.spoken) != _letters(word.text):
                    raise UsageError(
                        f"{word.text!r} is not written as it is said",
                        got=f"characters {word.start} to {word.end}",
                        mend=f"write {word.spoken!r}, or leave normalize on",
                    )

    def say(
        self, text: str, delivery: Delivery, *, seed: int = 0, lexicon: Lexicon | None = None, markup: bool = False
    ) -> Speech:
        """All of a text at once.

        Raises:
            UsageError: As `speak`.
        """
        at_once = {"first_frames": 2**31, "block_frames": 2**31}
        blocks = list(self.speak(text, delivery, seed=seed, lexicon=lexicon, markup=markup, **at_once))
        words = tuple(word for block in blocks for word in block.words)
        return Speech(np.concatenate([block.waveform for block in blocks]), self.audio.sample_rate, words)

    def _sentences(
        self, text: str | Iterable[str], lexicon: Lexicon | None, markup: bool, language: str | None
    ) -> Iterator[Sentence]:
        if markup:
            whole = text if isinstance(text, str) else "".join(text)
            return iter(self.front_end.phonemize(whole, lexicon=lexicon, markup=True, language=language).sentences)
        return self.front_end.stream([text] if isinstance(text, str) else text, lexicon=lexicon, language=language)

    def _blocks(
        self,
        sentences: Iterable[Sentence],
        delivery: Delivery,
        labels: np.ndarray,
        seed: int,
        first_frames: int,
        growth: int,
        block_frames: int,
    ) -> Iterator[Block]:
        done = 0
        for number, sentence in enumerate(sentences):
            inputs, durations = self._plan(sentence, delivery, labels, seed, number)
            words = self.words_of(sentence, durations, done)
            begin = block_frames if number else first_frames
            for waveform in stream(self.engine, inputs, begin, growth, block_frames):
                yield Block(waveform, words)
                done, words = done + len(waveform), ()
            if sentence.ends_paragraph:
                silence = np.zeros(round(PARAGRAPH_S * delivery.pauses * self.audio.sample_rate), np.float32)
                yield Block(silence)
                done += len(silence)

    def _plan(
        self, sentence: Sentence, delivery: Delivery, labels: np.ndarray, seed: int, number: int
    ) -> tuple[Inputs, np.ndarray]:
        manner = replace(delivery.of(sentence, self.audio), labels=labels)
        return self.engine.plan(self.symbols_of(sentence), seed, number, manner)

    def symbols_of(self, sentence: Sentence) -> np.ndarray:
        """(1, P) int64, with silence before and after."""
        return np.array([[0, *(self._place[symbol] for symbol in sentence.phonemes), 0]], np.int64)

    def words_of(self, sentence: Sentence, durations: np.ndarray, done: int) -> tuple[SpokenWord, ...]:
        """When each word is heard, (P,) frames a symbol after `done` samples."""
        ends = np.cumsum(durations)[1:-1] * self.audio.hop_length + done
        starts = ends - durations[1:-1] * self.audio.hop_length
        of = np.array(sentence.word_of)
        rate = self.audio.sample_rate
        spoken, symbols = [], sentence.phonemes
        for index, word in enumerate(sentence.words):
            places = np.flatnonzero(of == index)
            if len(places):
                begins, stops = float(starts[places[0]] / rate), float(ends[places[-1]] / rate)
                timed = tuple((symbols[at], float(starts[at] / rate), float(ends[at] / rate)) for at in places)
                spoken.append(SpokenWord(word.text, word.start, word.end, begins, stops, timed))
        return tuple(spoken)


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())
