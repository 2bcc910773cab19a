"""What is tried on the rack, part by part; each gives a table of what was seen."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import work
from rack import ADDRESSES, Rack, settings
from work import since

Table = dict[str, Any]
LONG = 240
"""Updates of a training that something happens to."""
CUT = 40
"""The update before which nothing happens."""


def doctor(found: Rack) -> Table:
    """`ganray cluster doctor` on the head: what is not ok, and each line that is."""
    (found.hosts["server"].home / "rack.yaml").write_text((found.hosts["laptop"].home / "rack.yaml").read_text())
    done = found.on(
        "server", f"{settings()} ganray cluster doctor rack.yaml --address {ADDRESSES['server']}:6379 --json"
    )
    checks = {check["name"]: check for check in json.loads(done.stdout or "{}").get("checks", [])}
    told: Table = {"exit code": done.returncode}
    return told | {name: ("" if check["ok"] else "NOT OK: ") + check["detail"] for name, check in checks.items()}


def train(found: Rack) -> Table:
    """Two workers, each on a host of its own; none on the one that serves."""
    began = time.monotonic()
    job = work.train(found, "two", 60, "resources.num_workers=2")
    work.wait_for_step(found, "two", 1, job)
    told: Table = {"seconds to the first update": since(began), "workers on": running(found, "RayTrainWorker")}
    work.ended(found, job, "two")
    return told | {"seconds in all": since(began)} | work.nothing_is_lost(found, "two", 60)


def tune(found: Rack) -> Table:
    """Four trials of one worker, two at a time."""
    began, hosts = time.monotonic(), {}
    job = work.tune(found, "sweep", 20)
    while job.poll() is None:
        for name, count in running(found, "RayTrainWorker").items():
            hosts[name] = max(hosts.get(name, 0), count)
        time.sleep(2)
    work.ended(found, job, "sweep")
    return {"seconds": since(began), "workers at once on": hosts}


def serve(found: Rack) -> Table:
    """A sentence, and where it was said."""
    return work.serve(found) | {"replicas on": running(found, "ServeReplica:speech:Generator")}


def cut(found: Rack) -> Table:
    """A trainer's cable is taken out during a training, and put in again; the service is asked all the while."""
    job = work.train(found, "cut", LONG, "resources.num_workers=[1,2] checkpoint.every_steps=20")
    work.wait_for_step(found, "cut", CUT, job)
    with asking(found) as answers:
        told = {
            "before": f"{workers(found, 'cut')} workers",
            **_change(found, "cut", job, found.hosts["trainer2"].cut, 1),
        }
        back = time.monotonic()
        found.hosts["trainer2"].join()
        found.wait_for_nodes(3)
        told["seconds from the cable in to the machine back"] = since(back)
    if job.poll() is None and workers(found, "cut") == 1:
        _until(lambda: workers(found, "cut") == 2 or job.poll() is not None, back, 300)
        two = workers(found, "cut") == 2
        told["seconds from the cable in to two workers"] = since(back) if two else "it ended before"
    work.ended(found, job, "cut", 900)
    return told | work.nothing_is_lost(found, "cut", LONG) | _heard(answers)


def sweep(found: Rack) -> Table:
    """A trainer's cable is taken out during a sweep."""
    began = time.monotonic()
    job = work.tune(found, "cut-sweep", 160)
    trials = found.folder / "sweeps" / "cut-sweep" / "trials"
    # Two trials have a checkpoint, so that the one there has.
    _until(
        lambda: len({one.parent for one in trials.glob("*/checkpoints/step-*")}) > 1 or job.poll() is not None,
        began,
        600,
    )
    told: Table = {"seconds to both trials' checkpoints": since(began), "workers on": running(found, "RayTrainWorker")}
    found.hosts["trainer2"].cut()
    gone = time.monotonic()
    try:
        told["exit code"] = job.wait(900)
    finally:
        found.hosts["trainer2"].join()
    told["seconds from the cut to the end of all trials"] = since(gone)
    found.wait_for_nodes(3)
    rows = json.loads((trials.parent / "sweep.json").read_text())["trials"]
    events = [(one.parent.name, json.loads(line)) for one in trials.glob("*/events.jsonl") for line in one.open()]
    return told | {
        "trials": [" ".join(str(row[key]) for key in ("id", "status", "step", "message")) for row in rows],
        "went on": [
            f"{name} at {event['time']}: {event['event']}" for name, event in events if "went" in event["event"]
        ],
    }


def submit(found: Rack) -> Table:
    """The laptop's cable is taken out for 10 s while it follows a job."""
    job = work.train(found, "followed", LONG, "resources.num_workers=2")
    work.wait_for_step(found, "followed", CUT, job)
    before = work.step(found, "followed")
    found.hosts["laptop"].cut()
    time.sleep(10)
    told: Table = {"updates while it was away": work.step(found, "followed") - before}
    found.hosts["laptop"].join()
    back = time.monotonic()
    told["exit code of cluster submit"] = job.wait(900)
    told["seconds from the cable in to its end"] = since(back)
    _until(lambda: work.step(found, "followed") == LONG, back, 600)
    return told | work.nothing_is_lost(found, "followed", LONG)


def bad(found: Rack) -> Table:
    """A trainer's line loses 5 % of its packets and takes 20 ms each way; then the laptop's does."""
    job = work.train(found, "bad", LONG, "resources.num_workers=2")
    work.wait_for_step(found, "bad", CUT, job)
    told: Table = {"updates a second": _speed(found, "bad")}
    told["by"] = found.hosts["trainer2"].shape(delay_ms=20, loss_percent=5)
    told["updates a second behind the bad line"] = _speed(found, "bad")
    found.hosts["trainer2"].shape()
    told["updates a second after it"] = _speed(found, "bad")
    work.ended(found, job, "bad", 900)
    good = work.ask(found)
    found.hosts["laptop"].shape(delay_ms=20, loss_percent=5)
    worse = work.ask(found, patience_s=120)
    found.hosts["laptop"].shape()
    told |= work.nothing_is_lost(found, "bad", LONG)
    return told | {
        "seconds of a sentence": [good["seconds"], worse["seconds"]],
        "same bytes": good["bytes"] == worse["bytes"],
    }


def head(found: Rack) -> Table:
    """The head's power is cut during a training, and comes back a moment later; `ray up` is typed again."""
    job = work.train(found, "head", LONG, "resources.num_workers=2 checkpoint.every_steps=20")
    work.wait_for_step(found, "head", CUT, job)
    server, gone = found.hosts["server"], time.monotonic()
    server.off()
    told: Table = {"updates at the loss": work.step(found, "head")}
    server.on()
    found.sshd(server)
    up = "RAY_ADDRESS= ray up --yes --no-config-cache my-cluster/local.yaml"
    found.laptop(f"until ssh {server.address} true; do sleep 0.2; done; {up}")
    told["seconds from the loss to a head that is up"] = since(gone)
    told["seconds to the service's first answer, nobody deployed it again"] = _until(
        lambda: work.ask(found)["ok"], gone, 400
    )
    found.wait_for_nodes(3)
    told["seconds to three machines"] = since(gone)
    told["exit code of cluster submit"] = job.wait(300)
    told["seconds to its end"] = since(gone)
    told["the job is still listed"] = "submission_id='head'" in found.laptop("ray job list")
    again = found.submit("head-again", "ganray train --resume /mnt/runs/head")
    before = time.monotonic()
    work.ended(found, again, "head-again", 900)
    return told | {"seconds of the resumed training": since(before)} | work.nothing_is_lost(found, "head", LONG)


def running(found: Rack, what: str) -> dict[str, int]:
    """{host: its processes of that name}, where there are any."""
    counts = {
        name: found.on(name, f"pgrep -fc '^ray::{what}'").stdout.strip() for name in ("server", "trainer1", "trainer2")
    }
    return {name: int(count) for name, count in counts.items() if count not in ("", "0")}


def workers(found: Rack, name: str) -> int:
    """Of the newest update."""
    told = work.lines(found, name)
    return told[-1]["workers"] if told else 0


@contextlib.contextmanager
def asking(found: Rack) -> Iterator[list[tuple[float, bool]]]:
    """Inside, the service is asked for a sentence every two seconds: (when, whether it came)."""
    answers: list[tuple[float, bool]] = []
    end = threading.Event()

    def ask() -> None:
        while not end.wait(2):
            answers.append((time.monotonic(), work.ask(found)["ok"]))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        end.set()
        thread.join()


def _heard(answers: list[tuple[float, bool]]) -> Table:
    return {"sentences asked meanwhile": len(answers), "that failed": sum(not ok for _, ok in answers)}


def _change(found: Rack, name: str, job: Any, what: Callable[[], None], then: int) -> Table:
    """Do something to a run's machines; the seconds until it goes on with `then` workers, and what it did again."""
    what()
    began, before = time.monotonic(), work.step(found, name)
    taken = _until(lambda: workers(found, name) == then or job.poll() is not None, began, 400)
    first = next((line["step"] for line in work.lines(found, name) if line["workers"] == then), 0)
    return {f"seconds from the cut to an update of {then}": taken, "updates done again": before - first + 1}


def _speed(found: Rack, name: str, updates: int = 40, patience_s: float = 200) -> float:
    """Updates a second, over so many, or over what is done within patience."""
    before, began = work.step(found, name), time.monotonic()
    with contextlib.suppress(TimeoutError):
        _until(lambda: work.step(found, name) >= before + updates, began, patience_s)
    return round((work.step(found, name) - before) / (time.monotonic() - began), 2)


def _until(true: Callable[[], bool], began: float, patience_s: float) -> float:
    """Seconds from `began` to when it is true."""
    until = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {patience_s} s")
        time.sleep(0.2)
    return since(began)


def down(found: Rack) -> Table:
    """`ray down` on the laptop; what of Ray runs after it."""
    began = time.monotonic()
    found.laptop("RAY_ADDRESS= ray down --yes my-cluster/local.yaml")
    told: Table = {"seconds": since(began), "hosts with Ray then": _with_ray(found)}
    with contextlib.suppress(TimeoutError):
        _until(lambda: not _with_ray(found), began, 180)
    return told | {"seconds until no host has": since(began), "hosts with Ray at the end": _with_ray(found)}


def _with_ray(found: Rack) -> list[str]:
    return [name for name in ADDRESSES if found.on(name, "pgrep -f '[r]aylet/raylet|[g]cs_server'").stdout.strip()]


ALL: dict[str, Callable[[Rack], Table]] = {
    one.__name__: one for one in (doctor, train, tune, serve, cut, sweep, submit, bad, head, down)
}
"""In this order; `serve` is done before those that ask the service."""
ASK = ("cut", "bad", "head")
"""Those that ask the service."""
