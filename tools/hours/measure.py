"""Does `ganray prepare` need more memory for more speech?  python tools/hours/measure.py [--hours 1.5 6 24]

Makes the longest corpus once (see speech.py), prepares the first so many hours of it, each in a program of its own, and
looks once a second at what the driver, the largest worker, Ray and its object store hold. Nothing but the JSON is left,
or, with --keep, the datasets too.

Example:
    .venv/bin/python tools/hours/measure.py --hours 1.5 6 24 --out hours.json
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from memory import Watch
from speech import part, spoken, takes


def prepared(corpus: Path, out: Path, here: bool, settings: list[str]) -> dict[str, Any]:
    """What `ganray prepare` says of it, and what it held in memory."""
    sets = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "ganray", "prepare", str(corpus), "--out", str(out), "--json", *sets]
    began = time.perf_counter()
    # Ray's workers are otherwise nice to all else, so that the clock would say little.
    with subprocess.Popen(
        [*command, *(["--here"] if here else [])],
        stdout=subprocess.PIPE,
        env=os.environ | {"RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"},
    ) as program:
        watch = Watch(program.pid)
        said, _ = program.communicate()
        watch.close()
    if program.returncode:
        raise SystemExit(f"prepare ended with {program.returncode}: {said.decode()}")
    told = json.loads(said)
    # As many moments as fit a curve; the peaks are of all.
    seen = watch.seen[:: max(1, len(watch.seen) // 120)]
    return {
        "clips": sum(its["clips"] for its in told["splits"].values()),
        "dropped": len(told["dropped"]),
        "faults": told["faults"],
        "seconds": round(time.perf_counter() - began, 1),
        "times_real_time": told["times_real_time"],
        "peak_mb": {name: round(mb) for name, mb in sorted(watch.peaks.items())},
        "seen": seen,
    }


def main() -> None:
    """Make the speech, prepare parts of it, and say what each held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=[1.5, 6, 24])
    parser.add_argument(
        "--spoken-minutes", type=float, default=75, help="What hibari-tts says; the rest is made of it."
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ganray-hours")
    parser.add_argument("--here", action="store_true", help="In one process, without Ray.")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, help="Keep the JSON here, too.")
    parser.add_argument("--keep", action="store_true", help="Leave the speech and the datasets in --folder.")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    listing, whole = told.folder / "takes.json", told.folder / "takes"
    if not listing.exists():
        sentences = spoken(told.folder / "spoken", told.spoken_minutes)
        listing.write_text(json.dumps(takes(whole, sentences, max(told.hours))))
        del sentences
    made = json.loads(listing.read_text())
    rows = []
    for hours in told.hours:
        corpus, out = told.folder / f"corpus-{hours:g}", told.folder / f"dataset-{hours:g}"
        shutil.rmtree(corpus, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        seconds = part(whole, made, corpus, hours)
        row = {"hours": round(seconds / 3600, 3)} | prepared(corpus, out, told.here, told.settings)
        rows.append(row)
        print({key: value for key, value in row.items() if key != "seen"}, file=sys.stderr, flush=True)
        if told.out:
            told.out.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
        if not told.keep:
            shutil.rmtree(out, ignore_errors=True)
    if not told.keep:
        shutil.rmtree(told.folder, ignore_errors=True)
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
