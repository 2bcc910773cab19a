"""`ServeConfig`: everything that a service is, under `applications.0.args` of a Serve YAML.

The rest of that file is Ray Serve's own schema; `ganray.serving.document` checks both together.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from ganray.config.schema import Schema
from ganray.errors import Problem

Format = Literal["wav", "flac", "mp3", "opus", "aac", "pcm"]
"""What a response can be encoded as."""
VOICE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
VoiceName = Annotated[str, Field(pattern=f"^{VOICE_NAME}$")]
Origin = Annotated[str, Field(pattern=r"^(\*|https?://[A-Za-z0-9.:\[\]-]+)$")]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class LimitsConfig(Schema):
    """What a request may ask for."""

    max_upload_bytes: int = Field(25 * 2**20, ge=1024)
    """Largest upload, in bytes; reading stops there and the answer is a 413."""
    max_seconds: Seconds = 120.0
    """Longest recording or mel that may be vocoded, in seconds. A text has 4,096 characters at most."""
    patience_s: Seconds = 60.0
    """How long a client may take to send a request's body, or the next message over a WebSocket, or to take what it
    asked for; then it is let go."""
    stall_s: Seconds = 60.0
    """How long a replica may take for a block, the first one's wait for its turn and its voice included; then a request
    is given up: a 504, or the end of its stream."""
    formats: tuple[Format, ...] = Field(get_args(Format), min_length=1)
    """Formats that a response may have."""


class StreamConfig(Schema):
    """How long the blocks of a streamed response are. The audio does not depend on it."""

    first_frames: Count = 24
    """Mel frames of the first block: fewer are heard sooner."""
    growth: Count = 21
    """How many times as long as a block the next one is. A voice below 20 times real time wants 2: it must have made a
    block before the last one was heard."""
    block_frames: Count = 512
    """No block has more frames: longer ones cost less, and let others wait longer."""
    first_audio_s: Seconds = 0.1
    """When a listener wants the first block: a stream that is further ahead of its playback lets it pass."""


class ReplicaConfig(Schema):
    """One replica of the generator: a process that holds every voice."""

    threads: Count = 1
    """Torch threads, and CPU cores taken from the cluster. One is best: more replicas beat more threads."""
    gpus: float = Field(0, ge=0)
    """GPUs taken from the cluster, fractions allowed."""
    max_ongoing_requests: Count = 64
    """Requests that one replica works on at a time, the most urgent block first."""
    max_voices: Count = 8
    """Voices that it holds at a time; the one that was asked for longest ago makes room."""


class BoundsConfig(Schema):
    """How many replicas one voice has."""

    min_replicas: int = Field(0, ge=0)
    """Never fewer; 0 frees the machine when nobody asks for it."""
    max_replicas: Count = 1
    """Never more."""


class AutoscalingConfig(Schema):
    """How many replicas the generator has."""

    min_replicas: int = Field(1, ge=0)
    """Never fewer; 0 frees the machine when nobody asks, and the first to ask then waits for a start."""
    max_replicas: Count = 2
    """Never more."""
    policy: Literal["backlog", "requests"] = "backlog"
    """By what: the replicas' work, listeners and audio seconds promised; or Ray's count of requests."""
    drain_s: Seconds = 1.0
    """backlog: in how many seconds all that is promised shall be made."""
    first_wait_s: Seconds = 0.25
    """backlog: how long listeners may wait for their turn before their first audio; beyond it a replica is added."""
    target_ongoing_requests: float = Field(2, gt=0)
    """requests: how many a replica, running and waiting, the number of replicas aims at."""
    upscale_delay_s: float = Field(0.5, ge=0)
    """Seconds of more load than that before a replica is added."""
    downscale_delay_s: float = Field(60, ge=0)
    """Seconds of less load before one is taken away."""
    look_back_period_s: Seconds = 1.5
    """Seconds over which the load is averaged."""
    report_every_s: Seconds = 0.5
    """Seconds between two reports of the load; Ray's own default of 10 makes every decision 10 s late."""
    voices: dict[VoiceName, BoundsConfig] = Field(default_factory=dict)
    """Voices with replicas of their own, each scaled by what is asked of it alone. All others share."""


class QueueConfig(Schema):
    """What happens when more is asked than can be done: refuse at once, never hang."""

    max_queued_requests: int = Field(32, ge=0)
    """Requests that may wait for a replica, at each ingress replica."""
    status_code: Literal[429, 503] = 429
    """HTTP status of a refusal."""
    retry_after_s: Seconds = 1.0
    """What its Retry-After header says, in seconds, where no replica could tell."""
    most_wait_s: Seconds = 1.0
    """A replica that would begin later than that refuses, with a Retry-After computed from what it has promised."""


class IngressConfig(Schema):
    """The HTTP front: reads uploads, encodes responses, serves the page."""

    replicas: Count = 1
    """How many."""
    cpus: float = Field(0, ge=0)
    """CPU cores that each takes from the cluster's count; encoding is light."""
    max_ongoing_requests: Count = 1_024
    """Connections that one replica holds at a time, most of them slow or idle; beyond that they wait in Ray's proxy."""


class AccessConfig(Schema):
    """Who may ask."""

    keys: str | None = None
    """File of API keys, as `ganray keys add` writes it; read again when it changes. null: anyone who reaches the port.
    A relative one is looked for as voices are."""
    origins: tuple[Origin, ...] = ()
    """Whose web pages may ask from a browser, as `https://app.example`; `*`: anybody's. None: its own alone."""


class ListeningConfig(Schema):
    """Listening tests, and what comes back from their listeners."""

    tests: str | None = None
    """Folder of tests, each in a folder of its own as `ganray listen make` leaves it: /listen/ID gives its page to
    whoever has the address, and its answers are kept in its `results`. null: neither. A relative one is looked for as
    voices are."""
    max_result_bytes: int = Field(256 * 2**10, ge=1024)
    """Largest result, in bytes; reading stops there and the answer is a 413. A round takes some 200."""
    max_results: Count = 1000
    """Results that a test may have; the next one is a 409."""


class ServeConfig(Schema):
    """A service: which voices, under what limits, on how much of the cluster."""

    voices: dict[VoiceName, str] = Field(min_length=1)
    """Name → voice folder. A relative one: `ganray serve` looks where it runs, `serve deploy` where Ray was started."""
    default: str | None = None
    """The voice of requests that name none, or name `default`; the first of `voices` when left out."""
    shelf: str | None = None
    """Folder whose folders are voices, too, by their names; looked at every second: a new one needs no restart. Or a
    bucket's `s3://…`, looked at every five."""
    access: AccessConfig = AccessConfig()
    """Who may ask."""
    limits: LimitsConfig = LimitsConfig()
    """What a request may ask for."""
    stream: StreamConfig = StreamConfig()
    """How long the blocks of a streamed response are."""
    replica: ReplicaConfig = ReplicaConfig()
    """One replica of the generator."""
    autoscaling: AutoscalingConfig = AutoscalingConfig()
    """How many replicas the generator has."""
    queue: QueueConfig = QueueConfig()
    """What happens when more is asked than can be done."""
    ingress: IngressConfig = IngressConfig()
    """The HTTP front."""
    listening: ListeningConfig = ListeningConfig()
    """Listening tests, and what comes back from their listeners."""

    @property
    def default_voice(self) -> str:
        """The name behind `default`."""
        return self.default or next(iter(self.voices))

    @property
    def shared_voices(self) -> list[str]:
        """Those of `voices` that have no replicas of their own, the default voice first."""
        names = sorted(self.voices, key=lambda name: name != self.default_voice)
        return [name for name in names if name not in self.autoscaling.voices]

    @property
    def shares(self) -> bool:
        """Whether there are replicas that any other voice may come to."""
        return bool(self.shared_voices or self.shelf)


def serve_rules(config: ServeConfig) -> list[Problem]:
    """Every cross-field rule that `config` breaks; an empty list when all hold."""
    problems = []
    if config.default_voice not in config.voices:
        problems.append(
            Problem("default", config.default, f"no voice {config.default!r}", f"use one of {', '.join(config.voices)}")
        )
    elif "default" in config.voices and config.default_voice != "default":
        problems.append(
            Problem("default", config.default, "a voice is named default, and another is the default", "rename it")
        )
    low, high = config.autoscaling.min_replicas, config.autoscaling.max_replicas
    if low > high:
        problems.append(
            Problem("autoscaling.max_replicas", high, f"{high} is below min_replicas {low}", f"use {low} or more")
        )
    for name, bounds in config.autoscaling.voices.items():
        path = f"autoscaling.voices.{name}"
        if name not in config.voices and not config.shelf:
            problems.append(Problem(path, name, f"no voice {name!r}", f"use one of {', '.join(config.voices)}"))
        low, high = bounds.min_replicas, bounds.max_replicas
        if low > high:
            problems.append(
                Problem(f"{path}.max_replicas", high, f"{high} is below min_replicas {low}", f"use {low} or more")
            )
    every, back = config.autoscaling.report_every_s, config.autoscaling.look_back_period_s
    if back <= every:
        problems.append(
            Problem("autoscaling.look_back_period_s", back, f"{back:g} s hold no two reports", f"use {2 * every:g}")
        )
    return problems
