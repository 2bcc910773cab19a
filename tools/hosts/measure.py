"""Several hosts for real: what survives when one of them is cut off, and in how many seconds. Linux, root.

Three hosts of cluster/rack.yaml, one for Redis and a laptop, each with its own address, processes and folders
(tools/hosts/host.py), are brought up as docs/cluster.md says: `ganray cluster certificates`, `render`, `ray up` over
ssh. On them a corpus is prepared, a recipe trained over two hosts, a sweep run, a voice served on the third, all
submitted from the laptop; then cables are taken out, lines made bad and the head's power cut. It prints what it did and
measured.

Needs Debian's iproute2, openssh-server, rsync and redis-server, and 8 GB of free memory.

Example:
    .venv/bin/python tools/hosts/measure.py --corpus recordings/
    .venv/bin/python tools/hosts/measure.py --corpus recordings/ --only train --only head --out hosts.json
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import host
import parts
import rack
import work


def main() -> int:
    """Do all parts, or those that are asked for; exit code 1 where one of them did not go as it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--corpus", type=Path, required=True, help="Recordings in LJSpeech layout; 24 of them are used."
    )
    parser.add_argument("--only", action="append", choices=[*parts.ALL], help="Only this part; may be repeated.")
    parser.add_argument("--out", type=Path, help="Write what was measured here, as JSON, after each part.")
    parser.add_argument("--keep", action="store_true", help="Keep the hosts' folder, with every log.")
    told = parser.parse_args()
    missing = host.missing() or rack.missing()
    if missing:
        print(f"skipped: {missing}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave no hosts behind
    folder = Path(tempfile.mkdtemp(prefix="ganray-hosts-", dir="/var/tmp"))
    try:
        measured = _measure(folder, told.corpus, told.only or [*parts.ALL], told.out)
    finally:
        if not told.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if any("failed" in table for table in measured.values()) else 0


def _measure(folder: Path, corpus: Path, wanted: list[str], out: Path | None) -> dict[str, Any]:
    if any(name in parts.ASK for name in wanted):
        wanted = list(dict.fromkeys(["serve", *wanted]))
    wanted = [name for name in parts.ALL if name in wanted]
    measured: dict[str, Any] = {}
    with rack.rack(folder) as found:
        _say("up", measured.setdefault("up", rack.up(found, rack.config())))
        found.tunnel()
        if not set(wanted) <= {"doctor", "serve", "down"}:
            _say("prepare", measured.setdefault("prepare", work.prepare(found, corpus)))
        for name in wanted:
            began, busy = time.monotonic(), os.getloadavg()[0]
            try:
                table = parts.ALL[name](found)
            except Exception as error:
                table = {"failed": f"{type(error).__name__}: {error}"}
                traceback.print_exc()
                found.calm()
            # Others' work on the same processors makes every figure larger.
            table["seconds of this part, and load before it"] = [work.since(began), round(busy, 1)]
            _say(name, measured.setdefault(name, table))
            if out:  # after every part: what was measured is kept whatever comes
                out.write_text(json.dumps(measured, indent=1) + "\n")
    return measured


def _say(name: str, table: dict[str, Any]) -> None:
    what = getattr(parts, name, None) or getattr(rack, name, None) or getattr(work, name)
    print(f"{name}: {what.__doc__.splitlines()[0]}")
    for key, value in table.items():
        print(f"  {key:<58}{value}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
