"""A dataset in a bucket, cached on this machine's disk: fetched once, by its digest, whoever asks for it."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ganray.data.place import open_file, read_bytes
from ganray.data.storage import inside, is_remote, place
from ganray.errors import DataError

_PIECE = 1 << 22
_AT_ONCE = 4


def cache_folder() -> Path:
    """Where datasets are cached: `GANRAY_CACHE`, else the user's cache folder."""
    home = os.environ.get("GANRAY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ganray"
    return Path(home).expanduser() / "datasets"


def cached(uri: str) -> Path:
    """The local folder with the dataset at `uri`: all of it, or an error.

    Raises:
        DataError: It can't be read, or a shard is not what the card says.
    """
    assert is_remote(uri)
    uri = place(uri)
    try:
        content = read_bytes(inside(uri, "dataset.json"))
        card = json.loads(content)
        digest, splits = str(card["digest"]), card["splits"].values()
        shards = [(name, known) for s in splits for name, known in _shards(s)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"no dataset at {uri}: {error}", mend="look at its name, and at the credentials in the environment"
        ) from error
    folder = cache_folder() / digest
    folder.mkdir(parents=True, exist_ok=True)
    lacking = [(name, known) for name, known in shards if not (folder / name).is_file()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda shard: _fetch(inside(uri, shard[0]), folder / shard[0], shard[1]), lacking))
    if not (folder / "dataset.json").is_file():
        beside = folder / f".dataset.json.{os.getpid()}"
        beside.write_bytes(content)
        beside.replace(folder / "dataset.json")
    return folder


def _shards(split: dict) -> list[tuple[str, str]]:
    names = split["shards"]
    for name in names:
        if Path(name).name != name:
            raise ValueError(f"its shard {name} lies elsewhere")
    return list(zip(names, split.get("shard_digests") or [""] * len(names), strict=True))


def _fetch(uri: str, path: Path, known: str) -> None:
    beside, digest = path.with_name(f".{path.name}.{os.getpid()}"), hashlib.sha256()
    try:
        with open_file(uri) as source, open(beside, "wb") as file:
            while piece := source.read(_PIECE):
                digest.update(piece)
                file.write(piece)
        if known and not digest.hexdigest().startswith(known):
            mend = "prepare it again, or copy it again"
            raise DataError(f"{uri} is not what dataset.json says", got=digest.hexdigest()[:16], want=known, mend=mend)
        beside.replace(path)
    except OSError as error:
        raise DataError(f"cannot fetch {uri}: {error}", mend="try again: what is there is kept") from error
    finally:
        beside.unlink(missing_ok=True)
