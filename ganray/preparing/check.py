"""`corpus check`: what is wrong with a corpus, before anything is made of it."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ganray.config.prepare import PrepareConfig
from ganray.data.corpus import read_corpora
from ganray.errors import DataError
from ganray.preparing.audit.report import audit, columns_of, make_page, phonemes_of
from ganray.preparing.pipeline import prepared
from ganray.preparing.prepare import plan
from ganray.preparing.progress import Progress
from ganray.preparing.segments import cut
from ganray.preparing.stages import LIGHT
from ganray.provisioning import connect


def check(
    corpora: Sequence[str | Path],
    out: str | Path | None,
    config: PrepareConfig | None = None,
    *,
    layout: str | None = None,
    address: str | None = None,
    here: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Measure and judge every recording of a corpus; nothing of it is changed.

    Args:
        corpora: As for `prepare`.
        out: Folder for the page and the document, `audit.html` and `audit.json`; None: neither is written.
        config: What is spoken, and whether a recogniser listens; the rest of it is of no matter.
        layout: Name of the corpora's layout; found by looking where None.
        address: Ray cluster, as for `prepare`.
        here: In this process, without Ray.
        quiet: Nothing on stderr.

    Returns:
        The audit's document, with `corpus`, `layout`, `page`, `seconds` and `times_real_time`.

    Raises:
        UsageError: There is no such layout.
        DataError: The corpus can't be read, or nothing in it can.
    """
    config = config or PrepareConfig()
    source = read_corpora(list(corpora), layout)
    todo, dropped = plan(source, config)
    if not here:
        connect(address)
    todo, unheard, cuts = cut(todo, {}, config, here=here)
    dropped += unheard
    if cuts:
        source = replace(source, recordings=tuple(todo))
    progress = Progress(source, len(todo), [], quiet, verb="check")
    began, tables, recorded_s = time.perf_counter(), [], 0.0
    with progress:
        for rows in prepared(todo, {}, config.model_copy(update={"audit": True}), here=here, only_audit=True):
            tables.append(rows.select(LIGHT))
            recorded_s += pc.sum(rows["seconds"]).as_py() or 0.0
            progress.advance(rows.num_rows, recorded_s)
    light = pa.concat_tables(tables) if tables else None
    good = light.filter(pc.is_valid(light["peak_db"])) if light is not None else None
    if light is None or good is None or not good.num_rows:
        first = f"{dropped[0][0]}: {dropped[0][1]}" if dropped else ""
        raise DataError(f"nothing of {source.place} can be read", first=first, mend="look at its files")
    dropped += [(r["id"], r["reason"]) for r in light.select(["id", "reason"]).to_pylist() if r["reason"]]
    columns = columns_of(good)
    document = audit(columns, [{"id": key, "reason": reason} for key, reason in dropped], phonemes_of(light))
    seconds = time.perf_counter() - began
    document = {
        "corpus": source.place, "layout": source.layout, "page": None, **document,
        "seconds": round(seconds, 2), "times_real_time": round(recorded_s / seconds, 1),
    }  # fmt: skip
    if out is not None:
        folder = Path(out)
        sources = {recording.id: recording.source for recording in source.recordings}
        name = " ".join(dict.fromkeys(r.corpus for r in source.recordings))
        document["page"] = str(make_page(name, document, columns, sources).write(folder / "audit.html"))
        (folder / "audit.json").write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
    return document
