"""Whether two workers judge clips twice as fast as one, and find the same.

python tools/evaluate_workers.py VOICE DATASET [--split train] [--clips 500] [--measures loudness,mel,stft,pesq]

Each number of workers is an evaluation of its own, from nothing, on a Ray that starts for it: seconds are from the call
to the written report, so that start and loading of the voice count. On a machine that does other work they say nothing:
how many cores were busy, for whomever, is told.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console

from ganray.evaluating import evaluate


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("dataset")
    parser.add_argument("--split", default="train")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--measures", default="loudness,mel,stft,pesq")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rounds, found = [], []
    for workers in asked.workers:
        with tempfile.TemporaryDirectory() as folder:
            began, busy = time.perf_counter(), busy_s()
            report = evaluate(
                asked.voice, asked.dataset, asked.split, measures=asked.measures.split(","), clips=asked.clips,
                out=Path(folder) / "report", workers=workers,
            )  # fmt: skip
            seconds = time.perf_counter() - began
            rounds.append({"workers": workers, "seconds": round(seconds, 1),
                           "busy_cores": round((busy_s() - busy) / seconds, 2)})  # fmt: skip
            found.append([(clip.id, clip.rows) for clip in report.per_clip])
    most, least = max(rounds, key=lambda its: its["workers"]), min(rounds, key=lambda its: its["workers"])
    document = {
        "clips": len(found[0]), "measures": asked.measures, "cores": os.cpu_count(), "rounds": rounds,
        "times_as_fast": round(least["seconds"] / most["seconds"], 3),
        "same_figures": all(json.dumps(its) == json.dumps(found[0]) for its in found),
    }  # fmt: skip
    if asked.json:
        print(json.dumps(document))
        return
    console = Console(width=120)
    for its in rounds:
        console.print(f"{its['workers']} workers: {its['seconds']} s, {its['busy_cores']} cores busy, others' work too")
    same = "the same figures" if document["same_figures"] else "OTHER FIGURES"
    console.print(f"{document['times_as_fast']} × as fast, {same} of {document['clips']} clips")


def busy_s() -> float:
    """Seconds that all cores together have worked since the machine started, for whomever."""
    user, nice, system, *rest = (int(ticks) for ticks in Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + sum(rest[2:4])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
