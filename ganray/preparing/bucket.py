"""A dataset that goes to a bucket: made on this machine's disk, where a next run finds what it left, and then sent."""

import hashlib
import json
from pathlib import Path

from ganray.data.cache import cache_folder
from ganray.data.storage import Storage, name_of, place
from ganray.errors import DataError

_CARD = "dataset.json"


def workplace(uri: str) -> Path:
    """Where the dataset of `uri` is made."""
    key = hashlib.sha256(place(uri).encode()).hexdigest()[:16]
    return cache_folder().with_name("prepared") / key / name_of(uri)


def may_send(uri: str, overwrite: bool) -> None:
    """Check that a dataset may be written at `uri`, before anything is done.

    Raises:
        DataError: There is something, and it is no dataset or `overwrite` is not set; or nothing can be written.
        UsageError: There is no such storage.
    """
    storage = Storage(place(uri))
    files = storage.files()
    if files and _CARD not in files:
        raise DataError(f"{uri} exists and is no dataset", mend="give --out a new place")
    if files and not overwrite:
        raise DataError(f"there is a dataset at {uri}", mend="give --out a new place, or replace it with --overwrite")


def send(folder: Path, uri: str) -> int:
    """Send a dataset's files; those that are there already, by their digests, are not sent again. Bytes that were.

    Its card goes last, so that whoever opens it finds all that the card names.

    Raises:
        DataError: It can't be sent; called again, it goes on.
    """
    storage = Storage(place(uri))
    try:
        there = storage.files()
        former = json.loads(storage.read(_CARD)) if _CARD in there else {"splits": {}}
        known, new = _digests(former), _digests(json.loads((folder / _CARD).read_text(encoding="utf-8")))
        sent, files = 0, [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != _CARD]
        for path in files:
            size = path.stat().st_size
            if path.name in new and known.get(path.name) == new[path.name] and there.get(path.name) == size:
                continue
            storage.put(path, path.name)
            sent += size
        storage.put(folder / _CARD, _CARD)
        for name in set(there) - {path.name for path in files} - {_CARD}:
            storage.remove(name)
    except OSError as error:
        raise DataError(f"cannot send the dataset to {uri}: {error}", mend="call it again: it goes on") from error
    return sent


def _digests(card: dict) -> dict[str, str]:
    return {
        name: digest
        for split in card["splits"].values()
        for name, digest in zip(split["shards"], split.get("shard_digests", split["shards"]), strict=True)
    }
