"""What is said in a recording, in a front-end's symbols."""

from ganray.config.prepare import PrepareConfig
from ganray.preparing.clip import Unusable
from ganray.text import front_end

AROUND = 2
"""Symbols that a text voice adds: the silence before and after."""


def spoken(text: str, num_frames: int, config: PrepareConfig, language: str | None = None) -> list[str]:
    """All symbols of a text, in order; none without a front-end.

    Args:
        text: As it stands in the corpus.
        num_frames: Of the recording: an alignment gives each symbol one frame at least.
        config: Names the front-end, and says how long a phoneme may be.
        language: BCP 47 tag of the text; None, or `und`: the front-end's own.

    Raises:
        Unusable: Nothing of the text can be spoken, or it can't all have been said in this time.
        ConfigError: There is no such front-end, or it isn't installed.
    """
    if config.phonemes_by is None:
        return []
    symbols = front_end(config.phonemes_by).phonemize(text, language=language).flat
    if not symbols:
        raise Unusable("no phonemes (nothing of its text can be spoken)")
    if len(symbols) + AROUND > num_frames:
        raise Unusable(f"text does not fit ({len(symbols)} phonemes in {num_frames} frames)")
    seconds, (least, most) = num_frames / config.audio.frame_rate_hz / len(symbols), config.limits.phoneme_s
    if not least <= seconds <= most:
        raise Unusable(
            f"text does not fit ({len(symbols)} phonemes of {seconds:.3f} s; limits.phoneme_s is {least:g} to {most:g})"
        )
    return symbols
