"""`espeak`, `espeak:de`: over a hundred languages by espeak-ng (GPL-3.0, an extra of its own).

One inventory serves all languages, so that one voice may speak several; what follows the colon is the one it reads
unless told otherwise.

Sentences, spans and pauses are ganray's; espeak-ng reads each word in its sentence's place, so numbers and the like
are its own. Plain text only, no markup.
"""

import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ganray.errors import ConfigError, UsageError
from ganray.text.contract import FrontEnd, named
from ganray.text.sentences import split_sentences
from ganray.text.symbols import BOUNDARY, BREAK, MARKS, PAD
from ganray.text.utterance import Sentence, Utterance, Word

PIP = "pip install espeakng-loader phonemizer-fork"
_SOUNDS = (
    "a b c d e f h i j k l m n o p q r s t u v w x y z æ ç ð ø ħ ŋ œ ɐ ɑ ɒ ɓ ɔ ɕ ɖ ɗ ɘ ə ɚ ɛ ɜ ɝ ɞ ɟ ɠ ɡ ɢ ɣ ɤ ɥ ɦ ɧ "
    "ɨ ɪ ɫ ɬ ɭ ɮ ɯ ɰ ɱ ɲ ɳ ɴ ɵ ɶ ɸ ɹ ɺ ɻ ɽ ɾ ʀ ʁ ʂ ʃ ʄ ʈ ʉ ʊ ʋ ʌ ʍ ʎ ʏ ʐ ʑ ʒ ʔ ʕ ʘ ʙ ʛ ʜ ʝ ʟ ʡ ʢ ʰ ʲ ˈ ˌ ː ˑ ˞ β θ χ ᵻ "
    "ᵊ ⱱ \u0303 \u0329 \u032a \u031d \u0361 1 2 3 4 5 6 7 8 9"
)
_OWN_NAME = {"en": "en-us", "fr": "fr-fr", "zh": "cmn", "no": "nb"}
"""Of languages that espeak-ng calls otherwise than BCP 47."""
_MARK = {",": ",", ";": ";", ":": ":", "!": "!", "?": "?", "—": "—", "–": "—", "…": "…", ".": "."}
_TOKEN = re.compile(r"[^\s.,;:!?…—–\"“”„«»()\[\]]+(?:[.,:]\w+)*|\.\.\.|[.,;:!?…—–]")


class Espeak:
    """espeak-ng as a front-end: one symbol a character of its IPA.

    Args:
        language: As espeak-ng names it: `de`, `en-us`, `fr-fr`.
    """

    symbols = (PAD, BOUNDARY, BREAK, *MARKS, *_SOUNDS.split())

    def __init__(self, language: str) -> None:
        _backend(language)
        self.name, self._language = f"espeak:{language}", language
        self.version = f"1+espeak.{importlib.metadata.version('espeakng_loader')}"
        self._known = frozenset(self.symbols)

    def phonemize(
        self,
        text: str,
        *,
        lexicon: Mapping[str, tuple[str, ...]] | None = None,
        markup: bool = False,
        language: str | None = None,
    ) -> Utterance:
        """See `FrontEnd.phonemize`.

        Raises:
            UsageError: `markup` is asked for.
        """
        if markup:
            raise UsageError("markup is read by the english front-end only", got=self.name)
        return Utterance(tuple(self.stream([text], lexicon=lexicon, language=language)))

    def stream(
        self,
        pieces: Iterable[str],
        *,
        lexicon: Mapping[str, tuple[str, ...]] | None = None,
        language: str | None = None,
    ) -> Iterator[Sentence]:
        """See `FrontEnd.stream`."""
        backend, own = _backend(named(language) or self._language), dict(lexicon or {})
        for span in split_sentences(pieces):
            words = self._words(backend, span.text, span.start, own)
            if words:
                yield Sentence(span.text, span.start, span.end, words, 0.0, span.ends_paragraph)

    def _words(self, backend: Any, text: str, offset: int, own: Mapping[str, tuple[str, ...]]) -> tuple[Word, ...]:
        tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
        spoken = [token for token, _ in tokens if token not in _MARK and token != "..."]
        said = iter(backend.phonemize(spoken, strip=True) if spoken else [])
        words: list[Word] = []
        for token, at in tokens:
            if token in _MARK or token == "...":
                if words:
                    words[-1] = _marked(words[-1], _MARK.get(token, "…"))
                continue
            symbols = tuple(symbol for symbol in next(said).replace("  ", " ") if symbol in self._known)
            symbols = own.get(token) or own.get(token.lower()) or symbols
            if any(symbol != BOUNDARY for symbol in symbols):
                words.append(Word(token, at + offset, at + offset + len(token), token.lower(), symbols))
        if words and words[-1].mark not in (".", "?", "!", "…"):
            words[-1] = _marked(words[-1], ".")
        return tuple(words)


def _marked(word: Word, mark: str) -> Word:
    return Word(word.text, word.start, word.end, word.spoken, word.phonemes, mark)


@lru_cache
def _backend(language: str) -> Any:
    """Of a language as espeak-ng names it, or as BCP 47 does.

    Raises:
        ConfigError: espeak-ng isn't installed, or lacks the language.
    """
    try:
        import espeakng_loader
        from phonemizer.backend import EspeakBackend
        from phonemizer.backend.espeak.wrapper import EspeakWrapper
    except ImportError:
        raise ConfigError("the espeak front-end needs espeak-ng, which is GPL-3.0", mend=PIP) from None
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    tag = language.lower()
    known = [
        name for name in (_OWN_NAME.get(tag, tag), tag, tag.split("-")[0]) if EspeakBackend.is_supported_language(name)
    ]
    if not known:
        raise ConfigError(f"espeak-ng has no language {language!r}", mend="its names are like de, en-gb, fr-fr, pt-br")
    return EspeakBackend(known[0], with_stress=True, punctuation_marks="…", language_switch="remove-flags")


def build(argument: str) -> FrontEnd:
    """espeak-ng in a language, US English by default.

    Raises:
        ConfigError: Its packages aren't installed, or it lacks the language.
    """
    return Espeak(argument or "en-us")
