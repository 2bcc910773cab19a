"""Hugging Face `datasets` as `save_to_disk` leaves them: Arrow files beside `state.json`, in a folder a split.

Read by pyarrow alone. The splits validation (or dev) and test are these splits; all others are for training.
"""

import json
from collections.abc import Iterator
from typing import Any

from ganray.data.place import Place, is_remote, open_file
from ganray.data.readers.layout import Layout, corpus, lacks, split_of
from ganray.data.readers.parquet import AUDIO, rows
from ganray.data.recording import LISTED, Corpus, Recording
from ganray.errors import DataError

TITLE = "Hugging Face datasets"
WANTS = "a folder that datasets' save_to_disk wrote: state.json and *.arrow, or dataset_dict.json and a folder a split"


def found(place: Place) -> bool:
    """It has the files that save_to_disk writes."""
    return "dataset_dict.json" in place or ("state.json" in place and "dataset_info.json" in place)


def read(place: Place) -> Corpus:
    """Read `place`."""
    splits = _splits(place)
    if not splits:
        raise lacks(place, "has no state.json", WANTS)
    recordings: list[Recording] = []
    lists: dict[str, list[str]] = {"validation": [], "test": []}
    for split, files in splits.items():
        for name in files:
            its = list(_read(place, name))
            recordings += its
            listed = split_of(split)
            if listed in LISTED and len(splits) > 1:
                lists[listed] += [recording.id for recording in its]
    return corpus(TITLE, recordings, lists=lists)


def _splits(place: Place) -> dict[str, list[str]]:
    """Split → its Arrow files, in order."""
    states = [name for name in place.files if name.split("/")[-1] == "state.json"]
    found = {}
    for state in states:
        folder = state.rpartition("/")[0]
        try:
            names = [entry["filename"] for entry in json.loads(place.text(state))["_data_files"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"cannot read {place.at(state)}: {error}", mend="save the dataset again") from error
        found[folder] = [f"{folder}/{name}".lstrip("/") for name in names]
    return found


def _read(place: Place, name: str) -> Iterator[Recording]:
    """The recordings of one Arrow file; the small columns of a batch at a time."""
    import pyarrow as pa

    try:
        uri = place.at(name)
        table = pa.ipc.open_stream(open_file(uri) if is_remote(uri) else pa.memory_map(uri)).read_all()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {place.at(name)}: {error}", mend="save the dataset again") from error
    audio = next((column for column in AUDIO if column in table.column_names), None)
    if audio is None:
        raise lacks(place, f"has no column of audio in {name} (there are: {', '.join(table.column_names)})", WANTS)
    yield from rows(place, name, audio, _small(table, audio))


def _small(table: Any, audio: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = {n: table[n] for n in table.column_names if n != audio and not _large(table[n].type)}
    kind = table[audio].type
    if pa.types.is_struct(kind) and "path" in [field.name for field in kind]:
        kept[audio] = pa.chunked_array(
            [pa.StructArray.from_arrays([chunk], ["path"]) for chunk in pc.struct_field(table[audio], "path").chunks],
            type=pa.struct([("path", pc.struct_field(table[audio], "path").type)]),
        )
    elif pa.types.is_string(kind):
        kept[audio] = table[audio]
    return pa.table(kept) if kept else pa.table({"line": list(range(table.num_rows))})


def _large(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind)


LAYOUT = Layout("huggingface", TITLE, WANTS, found, read)
