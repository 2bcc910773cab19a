"""What Prometheus sees of the service, besides what Ray counts itself: see serve/grafana.json.

All are counted by voice; Ray adds the deployment, the replica and the node.
"""

from ray.util.metrics import Counter, Gauge, Histogram

_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10]
_BY_VOICE = ("voice",)


class ForReplica:
    """Of a generator."""

    def __init__(self) -> None:
        self._audio = Counter("ganray_audio_seconds", "Seconds of audio made.", _BY_VOICE)
        self._work = Counter("ganray_work_seconds", "Seconds of work in them.", _BY_VOICE)
        self._block = Histogram("ganray_block_seconds", "Seconds of audio in a block.", _SECONDS, _BY_VOICE)
        self._backlog = Gauge("ganray_backlog_seconds", "Seconds of audio promised and not made.")
        self._voices = Gauge("ganray_voices_loaded", "Voices in memory.")
        self._load = Histogram("ganray_voice_load_seconds", "Seconds to load a voice.", _SECONDS, _BY_VOICE)

    def block(self, voice: str, audio_s: float, work_s: float, backlog_s: float) -> None:
        """A block was made."""
        tags = {"voice": voice}
        self._audio.inc(max(audio_s, 1e-9), tags)
        self._work.inc(max(work_s, 1e-9), tags)
        self._block.observe(audio_s, tags)
        self.backlog(backlog_s)

    def backlog(self, seconds: float) -> None:
        """What is promised changed."""
        self._backlog.set(seconds)

    def loaded(self, voice: str, seconds: float) -> None:
        """A voice was loaded."""
        self._load.observe(seconds, {"voice": voice})

    def standing(self, backlog_s: float, voices: int) -> None:
        """How things are, said again and again: a gauge that nobody sets is soon forgotten."""
        self._backlog.set(backlog_s)
        self._voices.set(voices)


class ForIngress:
    """Of the HTTP front."""

    def __init__(self) -> None:
        self._first = Histogram("ganray_first_audio_seconds", "From a request to its first audio.", _SECONDS, _BY_VOICE)
        self._factor = Histogram(
            "ganray_real_time_factor", "Seconds of a response by seconds of its audio.", _SECONDS, _BY_VOICE
        )
        self._ends = Counter("ganray_streams", "Streams by their end: whole, failed, refused, left.", ("voice", "end"))
        self._dry = Counter("ganray_under_runs", "Streams whose listener waited for a block.", _BY_VOICE)

    def first_audio(self, voice: str, seconds: float) -> None:
        """A stream's first block is there."""
        self._first.observe(max(seconds, 1e-9), {"voice": voice})

    def ended(self, voice: str, end: str, audio_s: float, seconds: float, dry: bool) -> None:
        """A stream has ended."""
        self._ends.inc(1, {"voice": voice, "end": end})
        if audio_s:
            self._factor.observe(seconds / audio_s, {"voice": voice})
        if dry:
            self._dry.inc(1, {"voice": voice})
