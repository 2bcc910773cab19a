"""PER: how many of a text's phonemes a recogniser of phonemes does not hear."""

import threading
from functools import lru_cache
from typing import Any

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError
from ganray.metrics.base import audible, extra, needed_text

RATE = 16_000
_FOLD = {
    "ʌ": "ə", "ɐ": "ə", "ᵊ": "ə", "ɜ": "ə", "ɨ": "ɪ", "ᵻ": "ɪ", "ɔ": "ɑ", "ɒ": "ɑ", "ɾ": "t", "ɡ": "g", "ɫ": "l",
    "r": "ɹ", "d͡ʒ": "dʒ", "t͡ʃ": "tʃ", "ɝ": "ə ɹ", "ɚ": "ə ɹ", "oʊ": "o", "eɪ": "e",
}  # fmt: skip
"""What dictionaries write differently and listeners do not tell apart."""
_one_at_a_time = threading.Lock()


def per(text: str | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Edits from what is heard to `text`'s phonemes, over their number; stress and allophones don't count.

    English only. Heard by hama's network, read by ganray's front-end.

    Raises:
        DataError: The estimate is silent, or there is no word in the text.

    Source: Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966, over phonemes
    as NIST's sclite does it over words; hama's recogniser.
    """
    from torchaudio.functional import edit_distance

    audible(estimate, "estimate")
    phonemes = wanted(needed_text(text, "per"))
    if not phonemes:
        raise DataError("there is no word in the text")
    return edit_distance(phonemes, [phoneme for phoneme, _ in heard(estimate, sample_rate)]) / len(phonemes)


def wanted(text: str) -> list[str]:
    """Phonemes of an English text, as `heard` would have them."""
    from ganray.text import front_end
    from ganray.text.symbols import SPOKEN

    symbols = front_end("english").phonemize(text).flat
    return folded([symbol.lstrip("ˈˌ") for symbol in symbols if symbol in SPOKEN])


def heard(waveform: np.ndarray, sample_rate: int, begins_s: float = 0.0) -> list[tuple[str, float]]:
    """What is heard in `waveform`, (T,): phonemes, and the second at which each begins, after `begins_s`."""
    from ganray.audio import resample

    with _one_at_a_time:
        model = _model()
        spans = model.phoneme_spans(model(resample(waveform, sample_rate, RATE), RATE))
    return [(part, begins_s + span.start_ms / 1000) for span in spans for part in folded([span.phoneme])]


def folded(phonemes: list[str]) -> list[str]:
    """Phonemes without the differences that don't count."""
    return [part for phoneme in phonemes for part in _FOLD.get(phoneme, phoneme).split()]


@lru_cache(maxsize=1)
def _model() -> Any:
    """The recogniser, loaded once a process."""
    return extra("hama", needed_for="PER").ASRModel()
