"""What every front-end offers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

from ganray.text.utterance import Sentence, Utterance

UNDETERMINED = "und"
"""BCP 47's tag of a language that nobody named."""


def named(language: str | None) -> str | None:
    """A language's tag; None where nobody named one, so that the front-end's own stands."""
    return None if language == UNDETERMINED else language


@runtime_checkable
class FrontEnd(Protocol):
    """Text in, phonemes out; the same text always gives the same phonemes.

    A voice records `name` and `version` and works with no other: a version changes whenever any text's phonemes may.
    """

    name: str
    version: str
    symbols: tuple[str, ...]
    """The whole inventory in a fixed order, padding first: a symbol's index is its embedding's."""

    def phonemize(
        self,
        text: str,
        *,
        lexicon: Mapping[str, tuple[str, ...]] | None = None,
        markup: bool = False,
        language: str | None = None,
    ) -> Utterance:
        """Sentences of words of phonemes.

        Args:
            text: Any Unicode.
            lexicon: Pronunciations that go before the front-end's own, from `ganray.text.read_lexicon`.
            markup: Whether `text` holds the SSML subset and `[[inline phonemes]]`.
            language: BCP 47 tag of the text; None, or `und`: the front-end's own.

        Raises:
            UsageError: Markup that is wrong, with its line and column and what is allowed there; or a language that
                it doesn't read.
        """
        ...

    def stream(
        self,
        pieces: Iterable[str],
        *,
        lexicon: Mapping[str, tuple[str, ...]] | None = None,
        language: str | None = None,
    ) -> Iterator[Sentence]:
        """The sentences of a text that comes in pieces, each as soon as it has ended: those of `phonemize`."""
        ...
