"""What the rack is given to do, as its user types it on the laptop, and how one sees from outside how far it is."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml
from host import ROOT
from rack import ADDRESSES, Rack

SMALL = (
    "generator.channels=32 generator.inner=64 generator.blocks=2 generator.f0_channels=16 generator.f0_blocks=1 "
    "discriminators.0.channels=[4,8] discriminators.0.periods=[2,3] discriminators.1.channels=2 data.batch_size=4 "
    "data.segment_length=4096 optim.discriminator.start_step=0 checkpoint.measure=mel validation.measures=[mel] "
    "validation.clips=2 validation.every_steps=100000 precision=fp32 log.every_steps=1 log.ledger=true"
)
"""Overrides by which source_filter_small learns in moments."""
SPEECH_PORT = 8000
SENTENCE = "Ships that pass in the night, and speak each other in passing."


def prepare(found: Rack, corpus: Path) -> dict[str, Any]:
    """`ganray prepare` as a job: the dataset that the others learn from."""
    (found.folder / "corpus").mkdir()
    lines = (corpus / "metadata.csv").read_text().splitlines()
    chosen = lines[:: max(1, len(lines) // 24)][:24]
    (found.folder / "corpus" / "metadata.csv").write_text("\n".join(chosen) + "\n")
    (found.folder / "corpus" / "wavs").mkdir()
    for line in chosen:
        for clip in (corpus / "wavs").glob(f"{line.split('|')[0]}.*"):
            shutil.copy(clip, found.folder / "corpus" / "wavs")
    began = time.monotonic()
    job = found.submit("prepare", "ganray prepare /mnt/corpus --out /mnt/data --set validation.max_clips=4")
    ended(found, job, "prepare")
    return {"clips": len(chosen), "seconds": since(began)}


def train(found: Rack, name: str, steps: int, more: str = "") -> subprocess.Popen:
    """A training of one to two workers as a job."""
    sets = " ".join(f"--set '{one}'" for one in [*SMALL.split(), *more.split(), f"schedule.max_steps={steps}"])
    verb = f"ganray train source_filter_small --data /mnt/data --storage /mnt/runs --name {name} {sets}"
    return found.submit(name, verb)


def tune(found: Rack, name: str, steps: int) -> subprocess.Popen:
    """A sweep of four trials of one worker as a job."""
    sweep = yaml.safe_load((ROOT / "tune_configs" / "smoke.yaml").read_text())
    pairs = [one.split("=", 1) for one in SMALL.split() if not one.startswith(("log.ledger", "validation.every"))]
    sweep["set"] |= {key: yaml.safe_load(value) for key, value in pairs}
    sweep["set"] |= {"validation.every_steps": steps // 2, "checkpoint.every_steps": 10}
    sweep |= {"name": name, "budget": {"steps": steps}, "scheduler": {"type": "fifo"}}
    (found.folder / f"{name}.yaml").write_text(yaml.safe_dump(sweep))
    return found.submit(name, f"ganray tune /mnt/{name}.yaml --data /mnt/data --storage /mnt/sweeps --name {name}")


def serve(found: Rack) -> dict[str, Any]:
    """`serve deploy` of the bundled English voice, open to the rack behind API keys; what a first request took."""
    document = yaml.safe_load((ROOT / "serve" / "local.yaml").read_text())
    document["http_options"]["host"] = "0.0.0.0"
    arguments = document["applications"][0]["args"]
    arguments["access"] = {"keys": "/mnt/keys.txt"}
    arguments["autoscaling"]["max_replicas"] = 1
    (found.hosts["laptop"].home / "service.yaml").write_text(yaml.safe_dump(document))
    key = found.laptop("ganray keys add keys.txt laptop").strip()
    (found.folder / "keys.txt").write_text((found.hosts["laptop"].home / "keys.txt").read_text())
    (found.hosts["laptop"].home / "key").write_text(key)
    found.laptop("ganray serve service.yaml --check")
    began = time.monotonic()
    found.laptop("RAY_DASHBOARD_ADDRESS=$RAY_ADDRESS serve deploy service.yaml")
    until = time.monotonic() + 300
    while not (answer := ask(found))["ok"]:
        if time.monotonic() > until:
            raise TimeoutError(f"the service does not answer: {answer}")
        time.sleep(1)
    unkeyed = ask(found, key="gr-wrong")["status"]
    return {"seconds until it spoke": since(began), "bytes": answer["bytes"], "without a key": unkeyed}


def ask(found: Rack, key: str = "$(cat ~/key)", patience_s: float = 30) -> dict[str, Any]:
    """A sentence of the service, from the laptop: {ok, status, bytes, seconds}."""
    body = json.dumps({"model": "tts-1", "voice": "default", "input": SENTENCE, "response_format": "wav"})
    url = f"http://{ADDRESSES['server']}:{SPEECH_PORT}/v1/audio/speech"
    curl = f"curl -s -m {patience_s} -o said.wav -w '%{{http_code}} %{{size_download}} %{{time_total}}'"
    done = found.on(
        "laptop", f"{curl} -H \"authorization: Bearer {key}\" -H 'content-type: application/json' -d '{body}' {url}"
    )
    status, size, seconds = done.stdout.split() if done.stdout else ("0", "0", "0")
    return {
        "ok": status == "200" and done.returncode == 0,
        "status": int(status),
        "bytes": int(size),
        "seconds": float(seconds),
    }


def ended(found: Rack, job: subprocess.Popen, name: str, patience_s: float = 600) -> None:
    """Wait until a submitted verb ended well."""
    if job.wait(patience_s):
        raise RuntimeError(f"{name} ended with {job.returncode}:\n{found.log(name).read_text()[-3000:]}")


def step(found: Rack, name: str) -> int:
    """Of a run, from its ledger."""
    return len(lines(found, name))


def lines(found: Rack, name: str) -> list[dict[str, Any]]:
    """A run's ledger: one line an update in the history of its weights. A line that is being written is left out."""
    path = found.folder / "runs" / name / "ledger.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def wait_for_step(found: Rack, name: str, wanted: int, job: subprocess.Popen, patience_s: float = 400) -> None:
    """Until a run has done so many updates."""
    until = time.monotonic() + patience_s
    while step(found, name) < wanted:
        if job.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{name} is at {step(found, name)} of {wanted}:\n{found.log(name).read_text()[-3000:]}")
        time.sleep(0.1)


def nothing_is_lost(found: Rack, name: str, steps: int) -> dict[str, Any]:
    """Whether the run's history has every update once, and every segment that the sampler draws, in its order."""
    from ganray.data import Dataset
    from ganray.data.sampler import SegmentSampler
    from ganray.gan.run import Run

    config, split = Run.open(found.folder / "runs" / name).config, Dataset.open(found.folder / "data").split("train")
    sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
    told = lines(found, name)
    keys = [key for line in told for key in line["keys"]]
    whole = [line["step"] for line in told] == list(range(1, steps + 1))
    return {
        "updates": len(told),
        "all once, in order": whole and keys == [sampler.draw(i).key for i in range(len(keys))],
    }


def since(began: float) -> float:
    """Seconds, rounded."""
    return round(time.monotonic() - began, 1)
