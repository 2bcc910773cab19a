"""Opening a dataset: what it says of itself, and its splits.

dataset = Dataset.open("data/kathleen")
for clip in dataset.split("validation").clips():
    play(clip.waveform, dataset.audio.sample_rate)
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganray.config.audio import AudioConfig
from ganray.data.cache import cached
from ganray.data.schema import VERSION
from ganray.data.split import Split
from ganray.data.storage import is_remote, place
from ganray.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """A dataset folder, opened.

    Attributes:
        path: The folder; of a dataset in a bucket, its copy on this machine.
        card: What `dataset.json` holds.
        audio: The audio contract that its clips keep to.
        where: What any machine may open it by: its absolute path, or its URI.
    """

    path: Path
    card: dict[str, Any]
    audio: AudioConfig
    where: str = ""

    @classmethod
    def open(cls, path: str | Path) -> "Dataset":
        """Open a dataset folder, or the URI of one, which is then copied to this machine's cache.

        Raises:
            DataError: It is missing, half there, or newer than this ganray.
            AudioContractError: Its audio contract can't be read.
        """
        where = place(path)
        path = cached(where) if is_remote(where) else Path(str(path).removeprefix("file://"))
        mend = "make it with: ganray prepare CORPUS --out DATASET"
        try:
            card = json.loads((path / "dataset.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            what = "has no dataset.json" if path.is_dir() else "is no folder"
            raise DataError(f"no dataset at {path}: it {what}", mend=mend) from error
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {path / 'dataset.json'}: {error}", mend=mend) from error
        if not isinstance(card, dict) or card.get("kind") != "dataset":
            raise DataError(f"{path / 'dataset.json'} is not the card of a dataset", mend=mend)
        version = card.get("schema_version")
        if not isinstance(version, int) or version > VERSION:
            raise DataError(
                f"the dataset at {path} is of another ganray", schema_version=version, known=VERSION,
                mend="update ganray, or prepare the corpus again",
            )  # fmt: skip
        lacking = [key for key in ("audio", "splits", "digest") if key not in card]
        if lacking:
            raise DataError(f"{path / 'dataset.json'} has no {', '.join(lacking)}", mend=mend)
        shards = [shard for split in card["splits"].values() for shard in split["shards"]]
        gone = [shard for shard in shards if not (path / shard).is_file()]
        if gone:
            raise DataError(f"the dataset at {path} lacks {', '.join(gone)}", mend="copy it again, whole")
        return cls(path, card, AudioConfig.from_document(card["audio"]), where)

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
        shards = [self.path / shard for shard in self.card["splits"][name]["shards"]]
        return Split(name, shards, self.audio)
