"""`bench prepare`: × real time of every stage on one core, of the whole on one core and on two, and of plain code.

All take turns on the same clips in one run, round after round, so that what else the machine does weighs on all alike;
figures are medians over the rounds. Where others keep the machine busy, core time says more than the clock does.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ganray.config.prepare import PrepareConfig
from ganray.errors import DataError
from ganray.preparing.peers import PEERS, Clip

Spent = tuple[float, float]
"""Seconds on the clock, and seconds of a core."""
_ONE = "one core"
_TWO = "two cores"


def bench_prepare(
    corpus: str | Path | None,
    config: PrepareConfig,
    *,
    minutes: float = 5.0,
    rounds: int = 3,
    peers: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure preparation on this machine.

    Args:
        corpus: Whose first `minutes` are prepared; None: speech that hibari-tts makes.
        config: What to make.
        minutes: Of recordings.
        rounds: How often each takes its turn.
        peers: Whether plain code takes turns too.
        tell: Called with a line of progress.

    Returns:
        `times_real_time` (on two cores, by the clock), `cores`, `stages` {stage: × real time of a core}, `one_core` and
        `two_cores` {times_real_time, core_times_real_time}, `two_cores_over_one`, `peers` {name: the same, and
        `two_cores_over_it`}, `clips`, `seconds`, `rounds`.

    Raises:
        DataError: The corpus has no recording that can be read.
    """
    from ganray.preparing.prepare import prepare
    from ganray.provisioning import connect

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clips, seconds = _clips(corpus, folder / "corpus", minutes, tell)
        tell(f"{len(clips)} clips, {seconds / 60:.1f} min: the stages, one after the other on one core")
        stages = [_stages(clips, config, folder) for _ in range(rounds)]
        plain = config.model_copy(update={"audit": False})
        options: dict[str, Any] = {"overwrite": True, "fresh": True, "quiet": True}
        # Ray's workers would let every other process of a busy machine go first, and the rest here doesn't.
        os.environ.setdefault("RAY_worker_niceness", "0")
        connect("local", num_cpus=2)
        tell("two cores, before it counts")
        whole = clips[0][0].parent.parent
        prepare(whole, folder / "out", config, **options)  # the workers' imports are no part of it
        turns: dict[str, Callable[[], Any]] = {
            _ONE: lambda: prepare(whole, folder / "one", config, here=True, **options),
            _TWO: lambda: prepare(whole, folder / "out", config, **options),
            f"{_TWO}, no audit": lambda: prepare(whole, folder / "out", plain, **options),
        }
        for name, peer in PEERS.items() if peers else ():
            turns[name] = _peer(peer, clips, folder, config)
        spent: dict[str, list[Spent]] = {name: [] for name in turns}
        for number in range(rounds):
            for name, turn in turns.items():
                tell(f"round {number + 1} of {rounds}: {name}")
                with _one_core(name not in (_TWO, f"{_TWO}, no audit")):
                    spent[name].append(_spent(turn))
    return _document(clips, seconds, rounds, stages, spent)


def _document(
    clips: list[Clip], seconds: float, rounds: int, stages: list[dict[str, float]], spent: dict[str, list[Spent]]
) -> dict[str, Any]:
    def speed(name: str) -> dict[str, float]:
        clock, core = (median(turn[kind] for turn in spent[name]) for kind in (0, 1))
        alone = {} if name.startswith(_TWO) else {"core_times_real_time": round(seconds / core, 1)}
        return {"times_real_time": round(seconds / clock, 1), **alone}

    def over(name: str, other: str) -> float:
        return round(median(b[0] / a[0] for a, b in zip(spent[name], spent[other], strict=True)), 2)

    without = f"{_TWO}, no audit"
    return {
        "times_real_time": speed(_TWO)["times_real_time"],
        "cores": os.cpu_count(),
        "stages": {name: round(seconds / median(s[name] for s in stages), 1) for name in stages[0]},
        "one_core": speed(_ONE),
        "two_cores": speed(_TWO),
        "two_cores_without_audit": speed(without),
        "two_cores_over_one": over(_TWO, _ONE),
        "peers": {
            name: speed(name) | {"two_cores_over_it": over(_TWO, name), "without_audit_over_it": over(without, name)}
            for name in PEERS
            if name in spent
        },
        "clips": len(clips), "seconds": round(seconds, 1), "rounds": rounds,
    }  # fmt: skip


def _clips(
    corpus: str | Path | None, folder: Path, minutes: float, tell: Callable[[str], None]
) -> tuple[list[Clip], float]:
    """Copies of the first recordings, in LJSpeech layout, and their seconds."""
    import soundfile

    from ganray.data import read_corpus
    from ganray.data.example import make_corpus
    from ganray.preparing.decoding import Unusable, decode

    if corpus is None:
        tell(f"making {minutes:g} min of speech")
        corpus = make_corpus(folder.with_name("made"), minutes)
    (folder / "wavs").mkdir(parents=True)
    clips: list[Clip] = []
    seconds, lines = 0.0, []
    for recording in read_corpus(corpus).recordings:
        if seconds >= 60 * minutes:
            break
        try:
            waveform, rate = decode(recording.source.read()) if recording.source else (np.zeros(0), 0)
        except (Unusable, OSError):
            continue
        if rate:
            path = folder / "wavs" / f"{len(clips):06d}.wav"
            soundfile.write(path, waveform, rate, subtype="PCM_16")
            lines.append(f"{path.stem}|{recording.text}")
            clips.append((path, recording.text))
            seconds += len(waveform) / rate
    if not clips:
        raise DataError(f"nothing of {corpus} can be read", mend="look at it with ganray corpus check")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return clips, seconds


def _stages(clips: list[Clip], config: PrepareConfig, folder: Path) -> dict[str, float]:
    """Stage → seconds of a core for all clips."""
    from ganray.preparing.audit.fingerprint import fingerprint
    from ganray.preparing.audit.measures import measure
    from ganray.preparing.clip import analysis_of, sound_of
    from ganray.preparing.decoding import Unusable, decode
    from ganray.preparing.phonemes import spoken
    from ganray.preparing.stages import listened

    names = ("read", "measure", "fingerprint", "sound", "pitch", "phonemes", "listen", "store")
    spent = dict.fromkeys(names if config.listen else [name for name in names if name != "listen"], 0.0)

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        spent[name] += time.process_time() - began

    for path, text in clips:
        with timed("read"):
            waveform, rate = decode(path.read_bytes())
        with timed("measure"):
            measure(waveform, rate)
        with timed("fingerprint"):
            fingerprint(waveform, rate)
        if config.listen:
            with timed("listen"):
                listened(text, waveform, rate)
        try:
            with timed("sound"):
                sound = sound_of(waveform, rate, config)
            with timed("pitch"):
                f0, energy = analysis_of(sound.samples, config)
            with timed("phonemes"):
                spoken(text, len(f0), config, config.language)
        except Unusable:
            continue
        with timed("store"):
            row = {"audio": [sound.flac], "f0": [f0], "energy": [energy]}
            pq.write_table(pa.table(row), folder / "row.parquet", compression="none")
    return spent


def _peer(peer: Callable[..., None], clips: list[Clip], folder: Path, config: PrepareConfig) -> Callable[[], None]:
    def turn() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            peer(clips, Path(out), config.audio)

    with tempfile.TemporaryDirectory(dir=folder) as out:
        peer(clips[:2], Path(out), config.audio)  # its imports, and what it compiles
    return turn


def _spent(turn: Callable[[], Any]) -> Spent:
    clock, core = time.perf_counter(), time.process_time()
    turn()
    return time.perf_counter() - clock, time.process_time() - core


@contextmanager
def _one_core(wanted: bool) -> Iterator[None]:
    """Threads of this process on one core, where the system can keep them there."""
    if not wanted or not hasattr(os, "sched_setaffinity"):
        yield
        return
    import torch

    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {min(before)})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        torch.set_num_threads(threads)
