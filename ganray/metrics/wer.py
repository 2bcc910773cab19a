"""WER: how many of a text's words a recogniser of English does not understand."""

import re
import threading
from functools import lru_cache
from typing import Any

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError
from ganray.metrics.base import audible, extra, needed_text

RATE = 16_000
_one_at_a_time = threading.Lock()


def wer(text: str | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Edits from the words that are heard to those of `text`, over their number.

    English only. Heard by PocketSphinx with the models that its wheel carries; numbers and abbreviations as ganray's
    front-end says them.

    Raises:
        DataError: The estimate is silent, or there is no word in the text.

    Source: Levenshtein 1966, over words and divided by those of the text, as NIST's sclite does it; Huggins-Daines et
    al., "PocketSphinx", ICASSP 2006.
    """
    from torchaudio.functional import edit_distance

    from ganray.audio import resample, to_pcm16
    from ganray.text import front_end

    audible(estimate, "estimate")
    wanted = words(front_end("english").phonemize(needed_text(text, "wer")).spoken)
    if not wanted:
        raise DataError("there is no word in the text")
    samples = to_pcm16(resample(estimate, sample_rate, RATE))
    with _one_at_a_time:
        decoder = _decoder()
        decoder.reinit_feat()  # what it learned of the last voice must not help or harm this one
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
    return edit_distance(wanted, words(heard.hypstr if heard else "")) / len(wanted)


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("’", "'"))


@lru_cache(maxsize=1)
def _decoder() -> Any:
    """The recogniser, loaded once a process."""
    return extra("pocketsphinx", needed_for="WER").Decoder(samprate=RATE, loglevel="FATAL")
