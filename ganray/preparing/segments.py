"""Long recordings with long texts, cut into the sentences that are said in them.

A recogniser of phonemes hears the recording, what it heard is aligned with the text's phonemes, and every sentence is
cut out at the quietest moments around it. What was said without being in the text, or the other way round, is left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganray.config.prepare import PrepareConfig
from ganray.data.recording import Recording
from ganray.data.source import Source
from ganray.preparing.alignment import places
from ganray.preparing.stages import digest_of, key_of

VERSION = "1"
"""Changes when other cuts are made."""
_BLOCK_S = 20.0
"""What the recogniser hears at once, at most."""
_HEARD = 0.4
"""Sentences of which a smaller share was heard don't say where their neighbours are."""
_MARGIN_S = 0.6
"""How far from its first and last phoneme a sentence may be cut."""


@dataclass(frozen=True)
class Segment:
    """A sentence of a recording.

    Attributes:
        text: The sentence.
        start_s: Where in the recording it begins.
        end_s: Where it ends.
        error: Share of its phonemes that were not heard there.
    """

    text: str
    start_s: float
    end_s: float
    error: float


def segments_of(waveform: np.ndarray, rate: int, text: str) -> list[Segment]:
    """The sentences of `text` in `waveform`, (T,) at `rate`, in order; `error` is 1 where nothing of one was heard.

    Raises:
        ConfigError: The recogniser isn't installed.
    """
    from ganray.metrics.per import heard, wanted
    from ganray.preparing.audit.measures import levels_db
    from ganray.text.sentences import split_sentences

    sentences = [span.text for span in split_sentences(text)]
    phonemes = [wanted(sentence) for sentence in sentences]
    levels = levels_db(waveform, rate)
    sounds = [sound for block in _blocks(waveform, rate, levels) for sound in heard(*block)]
    place = places([p for its in phonemes for p in its], [phoneme for phoneme, _ in sounds])
    times = np.array([second for _, second in sounds])
    bounds: list[tuple[float, float] | None] = []
    matched, at = [], 0
    for symbols in phonemes:
        own = place[at : at + len(symbols)]
        own = own[own >= 0]
        matched.append(len(own) / len(symbols) if symbols else 0.0)
        bounds.append((float(times[own[0]]), float(times[own[-1]])) if matched[-1] >= _HEARD else None)
        at += len(symbols)
    total = len(waveform) / rate
    found = []
    for number, sentence in enumerate(sentences):
        its = bounds[number]
        if its is None:
            found.append(Segment(sentence, 0.0, 0.0, round(1 - matched[number], 3)))
            continue
        before = next((b[1] for b in bounds[:number][::-1] if b), 0.0)
        after = next((b[0] for b in bounds[number + 1 :] if b), total)
        start = _quietest(levels, max(before, its[0] - _MARGIN_S), its[0])
        end = _quietest(levels, its[1], min(after, its[1] + _MARGIN_S))
        found.append(Segment(sentence, round(start, 3), round(min(end, total), 3), round(1 - matched[number], 3)))
    return found


def _blocks(waveform: np.ndarray, rate: int, levels: np.ndarray) -> Iterator[tuple[np.ndarray, int, float]]:
    """(part, rate, seconds before it) of some seconds, cut where it is quiet."""
    begin, total = 0.0, len(waveform) / rate
    while begin < total:
        end = total if begin + _BLOCK_S >= total else _quietest(levels, begin + _BLOCK_S / 2, begin + _BLOCK_S)
        yield waveform[round(begin * rate) : round(end * rate)], rate, begin
        begin = end


def _quietest(levels: np.ndarray, start_s: float, end_s: float) -> float:
    """The middle of the quietest tenth of a second, in seconds; `levels` are those of 20 ms every 10 ms."""
    first, last = round(100 * start_s), max(round(100 * start_s) + 1, round(100 * end_s))
    window = levels[first:last]
    if len(window) <= 10:
        return (start_s + end_s) / 2
    means = np.convolve(window, np.ones(10) / 10, "valid")
    return (first + int(np.argmin(means)) + 5) / 100


def cut(
    recordings: Sequence[Recording], known: Mapping[str, Any], config: PrepareConfig, *, here: bool
) -> tuple[list[Recording], list[tuple[str, str]], dict[str, Any]]:
    """Put the sentences of every long recording in its place.

    Args:
        recordings: All of them; those of more than `segments.over_s` with several sentences are cut.
        known: Key → cuts that were made before.
        config: Says which are long.
        here: In this process, without Ray.

    Returns:
        The recordings, (id, reason) of the sentences that were not found, and key → cuts, to be given as `known`.
    """
    if config.segments.by == "nothing":
        return list(recordings), [], {}
    long = [recording for recording in recordings if recording.source and _several(recording.text)]
    whole: dict[str, list[Recording]] = {}
    dropped, cuts = [], {}
    for recording, (key, its) in zip(long, _all(long, known, config.segments.over_s, here), strict=True):
        if its is None:
            continue
        cuts[key] = its
        parts = []
        for number, row in enumerate(its):
            segment, name = Segment(*row), f"{recording.id}-{number + 1:04d}"
            if segment.error > config.segments.max_error:
                why = (
                    f"{100 * segment.error:.0f} % of its phonemes; segments.max_error is {config.segments.max_error:g}"
                )
                dropped.append((name, f"not heard ({why})"))
                continue
            assert recording.source is not None
            base = recording.source.start_s
            source = replace(recording.source, start_s=base + segment.start_s, end_s=base + segment.end_s)
            parts.append(replace(recording, id=name, text=segment.text, source=source))
        whole[recording.id] = parts
    return [part for r in recordings for part in whole.get(r.id, [r])], dropped, cuts


def _all(
    recordings: Sequence[Recording], known: Mapping[str, Any], over_s: float, here: bool
) -> Iterable[tuple[str, list | None]]:
    """(key, cuts or None where it is short or can't be read) of each."""
    jobs = [(json.dumps(r.source.document()), r.text) for r in recordings if r.source]
    if here:
        return (_cuts(source, text, known, over_s) for source, text in jobs)
    import ray

    from ganray.provisioning import pools

    task, shared = ray.remote(num_cpus=1, resources=pools.share("prepare"))(_cuts), ray.put(dict(known))
    return (ray.get(waiting) for waiting in [task.remote(source, text, shared, over_s) for source, text in jobs])


def _cuts(source: str, text: str, known: Mapping[str, Any], over_s: float) -> tuple[str, list | None]:
    from ganray.preparing.decoding import Unusable, decode

    where = Source(**json.loads(source))
    try:
        content = where.read()
        waveform, rate = decode(content, where.start_s, where.end_s)
    except (OSError, Unusable):  # told when it is prepared
        return "", None
    if len(waveform) <= over_s * rate:
        return "", None
    key = key_of(digest_of(content, where.start_s, where.end_s), text, VERSION)
    if key in known:
        return key, known[key]
    found = segments_of(waveform - waveform.mean(dtype=np.float64).astype(np.float32), rate, text)
    return key, [[s.text, s.start_s, s.end_s, s.error] for s in found]


def _several(text: str) -> bool:
    from ganray.text.sentences import split_sentences

    sentences = split_sentences(text)
    return next(sentences, None) is not None and next(sentences, None) is not None
