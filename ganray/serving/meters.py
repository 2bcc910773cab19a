"""What Prometheus sees of the service, besides what Ray counts itself: see serve/grafana.json.

All are counted by voice; Ray adds the deployment, the replica and the node.
"""

from collections.abc import Collection, Mapping

from ray.util.metrics import Counter, Gauge, Histogram

_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10]
_FRAMES = [8, 16, 24, 32, 64, 128, 256, 512, 1024]
_BY_VOICE = ("voice",)


class ForReplica:
    """Of a generator."""

    def __init__(self) -> None:
        self._audio = Counter("ganray_audio_seconds", "Seconds of audio made.", _BY_VOICE)
        self._work = Counter("ganray_work_seconds", "Seconds of work in them.", _BY_VOICE)
        self._batch = Histogram("ganray_batch_frames", "Frames made in one call.", _FRAMES, _BY_VOICE)
        self._backlog = Gauge("ganray_backlog_seconds", "Seconds of audio promised and not made.", _BY_VOICE)
        self._open = Gauge("ganray_streams_open", "Streams taken on and not whole.", _BY_VOICE)
        self._voices = Gauge("ganray_voices_loaded", "1: the voice is in memory; 0: it made room.", _BY_VOICE)
        self._load = Histogram("ganray_voice_load_seconds", "Seconds to load a voice.", _SECONDS, _BY_VOICE)
        self._known: set[str] = set()

    def block(self, voice: str, audio_s: float, work_s: float, frames: int) -> None:
        """A block was made."""
        tags = {"voice": voice}
        self._audio.inc(max(audio_s, 1e-9), tags)
        self._work.inc(max(work_s, 1e-9), tags)
        self._batch.observe(max(frames, 1), tags)

    def loaded(self, voice: str, seconds: float) -> None:
        """A voice was loaded."""
        self._load.observe(max(seconds, 1e-9), {"voice": voice})

    def standing(self, promised: Mapping[str, tuple[int, float]], loaded: Collection[str]) -> None:
        """How things are, said again and again: a gauge that nobody sets is soon forgotten.

        Args:
            promised: Streams and audio seconds not made, of every voice that has any.
            loaded: Voices in memory.
        """
        self._known |= {*promised, *loaded}
        for voice in self._known:
            streams, seconds = promised.get(voice, (0, 0.0))
            self._open.set(streams, {"voice": voice})
            self._backlog.set(seconds, {"voice": voice})
            self._voices.set(int(voice in loaded), {"voice": voice})


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
