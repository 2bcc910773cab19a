"""Who speaks, in which language, in which style: names become the weights that a text generator takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganray.errors import UsageError

Mixture = str | Mapping[str, float]
"""One name, or names and how much of each."""


@dataclass(frozen=True)
class Labels:
    """Names that a generator knows, each a weight: speakers, then languages, then styles.

    Attributes:
        speakers: Name → the languages in which they were recorded, their own first: "de", or "de en".
        languages: BCP 47 tags.
        styles: Names.
    """

    speakers: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> "Labels":
        """What tells the clips of a dataset apart, from its card; of one speaker, language and no style: nothing."""
        languages, styles = tuple(card.get("languages", ())), tuple(card.get("styles", ()))
        speakers = card.get("speakers", {})
        if isinstance(speakers, list):  # of a dataset that was prepared before speakers had languages
            speakers = dict.fromkeys(speakers, languages[0])
        several = len(speakers) > 1 or len(languages) > 1 or bool(styles)
        return cls(speakers, languages, styles) if several else cls()

    def __len__(self) -> int:
        return len(self.speakers) + len(self.languages) + len(self.styles)

    def language_of(self, speaker: Mixture | None) -> str | None:
        """What a speaker speaks unless told otherwise: of a mixture the first one's; of nobody the first speaker's."""
        names = [speaker] if isinstance(speaker, str) else list(speaker or self.speakers)
        return self._recorded(names[0])[0] if names and names[0] in self.speakers else None

    def weights(
        self, speaker: Mixture | None = None, language: str | None = None, style: Mixture | None = None
    ) -> np.ndarray:
        """(N,) float32 weights, N = len(self).

        Args:
            speaker: Who, or a mixture; None: the first.
            language: In what; None: the speaker's own. Who was never recorded in it keeps the weight of their own:
                where each speaker has a language to themselves, its weight is a part of who they are.
            style: How, or a mixture; None or "": no style in particular.

        Raises:
            UsageError: A name that isn't known, with those that are; where there are no labels, any name will do.
        """
        if not len(self):
            return np.zeros(0, np.float32)
        speaker, language = speaker or next(iter(self.speakers), None), self._known(language)
        speakers = _shares("speaker", speaker, tuple(self.speakers))
        _shares("language", language, self.languages)
        heard: dict[str, float] = {}
        for name, share in zip(self.speakers, speakers, strict=True):
            recorded = self._recorded(name)
            its = language if language in recorded else recorded[0]
            heard[its] = heard.get(its, 0.0) + share / (sum(speakers) or 1)
        languages = _shares("language", heard, self.languages)
        styles = _shares("style", style or None, self.styles)
        return np.array([*speakers, *languages, *styles], np.float32)

    def _recorded(self, speaker: str) -> list[str]:
        return self.speakers[speaker].split()

    def _known(self, language: str | None) -> str | None:
        """`en-GB` is `en` to a generator that knows no other English."""
        if language is None or language in self.languages:
            return language
        root = language.lower().split("-")[0]
        return next((known for known in self.languages if known.lower().split("-")[0] == root), language)


def _shares(kind: str, wanted: Mixture | None, known: tuple[str, ...]) -> list[float]:
    shares = {} if wanted is None else {wanted: 1.0} if isinstance(wanted, str) else dict(wanted)
    strange = next((name for name in shares if name not in known), None)
    if strange is not None:
        raise UsageError(f"the voice has no {kind} {strange!r}", mend=f"it has: {', '.join(known) or 'none'}")
    return [float(shares.get(name, 0.0)) for name in known]
