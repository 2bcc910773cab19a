"""A new voice takes over a name: looked at first, then tried on some of the requests, then live; or back as it was.

The old and the new one are both on the shelf of a running service and are asked through it, so that what is judged is
what its users would hear.
"""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests
import soundfile

from ganray.blind.heard import Sound as Loud
from ganray.blind.heard import ab_of
from ganray.config import AudioConfig
from ganray.errors import GanrayError, UsageError
from ganray.metrics import measure
from ganray.metrics.intervals import student
from ganray.serving import traffic
from ganray.serving.health import Sound
from ganray.serving.load import SENTENCES

LENGTHS = (0.67, 1.5)
"""Times the old voice's length: what a new one may need for the same sentences."""
POLL_S = 1.0
ATTEMPTS = 10
"""At a probe of a service that is busy: users go first."""
MOST_WORSE = 0.02
"""More failed, silent or clipped streams than the live voice's, as a share: where a canary is taken back."""


@dataclass(frozen=True)
class Service:
    """A running one.

    Args:
        url: Without /v1.
        key: An API key.
    """

    url: str
    key: str | None = None

    def get(self, path: str) -> dict[str, Any]:
        """A JSON answer.

        Raises:
            GanrayError: There is none.
        """
        return self._answer(requests.get, path, timeout=30).json()

    def say(self, voice: str, text: str) -> tuple[np.ndarray, int]:
        """A sentence, (T,), and its sample rate.

        Raises:
            GanrayError: There is none.
        """
        body = {"model": "tts-1", "voice": voice, "input": text, "response_format": "wav"}
        answer = self._answer(requests.post, "/v1/audio/speech", json=body, timeout=120)
        return _decoded(answer.content)

    def vocode(self, voice: str, clip: bytes) -> tuple[np.ndarray, int]:
        """A recording through a voice, the same way."""
        form = {"model": voice, "response_format": "wav", "stream": "false"}
        answer = self._answer(requests.post, "/v1/audio/vocode", data=form, files={"file": clip}, timeout=120)
        return _decoded(answer.content)

    def _answer(self, ask: Callable[..., requests.Response], path: str, **what: Any) -> requests.Response:
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            for _ in range(ATTEMPTS):
                answer = ask(f"{self.url}{path}", headers=headers, **what)
                if answer.status_code not in (429, 503):
                    break
                time.sleep(float(answer.headers.get("retry-after", 1)))
        except requests.RequestException as error:
            raise GanrayError(f"the service at {self.url} does not answer: {error}", mend="is it up? --url") from error
        if answer.status_code != 200:
            raise GanrayError(f"{path}: {answer.status_code} {answer.text[:300]}", mend="see the service's log")
        return answer


def _decoded(content: bytes) -> tuple[np.ndarray, int]:
    with soundfile.SoundFile(io.BytesIO(content)) as file:  # a streamed wav says that it is as long as can be
        return file.read(dtype="float32"), file.samplerate


@dataclass(frozen=True)
class Answer:
    """To a probe: what was heard, how it sounds, and how natural; None: that was not measured."""

    heard: Loud
    sound: Sound
    distillmos: float | None

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.heard[0]) / self.heard[1]

    def worse_than(self, other: "Answer") -> list[str]:
        """What speaks against it, beside another's answer to the same."""
        problems = []
        if self.sound.is_silent and not other.sound.is_silent:
            problems.append("it is silent")
        if self.sound.is_clipped and not other.sound.is_clipped:
            problems.append(f"it clips {self.sound.clipped} samples")
        ratio = self.seconds / max(other.seconds, 1e-3)
        if not LENGTHS[0] <= ratio <= LENGTHS[1]:
            problems.append(f"it is {ratio:.2f} times as long")
        return problems

    def as_json(self) -> dict[str, float | None]:
        """Its figures."""
        clipped = self.sound.clipped / max(self.sound.samples, 1)
        return {"seconds": self.seconds, "clipped": clipped, "distillmos": self.distillmos}


@dataclass
class Examination:
    """What the probes showed; `problems` speak against the new voice."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    sounds: dict[str, dict[str, Loud]] = field(default_factory=dict)
    """Voice → probe → (T,) and its sample rate, of the probes that both answered."""
    better: str | None = None
    """The mean difference in DistillMOS with its 95 % interval; None: it was not measured."""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems


def examine(service: Service, old: str, new: str, clips: Sequence[Path] = (), listen: bool = True) -> Examination:
    """Old and new on the same probes: sentences, or recordings where `clips` are given.

    Args:
        service: That serves both.
        old: Name of the live voice.
        new: Of the new one.
        clips: Recordings, for voices of kind mel.
        listen: Measure DistillMOS: needs `ganray[evaluate]`.

    Raises:
        GanrayError: The service does not answer.
    """
    found, differences = Examination(sounds={old: {}, new: {}}), []
    for probe in clips or SENTENCES:
        name = probe.name if isinstance(probe, Path) else probe
        before = _asked(service, old, probe, listen)
        try:
            after = _asked(service, new, probe, listen)
        except GanrayError as error:
            found.problems.append(f"{error}: {name}")
            continue
        found.rows.append({"probe": name, "old": before.as_json(), "new": after.as_json()})
        found.sounds[old][name], found.sounds[new][name] = before.heard, after.heard
        found.problems += [f"{problem}: {name}" for problem in after.worse_than(before)]
        if before.distillmos is not None and after.distillmos is not None:
            differences.append(after.distillmos - before.distillmos)
    if len(differences) > 1:
        interval = student(differences)
        found.better = str(interval)
        if interval.high < 0:
            found.problems.append(f"it sounds worse beyond chance: DistillMOS by {interval}")
    return found


def _asked(service: Service, voice: str, probe: Path | str, listen: bool) -> Answer:
    if isinstance(probe, Path):
        waveform, rate = service.vocode(voice, probe.read_bytes())
    else:
        waveform, rate = service.say(voice, probe)
    sound = Sound()
    sound.hear(waveform)
    audible = listen and not sound.is_silent
    score = measure("distillmos", waveform, sample_rate=rate, audio=AudioConfig()) if audible else None
    return Answer((waveform, rate), sound, score)


def watch(service: Service, route: traffic.Route, seconds: float, tell: Callable[[str], None]) -> list[str]:
    """How the canary does beside the live voice while requests come; what speaks against it, as soon as it does.

    Raises:
        GanrayError: The service does not answer.
    """
    assert route.canary is not None
    names = {"live": route.live, "canary": route.canary}
    before: dict[str, dict[str, dict[str, Any]]] = {"live": {}, "canary": {}}
    now: dict[str, dict[str, dict[str, Any]]] = {"live": {}, "canary": {}}
    until = time.monotonic() + seconds
    while True:
        for which, name in names.items():
            health = service.get(f"/v1/audio/voices/{name}/health")
            before[which].setdefault(health["front"], health)
            now[which][health["front"]] = health
        counts = {which: _since(before[which], now[which]) for which in names}
        problems = _worse(counts["canary"], counts["live"])
        tell(
            f"canary: {counts['canary']['streams']} streams, {counts['canary']['bad']} bad; "
            f"live: {counts['live']['streams']}, {counts['live']['bad']}"
        )
        if problems or time.monotonic() >= until:
            return problems
        time.sleep(min(POLL_S, max(0.0, until - time.monotonic())))


def _since(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> dict[str, int]:
    def grown(name: str) -> int:
        return sum(now[front][name] - before[front][name] for front in now)

    return {"streams": grown("streams"), "bad": grown("failed") + grown("silent") + grown("clipped")}


def _worse(canary: dict[str, int], live: dict[str, int]) -> list[str]:
    bad = canary["bad"] / max(canary["streams"], 1)
    usual = live["bad"] / max(live["streams"], 1)
    if canary["bad"] and bad > usual + MOST_WORSE:
        return [f"{canary['bad']} of {canary['streams']} streams were bad, {100 * usual:.0f} % of the live voice's"]
    return []


def promote(
    service: Service,
    shelf: str | Path,
    name: str,
    voice: str,
    *,
    share: float = 0.0,
    watch_s: float = 60.0,
    clips: Sequence[Path] = (),
    listen: bool = True,
    ab: str | Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Let `voice` answer to `name`, unless something speaks against it.

    Args:
        service: That runs, with both on its shelf.
        shelf: Its folder, or URI.
        name: That requests give.
        voice: The new one's folder on the shelf.
        share: Of the requests that it gets for `watch_s`, 0 to 1; 0: none, it is looked at alone.
        watch_s: Seconds.
        clips: As for `examine`.
        listen: As for `examine`.
        ab: Folder for a blind A/B test of both on the probes, also where the new one is refused; None: none is made.
        tell: Gets a line now and then.

    Returns:
        What was done and why, as JSON; `ab` holds the test's id and its page.

    Raises:
        UsageError: It answers to the name already, the service has no such voice or another shelf, or a vocoder has no
            recordings as its probes.
        GanrayError: The service does not answer; whatever was tried is taken back.
    """
    known = {model["id"]: model["kind"] for model in service.get("/v1/models")["data"]}
    live = traffic.read(shelf).get(name, traffic.Route(name)).live
    for wanted in (live, voice):
        if wanted not in known:
            raise UsageError(f"the service has no voice {wanted}", mend=f"it has {', '.join(sorted(known))}")
    if live == voice:
        raise UsageError(f"{voice} answers to {name} already", mend="see: ganray serve history")
    if known[voice] == "mel" and not clips:
        raise UsageError(f"{voice} reads no text, so recordings are its probes", mend="give some: --probe CLIP.wav")
    tell(f"{voice} and {live} on {len(clips or SENTENCES)} probes")
    found = examine(service, live, voice, clips, listen)
    done: dict[str, Any] = {
        "name": name,
        "old": live,
        "new": voice,
        "distillmos": found.better,
        "probes": found.rows,
        "ab": None,
    }
    why: dict[str, Any] = {"distillmos": found.better}
    texts = {} if clips else {sentence: sentence for sentence in SENTENCES}
    if ab is not None and (made := ab_of(found.sounds, ab, title="Which do you prefer?", texts=texts)):
        tell(f"to be heard blind: {made.page}")
        done["ab"] = {"test": made.test, "page": str(made.page)}
        why["ab"] = made.test
    if not found.passed:
        traffic.write_down(shelf, name, "refused", live=live, canary=voice, problems=found.problems, **why)
        return done | {"what": "refused", "problems": found.problems}
    if share:
        route = traffic.Route(live, voice, share)
        traffic.turn(shelf, name, route, "canary", **why)
        try:
            problems = watch(service, route, watch_s, tell)
        except BaseException as error:
            traffic.turn(shelf, name, traffic.Route(live), "rolled back", problems=[str(error) or "interrupted"])
            raise
        if problems:
            traffic.turn(shelf, name, traffic.Route(live), "rolled back", problems=problems)
            return done | {"what": "rolled back", "problems": problems}
    traffic.turn(shelf, name, traffic.Route(voice), "live", before=live, **why)
    return done | {"what": "live", "problems": []}


def roll_back(shelf: str | Path, name: str) -> str:
    """The voice that answered to `name` before the present one does so again; its name.

    Raises:
        UsageError: There was none.
    """
    now = traffic.read(shelf).get(name)
    made_live = [entry for entry in traffic.history(shelf) if entry["name"] == name and entry["what"] == "live"]
    before = [entry["before"] for entry in made_live if now and entry["live"] == now.live]
    if not before:
        raise UsageError(f"nothing answered to {name} before", mend="see: ganray serve history")
    traffic.turn(shelf, name, traffic.Route(before[-1]), "rolled back", problems=["by hand"])
    return before[-1]
