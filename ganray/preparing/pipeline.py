"""The Ray Data pipeline: chunks of recordings go out, chunks of prepared clips come back in the same order."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from ganray.config.prepare import PrepareConfig
from ganray.data.recording import Recording
from ganray.preparing.stages import SAID, TODO, prepare_chunk


def prepared(
    recordings: Sequence[Recording],
    known: Mapping[str, str],
    config: PrepareConfig,
    *,
    here: bool = False,
    only_audit: bool = False,
) -> Iterator[pa.Table]:
    """Prepare `recordings`, all of which have a source, on the connected cluster.

    Args:
        recordings: What is to be prepared.
        known: Id → where an earlier run left it.
        config: What to make.
        here: In this process, without Ray.
        only_audit: Make nothing of them.

    Yields:
        Tables of `stages.DONE`, in the order of `recordings`.
    """
    if not recordings:
        return
    if here:
        yield from (prepare_chunk(chunk, config, only_audit) for chunk in _chunks(recordings, known, config, 1))
        return
    import ray

    from ganray.provisioning import pools

    _hush()
    cores = int(ray.cluster_resources().get("CPU", 1))
    pipeline = ray.data.from_arrow(_chunks(recordings, known, config, cores)).map_batches(
        prepare_chunk,
        batch_size=None,
        batch_format="pyarrow",
        fn_kwargs={"config": config, "only_audit": only_audit},
        num_cpus=1,
        resources=pools.share("prepare"),
    )
    pipeline.context.execution_options.preserve_order = True
    yield from pipeline.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2)


def _chunks(
    recordings: Sequence[Recording], known: Mapping[str, str], config: PrepareConfig, cores: int
) -> list[pa.Table]:
    """Small, so that the bar moves, every core has several, and a long corpus takes no larger workers. But of some
    seconds, and where each clip is judged or listened to, a few are: between two chunks a core waits .2 s for Ray,
    which with chunks of fifteen clips that are not was a quarter of its time."""
    most = 16 if config.judge or config.listen else 64
    size = max(4, min(most, len(recordings) // max(24, 4 * cores)))
    return [_chunk(recordings[i : i + size], known) for i in range(0, len(recordings), size)]


def _chunk(recordings: Sequence[Recording], known: Mapping[str, str]) -> pa.Table:
    rows = []
    for recording in recordings:
        assert recording.source is not None
        row = {name: getattr(recording, name) for name in SAID}
        rows.append(row | {"source": json.dumps(recording.source.document()), "known": known.get(recording.id)})
    return pa.Table.from_pylist(rows, schema=TODO)


def _hush() -> None:
    """Our own bar is enough."""
    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
