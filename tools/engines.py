"""Which way of computing a text voice is fastest on one core, in how much memory, and what each costs in quality.

    python tools/engines.py english --json > docs/results/engines.json

The ways take turns in one process, so that a machine whose speed swings treats them alike; memory is that of a process
which does nothing else. Quality is of the twenty sentences of `own_sentences.py`, and the log-mel's distance from what
torch says in fp32.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from own_sentences import SENTENCES

from ganray.voice.bench import TEXT

WAYS = ("torch fp32", "torch bf16", "torch compiled", "onnx fp32", "onnx int8")
PEAK = """
import re, sys
sys.path.insert(0, {here!r})
from engines import opened, TEXT
opened({way!r}, {folder!r})(TEXT)
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
Say = Callable[[str], Any]
"""Text → (T,) samples."""


def opened(way: str, folder: str) -> Say:
    """What says a text in one of the ways; `folder` holds `fp32` and `int8`, the voice with either kind of graphs."""
    from ganray.voice.delivery import Delivery

    if way.startswith("onnx"):
        from ganray.voice.reader import open_reader

        reader = open_reader(f"{folder}/{way.split()[1]}", 1)
        return lambda text: reader.say(text, Delivery()).waveform
    import torch

    from ganray.voice.bundle import Voice

    torch.set_num_threads(1)
    voice = Voice.load(f"{folder}/fp32")
    if way == "torch compiled":
        acoustic, vocoder = voice.generator.acoustic, voice.generator.vocoder
        for network in (acoustic.decoder, acoustic.pitch.network, vocoder.backbone):
            network.compile(dynamic=True)

    def say(text: str) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=way == "torch bf16"):
            return voice.say(text).waveform

    return say


def measure_all(source: str, rounds: int, ways: tuple[str, ...]) -> dict[str, Any]:
    """Way → what was measured of it."""
    from ganray.metrics import measure
    from ganray.metrics.intervals import bootstrap
    from ganray.voice.bench import _in_turn
    from ganray.voice.bundle import Voice, save_voice

    with tempfile.TemporaryDirectory() as folder:
        voice = Voice.load(source)
        for name, int8 in (("fp32", False), ("int8", True)):
            save_voice(
                Path(folder) / name,
                voice.generator,
                name=name,
                origin={},
                sample=None,
                half=True,
                graphs=True,
                int8=int8,
            )
        peaks = {}
        for way in ways:
            script = PEAK.format(here=str(Path(__file__).parent), way=way, folder=folder)
            done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
            peaks[way] = int(done.stdout.split()[-1]) // 1024
        says = {way: opened(way, folder) for way in ways}
        rate = voice.audio.sample_rate
        speeds = _in_turn({way: lambda say=say: len(say(TEXT)) / rate for way, say in says.items()}, rounds)
        whole = {}
        reference = [says["torch fp32"](text) for text in SENTENCES]
        for way, say in says.items():
            said = [say(text) for text in SENTENCES]
            scores = [measure("distillmos", one, sample_rate=rate, audio=voice.audio) for one in said]
            errors = [
                measure("per", one, text=t, sample_rate=rate, audio=voice.audio)
                for one, t in zip(said, SENTENCES, strict=True)
            ]
            away = [
                abs(voice.mel(a) - voice.mel(b)).mean() if len(a) == len(b) else None
                for a, b in zip(said, reference, strict=True)
            ]
            same = [float(value) for value in away if value is not None]
            whole[way] = {
                "times_real_time": round(median(speeds[way]), 1),
                "over_torch_fp32": round(
                    median(a / b for a, b in zip(speeds[way], speeds["torch fp32"], strict=True)), 2
                ),
                "rounds_times_real_time": [round(value, 2) for value in speeds[way]],
                "memory_mb": peaks[way],
                "distillmos": bootstrap(scores).as_json(),
                "per": bootstrap(errors).as_json(),
                "log_mel_away": round(sum(same) / len(same), 5) if same else None,
                "other_lengths": sum(value is None for value in away),
            }
        return whole


def main() -> None:
    """Print a table, or one JSON document."""
    from ganray.metrics.benches import machine

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measure_all(asked.voice, asked.rounds, tuple(dict.fromkeys(["torch fp32", *asked.ways])))
    if asked.json:
        print(json.dumps({"voice": asked.voice, "text": TEXT, "ways": found, "machine": machine()}))
        return
    print(f"{'':<16}{'x real time':>12}{'x torch':>9}{'MB':>6}{'DistillMOS':>12}{'PER':>7}{'log-mel':>9}")
    for way, its in found.items():
        row = (its["times_real_time"], its["over_torch_fp32"], its["memory_mb"])
        quality = (its["distillmos"]["mean"], its["per"]["mean"], its["log_mel_away"] or 0.0)
        print(f"{way:<16}{row[0]:>12}{row[1]:>9}{row[2]:>6}{quality[0]:>12.3f}{quality[1]:>7.3f}{quality[2]:>9.4f}")


if __name__ == "__main__":
    main()
