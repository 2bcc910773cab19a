"""Verbs one after the other: what ended is not done again, what was begun goes on.

Each step's record lies in `STORAGE/pipelines/NAME/STEP.json`: its command, the record it came after, and the document
that it printed. A step is done where its command and what it came after are what they were; so a change of one step
does all later ones again. The pipeline itself remembers nothing: killed anywhere, the same command goes on.
"""

import contextlib
import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ganray.config.pipeline import REFERENCE, PipelineConfig, StepConfig
from ganray.data.storage import Storage, place
from ganray.errors import DataError, GanrayError
from ganray.provisioning.stopping import STEP, is_step

_NOTHING_THERE = (2, 4)
"""Exit codes of a verb that finds nothing to resume: it was killed before it wrote anything."""
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PDEATHSIG = 1
"""prctl's PR_SET_PDEATHSIG: the signal that comes when the parent is gone."""
Record = dict[str, Any]


class Stopped(GanrayError):
    """Somebody ended the pipeline; the same command goes on."""

    exit_code = 130


class Failed(GanrayError):
    """A step ended with an error, whose exit code is kept."""

    def __init__(self, message: str, *, mend: str = "", **rest: Any) -> None:
        super().__init__(message, mend=mend, **rest)
        self.exit_code = int(self.facts.get("code", 1))


def run(pipeline: PipelineConfig, tell: Callable[[str], None]) -> Record:
    """Do what is not done.

    Args:
        pipeline: The config.
        tell: Takes a line for every step.

    Returns:
        {pipeline, did, had, steps: {name: document}}.

    Raises:
        Failed: A step ended with an error.
        Stopped: SIGTERM or Ctrl-C came; the step was told, and ended.
        DataError: A step printed no document, or a value that a later one uses is not in it.
    """
    store, folder = Storage(place(pipeline.storage)), f"pipelines/{pipeline.name}"
    known: dict[str, Any] = {"name": pipeline.name, "storage": pipeline.storage}
    did, had, after = [], [], 0.0
    for number, (name, step) in enumerate(pipeline.steps.items(), 1):
        command, file = _filled(step.run, known, name), f"{folder}/{name}.json"
        record, head = _read(store, file), f"[{number}/{len(pipeline.steps)}] {name}"
        same = record.get("command") == command and record.get("after") == after
        if same and "document" in record:
            tell(f"{head}: ended before")
            had.append(name)
        else:
            _gate(step, known, name)
            resume = _filled(step.resume, known, name) if same and step.resume else []
            store.put_bytes(_text({"command": command, "after": after}), file)
            record = {"command": command, "after": after, "document": _do(command, resume, head, tell)}
            record["ended"] = time.time()
            store.put_bytes(_text(record), file)
            did.append(name)
        after, known[name] = record["ended"], record["document"]
    steps = {name: known[name] for name in pipeline.steps}
    return {"pipeline": pipeline.name, "did": did, "had": had, "steps": steps}


def _do(command: list[str], resume: list[str], head: str, tell: Callable[[str], None]) -> Record:
    """Run a step; the document that it printed. What it says besides goes to stderr, as it comes."""
    began, code, out = time.monotonic(), -1, ""
    for words in filter(None, (resume, command)):
        tell(f"{head}: $ {shlex.join(words)}")
        try:
            child = subprocess.Popen(
                [*words, "--json"], stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_end_with_us,
                env=os.environ | {STEP: "1"},
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"{head} does not start: {error}", code=2, mend="look at PATH, and at its `run`") from error
        with _passed_on(child) as told:
            out = child.communicate()[0]
        code = child.returncode
        if told:
            raise Stopped(f"{head} was stopped", mend="the same command goes on from here")
        if code not in _NOTHING_THERE:
            break
    if code:
        why = _document(out).get("error", {}).get("message", "it says why above")
        raise Failed(f"{head} ended with {code}: {why}", code=code, mend="mend it; the same command goes on from here")
    tell(f"{head}: {time.monotonic() - began:.0f} s")
    return _document(out)


def _end_with_us() -> None:
    """A step is interrupted when the pipeline is killed: a second one would go on with the run that it still trains.

    Linux alone can do that. And Ctrl-C is how a step is told: it hears it even where the pipeline itself was begun deaf
    to it, in a shell's background, or by Ray, which blocks it in all that it starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if _LIBC:
        _LIBC.prctl(_PDEATHSIG, signal.SIGINT)


@contextlib.contextmanager
def _passed_on(child: subprocess.Popen) -> Iterator[list[int]]:
    """SIGTERM and Ctrl-C go to the step, which ends as it ends on its own; the signals that came.

    A pipeline that is a step itself listens to Ctrl-C alone, as `stop_as_ctrl_c` does, lest it tells its step twice.
    """
    came: list[int] = []

    def pass_on(number: int, _: Any) -> None:
        came.append(number)
        child.send_signal(signal.SIGINT)

    heard = {signal.SIGTERM: signal.SIG_IGN if is_step() else pass_on, signal.SIGINT: pass_on}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _gate(step: StepConfig, known: Mapping[str, Any], name: str) -> None:
    """Raise where the values that a step waits for are not good enough."""
    bounds = [(key, bound, 1) for key, bound in step.at_least.items()]
    bounds += [(key, bound, -1) for key, bound in step.at_most.items()]
    for key, bound, sign in bounds:
        value = _value(key, known, name)
        if not isinstance(value, int | float) or sign * value < sign * bound:
            wanted = f"at {'least' if sign > 0 else 'most'} {bound:g}"
            raise Failed(f"{name} is not begun: {key} is {value}, {wanted} is wanted", mend="what is there stays")


def _filled(command: str, known: Mapping[str, Any], name: str) -> list[str]:
    """Words of a command, each with its references replaced: a value never becomes several words."""
    return [REFERENCE.sub(lambda one: str(_value(one[1], known, name)), word) for word in shlex.split(command)]


def _value(key: str, known: Mapping[str, Any], name: str) -> Any:
    value: Any = known
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            keys = ", ".join(value) if isinstance(value, Mapping) else "nothing"
            raise DataError(f"{name}: there is no {part} in {{{key}}}", mend=f"there is {keys}")
        value = value[part]
    return value


def _document(out: str) -> Record:
    try:
        document = json.loads(out or "{}")
    except ValueError as error:
        raise DataError(
            "a step printed no JSON document", got=out[:200], mend="every ganray verb has --json"
        ) from error
    return document if isinstance(document, dict) else {"value": document}


def _read(store: Storage, file: str) -> Record:
    try:
        return json.loads(store.read(file))
    except (FileNotFoundError, ValueError):
        return {}


def _text(record: Record) -> bytes:
    return json.dumps(record, default=str, indent=1).encode()
