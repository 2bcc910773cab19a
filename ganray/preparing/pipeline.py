"""The Ray Data pipeline: chunks of recordings go out, chunks of prepared clips come back in the same order."""

import hashlib
import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import ray
import soundfile

from ganray.config.prepare import PrepareConfig
from ganray.data.corpus import Recording
from ganray.data.schema import COLUMNS

if TYPE_CHECKING:
    from ganray.preparing.clip import PreparedClip

_SAID = ("id", "text", "speaker", "language", "style")
_TODO = pa.schema([(name, pa.string()) for name in (*_SAID, "split", "path")])
_DONE = pa.schema(
    [
        *(field.with_nullable(True) for field in COLUMNS),
        ("split", pa.string()),
        ("reason", pa.string()),  # null: usable
        ("digest", pa.string()),  # of the file and its text
        ("recorded_s", pa.float64()),  # length of the recording, before anything was done to it
    ]
)


def prepared(recordings: Sequence[Recording], splits: dict[str, str], config: PrepareConfig) -> Iterator[pa.Table]:
    """Prepare `recordings` on the connected cluster.

    Yields:
        Tables in the order of `recordings`: the columns of a dataset, `split`, `reason` (null where usable), `digest`
        and `recorded_s`.
    """
    if not recordings:
        return
    rows = [
        {name: getattr(r, name) for name in _SAID} | {"split": splits[r.id], "path": str(r.path and r.path.absolute())}
        for r in recordings
    ]
    # Chunks small enough that the bar moves and no core waits for another's last one, and not too many of them.
    size = max(4, min(64, len(rows) // 100))
    chunks = [pa.Table.from_pylist(rows[i : i + size], schema=_TODO) for i in range(0, len(rows), size)]
    _hush()
    pipeline = ray.data.from_arrow(chunks).map_batches(
        _prepare_chunk, batch_size=None, batch_format="pyarrow", fn_kwargs={"config": config}, num_cpus=1
    )
    pipeline.context.execution_options.preserve_order = True
    yield from pipeline.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2)


def _hush() -> None:
    """Our own bar is enough."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _prepare_chunk(chunk: pa.Table, config: PrepareConfig) -> pa.Table:
    return pa.Table.from_pylist([_prepare_row(row, config) for row in chunk.to_pylist()], schema=_DONE)


def _prepare_row(row: dict[str, str], config: PrepareConfig) -> dict[str, Any]:
    # Imported where it runs: the driver needs no torch, and starts seconds earlier.
    from ganray.preparing.clip import Unusable, prepare_clip
    from ganray.preparing.phonemes import spoken

    done: dict[str, Any] = {
        **{name: row[name] for name in (*_SAID, "split")},
        "digest": "",
        "recorded_s": 0.0,
    }
    try:
        content = Path(row["path"]).read_bytes()
        done["digest"] = hashlib.sha256(content + row["text"].encode()).hexdigest()
        done["recorded_s"] = _seconds(content)
        clip = prepare_clip(content, config)
        phonemes = spoken(row["text"], clip.num_samples // config.audio.hop_length, config, row["language"])
    except Unusable as error:
        return done | {"reason": error.message}
    except OSError as error:
        return done | {"reason": f"unreadable ({error.strerror or error})"}
    except Exception as error:  # one file, however odd, never ends the work on all the others
        return done | {"reason": f"failed ({type(error).__name__}: {error})"}
    return done | _columns(clip, phonemes)


def _columns(clip: "PreparedClip", phonemes: list[str]) -> dict[str, Any]:
    return {
        "phonemes": phonemes,
        "audio": clip.flac,
        "num_samples": clip.num_samples,
        "f0": clip.f0,
        "energy": clip.energy,
        "flags": [],
    }


def _seconds(content: bytes) -> float:
    try:
        return float(soundfile.info(io.BytesIO(content)).duration)
    except (soundfile.LibsndfileError, RuntimeError):
        return 0.0
