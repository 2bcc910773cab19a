"""Opening a dataset: what it says of itself, and its splits.

dataset = Dataset.open("data/kathleen")
for clip in dataset.split("validation").clips():
    play(clip.waveform, dataset.audio.sample_rate)
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganray.config.audio import AudioConfig
from ganray.data.cache import cache_folder, cached, shards_of
from ganray.data.place import read_bytes
from ganray.data.schema import VERSION
from ganray.data.split import Split
from ganray.data.storage import Storage, inside, is_remote, place, short
from ganray.data.streaming import InBucket
from ganray.errors import DataError

_MEND = "make it with: ganray prepare CORPUS --out DATASET"


@dataclass(frozen=True)
class Dataset:
    """A dataset folder, opened.

    Attributes:
        path: The folder; of a dataset in a bucket, that of its cache on this machine.
        card: What `dataset.json` holds.
        audio: The audio contract that its clips keep to.
        where: What any machine may open it by: its absolute path, or its URI.
        shard_bytes: {shard: bytes} of all splits.
    """

    path: Path
    card: dict[str, Any]
    audio: AudioConfig
    where: str = ""
    shard_bytes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path) -> "Dataset":
        """Open a dataset folder, or the URI of one: its shards then come to this machine's cache while they are read.

        One in a bucket that an older ganray prepared has no index; it is copied to the cache whole.

        Raises:
            DataError: It is missing, half there, or newer than this ganray.
            AudioContractError: Its audio contract can't be read.
        """
        where = place(path)
        if not is_remote(where):
            return _of_folder(Path(str(path).removeprefix("file://")), where)
        try:
            content, there = read_bytes(inside(where, "dataset.json")), Storage(where).files()
            card = json.loads(content)
        except (OSError, ValueError) as error:
            mend = "look at its name, and at the credentials in the environment"
            raise DataError(f"no dataset at {where}: {short(error)}", mend=mend) from error
        _check(card, where)
        if not all("index" in split for split in card["splits"].values()):
            return _of_folder(cached(where), where)
        _check_sizes(card, there, where)
        sizes = {name: there[name] for split in card["splits"].values() for name in split["shards"]}
        return cls(cache_folder() / str(card["digest"]), card, AudioConfig.from_document(card["audio"]), where, sizes)

    @property
    def digest(self) -> str:
        """Sixteen hex digits that change whenever a clip does."""
        return str(self.card["digest"])

    @property
    def splits(self) -> list[str]:
        """Names of the splits."""
        return list(self.card["splits"])

    def split(self, name: str) -> Split:
        """The clips of one split.

        Raises:
            DataError: There is no such split, or its shards can't be read.
        """
        if name not in self.card["splits"]:
            raise DataError(f"the dataset at {self.path} has no split {name!r}", mend=f"use {' or '.join(self.splits)}")
        card = self.card["splits"][name]
        if is_remote(self.where) and "index" in card:
            index = card["index"], card["index_digest"]
            return Split(name, [], self.audio, InBucket(self.where, self.digest, tuple(shards_of(card)), index))
        return Split(name, [self.path / shard for shard in card["shards"]], self.audio)


def _of_folder(path: Path, where: str) -> Dataset:
    try:
        card = json.loads((path / "dataset.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        what = "has no dataset.json" if path.is_dir() else "is no folder"
        raise DataError(f"no dataset at {path}: it {what}", mend=_MEND) from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path / 'dataset.json'}: {error}", mend=_MEND) from error
    _check(card, str(path))
    shards = [shard for split in card["splits"].values() for shard in split["shards"]]
    gone = [shard for shard in shards if not (path / shard).is_file()]
    if gone:
        raise DataError(f"the dataset at {path} lacks {', '.join(gone)}", mend="copy it again, whole")
    sizes = {shard: os.path.getsize(path / shard) for shard in shards}
    return Dataset(path, card, AudioConfig.from_document(card["audio"]), where, sizes)


def _check(card: Any, where: str) -> None:
    """That `card` is a dataset's, and one that can be read."""
    file = inside(where, "dataset.json")
    if not isinstance(card, dict) or card.get("kind") != "dataset":
        raise DataError(f"{file} is not the card of a dataset", mend=_MEND)
    version = card.get("schema_version")
    if not isinstance(version, int) or version > VERSION:
        raise DataError(
            f"the dataset at {where} is of another ganray", schema_version=version, known=VERSION,
            mend="update ganray, or prepare the corpus again",
        )  # fmt: skip
    lacking = [key for key in ("audio", "splits", "digest") if key not in card]
    if lacking:
        raise DataError(f"{file} has no {', '.join(lacking)}", mend=_MEND)


def _check_sizes(card: dict[str, Any], there: dict[str, int], where: str) -> None:
    """That a bucket has what the card names, by one listing; what the bytes are, is seen when they come."""
    mend = "prepare it again, or copy it again"
    for split in card["splits"].values():
        try:
            shards_of(split)
        except ValueError as error:
            raise DataError(f"no dataset at {where}: {error}", mend=mend) from error
        for name, size in zip(split["shards"], split["shard_bytes"], strict=True):
            if name not in there:
                raise DataError(f"the dataset at {where} lacks {name}", mend="copy it again, whole")
            if there[name] != size:
                what = f"{inside(where, name)} is not what dataset.json says"
                raise DataError(what, got_bytes=there[name], want_bytes=size, mend=mend)
