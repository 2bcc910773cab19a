"""A list of texts said by a voice, spread over a cluster with Ray Data: each worker loads the voice once.

What comes out is a corpus in LJSpeech layout, which `ganray prepare` reads. It is also how it goes on: a text whose
recording is there is not said again.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ganray.errors import GanrayError
from ganray.provisioning import pools
from ganray.provisioning.connect import connect
from ganray.speaking.texts import Text
from ganray.voice import Delivery, located, open_reader

_AT_ONCE = 16
_TODO = pa.schema([("id", pa.string()), ("text", pa.string())])
_DONE = pa.schema([("id", pa.string()), ("seconds", pa.float64()), ("reason", pa.string())])


def say_all(
    texts: Sequence[Text],
    out: str | Path,
    voice: str | Path,
    delivery: Delivery | None = None,
    *,
    seed: int = 0,
    address: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Say every text into `out`/wavs/ID.wav, and write `out`/metadata.csv when all are said.

    Args:
        texts: What to say; their ids are the files' names.
        out: A folder that all nodes see. Recordings that are there stay as they are.
        voice: Folder of a text voice, which all nodes see.
        delivery: How; None: in the voice's own way.
        seed: Of the voice's noise.
        address: Ray cluster; where None, the one that is connected, `RAY_ADDRESS`, or one on this machine.
        quiet: No bar.

    Returns:
        {"out", "said", "kept", "seconds", "failed": [{"id", "reason"}]}; `seconds` of what was said now.

    Raises:
        UsageError: The voice is not of kind `text`.
        DataError: There is no such voice.
    """
    out = Path(out).absolute()
    open_reader(voice)  # what is wrong with it is told here, once
    (out / "wavs").mkdir(parents=True, exist_ok=True)
    todo = [text for text in texts if not (out / "wavs" / f"{text.id}.wav").is_file()]
    failed: list[dict[str, str]] = []
    seconds, ours = 0.0, connect(address) if todo else False
    try:
        with _bar(len(todo), quiet) as bar:
            for row in _said(todo, out, located(voice).absolute(), delivery or Delivery(), seed) if todo else ():
                bar.advance(bar.task_ids[0])
                seconds += row["seconds"]
                if row["reason"]:
                    failed.append({"id": row["id"], "reason": row["reason"]})
    finally:
        if ours:
            ray.shutdown()
    without = {row["id"] for row in failed}
    lines = [f"{text.id}|{text.text.replace('|', ',')}\n" for text in texts if text.id not in without]
    beside = out / ".metadata.csv"
    beside.write_text("".join(lines), encoding="utf-8")
    beside.replace(out / "metadata.csv")
    said = len(todo) - len(failed)
    return {"out": str(out), "said": said, "kept": len(texts) - len(todo), "seconds": seconds, "failed": failed}


def _bar(total: int, quiet: bool) -> Progress:
    columns = TextColumn("say"), BarColumn(), MofNCompleteColumn(), TextColumn("texts"), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True, quiet=quiet))
    bar.add_task("say", total=total)
    return bar


def _said(texts: Sequence[Text], out: Path, voice: Path, delivery: Delivery, seed: int) -> Any:
    """Rows of `_DONE`, as they come."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False  # our own bar is enough
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    size = max(1, min(_AT_ONCE, len(texts) // 8))
    rows = [asdict(text) for text in texts]
    chunks = [pa.Table.from_pylist(rows[i : i + size], schema=_TODO) for i in range(0, len(rows), size)]
    most = pools.cpus("prepare", ray.nodes())  # a corpus is made
    pipeline = ray.data.from_arrow(chunks).map_batches(
        _Sayer,
        fn_constructor_args=(str(out), str(voice), delivery, seed),
        batch_size=None,
        batch_format="pyarrow",
        concurrency=(1, min(most, len(chunks))),
        num_cpus=1,
        resources=pools.share("prepare"),
    )
    for table in pipeline.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from table.to_pylist()


class _Sayer:
    """A voice in a process of its own."""

    def __init__(self, out: str, voice: str, delivery: Delivery, seed: int) -> None:
        self.out, self.delivery, self.seed = Path(out), delivery, seed
        self.reader = open_reader(voice, num_threads=1)

    def __call__(self, chunk: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self._say(**row) for row in chunk.to_pylist()], schema=_DONE)

    def _say(self, id: str, text: str) -> dict[str, Any]:
        from ganray.audio import write

        try:
            speech = self.reader.say(text, self.delivery, seed=self.seed)
        except GanrayError as error:
            return {"id": id, "seconds": 0.0, "reason": error.message}
        write(self.out / "wavs" / f"{id}.wav", speech.waveform, speech.sample_rate)
        return {"id": id, "seconds": speech.seconds, "reason": None}
