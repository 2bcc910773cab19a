"""Parquet files with a column of audio: whole files' bytes, `{bytes, path}` as Hugging Face writes them, or paths.

Files that begin with `validation` and `test` are these splits. The sound is read where it is used, row by row.
"""

from collections.abc import Iterator
from typing import Any

from ganray.data.place import Place, is_remote
from ganray.data.readers.layout import IDS, Layout, corpus, first, lacks, said, split_of, stem
from ganray.data.recording import LISTED, Corpus, Recording
from ganray.data.source import Source
from ganray.errors import DataError

TITLE = "Parquet"
WANTS = "*.parquet with a column audio (bytes, {bytes, path} or paths) and, if wanted, text, id, speaker"
AUDIO = ("audio", "wav", "flac", "mp3", "sound", "speech", "audio_filepath", "file", "path")


def found(place: Place) -> bool:
    """There is a Parquet file with audio in it."""
    return any(_audio_column(_schema(place, name)) for name in _names(place)[:4])


def read(place: Place) -> Corpus:
    """Read `place`."""
    recordings: list[Recording] = []
    lists: dict[str, list[str]] = {"validation": [], "test": []}
    for name in _names(place):
        column = _audio_column(_schema(place, name))
        if not column:
            continue
        its = list(rows(place, name, column, _table(place, name)))
        recordings += its
        split = split_of(name.split("/")[-1])
        if split in LISTED:
            lists[split] += [recording.id for recording in its]
    if not recordings:
        raise lacks(place, "has no Parquet file with a column of audio", WANTS)
    return corpus(TITLE, recordings, lists=lists)


def rows(place: Place, name: str, column: str, table: Any) -> Iterator[Recording]:
    """The recordings of one table, of which only the small columns are in memory.

    Args:
        place: Where it lies.
        name: Of the file.
        column: With the audio; `audio.path` is there too where it is known.
        table: The other columns.
    """
    for number, row in enumerate(table.to_pylist()):
        inner = row.pop(column, None)
        path = inner.get("path") if isinstance(inner, dict) else inner if isinstance(inner, str) else None
        # Without an id of its own: its file's name, else its place in the table.
        key = first(row, IDS) or (path and stem(path.split("/")[-1])) or f"{stem(name.split('/')[-1])}-{number:06d}"
        whole = Source(inner if is_remote(inner) else place.at(inner)) if isinstance(inner, str) else None
        yield Recording(
            str(key), source=whole or Source(place.at(name), row=number, column=column), line=number + 1, **said(row)
        )


def _names(place: Place) -> list[str]:
    if place.only:
        return [place.only] if place.only.endswith(".parquet") else []
    return [name for name in place.files if name.endswith(".parquet")]


def _open(place: Place, name: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(place.open(name))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read {place.at(name)}: {error}", mend="copy it again") from error


def _schema(place: Place, name: str) -> Any:
    return _open(place, name).schema_arrow


def _audio_column(schema: Any) -> str:
    return next((name for name in AUDIO if name in schema.names), "")


def _table(place: Place, name: str) -> Any:
    """All columns that are small: of the audio, its path or nothing."""
    import pyarrow as pa

    file = _open(place, name)
    audio = _audio_column(file.schema_arrow)
    kind = file.schema_arrow.field(audio).type
    columns = [n for n in file.schema_arrow.names if n != audio and not _large(file.schema_arrow.field(n).type)]
    if pa.types.is_struct(kind) and "path" in [field.name for field in kind]:
        columns.append(f"{audio}.path")
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        columns.append(audio)
    return file.read(columns=columns, use_threads=False)


def _large(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind)


LAYOUT = Layout("parquet", TITLE, WANTS, found, read)
