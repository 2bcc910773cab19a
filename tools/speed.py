"""How fast a text voice speaks, how soon, and in how much memory, beside hibari-tts where that is installed.

python tools/speed.py VOICE [--json]

On one core: the engines take turns in one process, so that a machine whose speed swings treats them alike; the figures
are medians of CPU time. Memory and the way from the shell to the file are those of `ganray say`, by itself.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

TEXT = "The birch canoe slid on the smooth planks, and nobody on the far shore saw where it went that evening."
ROUNDS = 12


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    document = {"say": of_command(asked.voice)}  # before anything else is loaded
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    engines, first = engines_of(asked.voice)
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(ROUNDS + 2):
        for name, say in engines.items():
            begun = time.process_time()
            seconds = say()
            if turn >= 2:
                speeds[name].append(seconds / (time.process_time() - begun))
    document["times_real_time"] = {name: round(median(all_of), 1) for name, all_of in speeds.items()}
    if "hibari" in speeds:
        turns = list(zip(*speeds.values(), strict=True))
        against = list(speeds).index("hibari")
        ratios = {name: median(t[i] / t[against] for t in turns) for i, name in enumerate(speeds)}
        document["over_hibari"] = {name: round(ratio, 2) for name, ratio in ratios.items()}
    document["first_sound_ms"] = {
        name: round(median(timed(begin) for _ in range(9)), 1) for name, begin in first.items()
    }
    print(json.dumps(document) if asked.json else "\n".join(f"{key}: {value}" for key, value in document.items()))


def of_command(voice: str) -> dict[str, float]:
    """Seconds and megabytes of `ganray say`, from the shell to the file; the better of two."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            begun = time.perf_counter()
            command = [sys.executable, "-m", "ganray", "say", TEXT, "-o", f"{folder}/out.wav", "--voice", voice]
            subprocess.run(command, check=True, capture_output=True)
            took.append(time.perf_counter() - begun)
    return {"seconds": round(min(took), 2), "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024}


def engines_of(path: str) -> tuple[dict[str, Callable[[], float]], dict[str, Callable[[], object]]]:
    """Name → what says the text and returns its seconds, and name → what makes its first block."""
    import torch

    from ganray.voice import Delivery, Voice, open_reader

    torch.set_num_threads(1)
    voice, reader, delivery = Voice.load(path), open_reader(path, num_threads=1), Delivery()
    engines = {"onnx": lambda: reader.say(TEXT, delivery).seconds, "torch": lambda: voice.say(TEXT).seconds}
    first = {"onnx": lambda: next(reader.speak(TEXT, delivery)), "torch": lambda: next(voice.speak(TEXT))}
    try:
        from hibari import Hibari
    except ImportError:
        return engines, first
    hibari = Hibari()
    return engines | {"hibari": lambda: len(hibari(TEXT)) / 24_000}, first


def timed(begin: Callable[[], object]) -> float:
    """Milliseconds of CPU."""
    begun = time.process_time()
    begin()
    return 1e3 * (time.process_time() - begun)


if __name__ == "__main__":
    main()
