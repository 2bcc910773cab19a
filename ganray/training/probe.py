"""What a node sees of a dataset and of storage. Sent by value: it imports no ganray, which may be missing there."""

import importlib.util
import json
import os
from typing import Any


def look(dataset: str, shards: dict[str, int], storage: str, token: str, answer: str) -> dict[str, str]:
    """What is wrong, by what it is about; empty texts where nothing is.

    Args:
        dataset: The dataset's folder.
        shards: {file: bytes} that it should hold.
        storage: A folder, or a URI.
        token: Name of a small file there, which holds its own name.
        answer: Name of one to write there.
    """
    return {
        "ganray": "" if importlib.util.find_spec("ganray") else "ganray is not installed",
        "digest": digest(dataset),
        "dataset": unreadable(dataset, shards),
        "storage": unshared(storage, token, answer),
    }


def digest(dataset: str) -> str:
    """The dataset's digest, empty where there is none to read."""
    try:
        if "://" not in dataset:
            with open(os.path.join(dataset, "dataset.json"), encoding="utf-8") as file:
                return str(json.load(file)["digest"])
        filesystem, folder = _bucket(dataset)
        with filesystem.open_input_stream(f"{folder}/dataset.json") as file:
            return str(json.loads(file.read())["digest"])
    except (OSError, ValueError, KeyError):
        return ""


def unreadable(dataset: str, shards: dict[str, int]) -> str:
    """What keeps a dataset from being read here."""
    try:
        filesystem, folder = _bucket(dataset) if "://" in dataset else (None, dataset)
        for shard, size in {"dataset.json": -1, **shards}.items():
            if filesystem:
                there = filesystem.get_file_info(f"{folder}/{shard}").size or 0
            else:
                with open(os.path.join(dataset, shard), "rb") as file:
                    there = file.seek(0, os.SEEK_END)
            if size >= 0 and there != size:
                return f"{shard} has {there} bytes, not {size}"
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _bucket(uri: str) -> tuple[Any, str]:
    from pyarrow import fs

    return fs.FileSystem.from_uri(uri)


def unshared(storage: str, token: str, answer: str) -> str:
    """What keeps storage from being shared with whoever wrote the token."""
    try:
        if read(storage, token) != token:
            return "what the driver wrote there is not seen"
    except FileNotFoundError:
        return "what the driver wrote there is not seen"
    except Exception as error:
        return f"cannot read: {' '.join(str(error).split())[:300]}"
    try:
        write(storage, answer)
    except Exception as error:
        return f"cannot write: {' '.join(str(error).split())[:300]}"
    return ""


def read(storage: str, name: str) -> str:
    """A small file's text."""
    if "://" in storage:
        from pyarrow import fs

        filesystem, root = fs.FileSystem.from_uri(storage)
        with filesystem.open_input_stream(f"{root}/{name}") as stream:
            return stream.read().decode()
    with open(os.path.join(storage, name), encoding="utf-8") as file:
        return file.read()


def write(storage: str, name: str) -> None:
    """Write a small file that holds its own name."""
    if "://" in storage:
        from pyarrow import fs

        filesystem, root = fs.FileSystem.from_uri(storage)
        with filesystem.open_output_stream(f"{root}/{name}") as stream:
            stream.write(name.encode())
        return
    os.makedirs(storage, exist_ok=True)
    with open(os.path.join(storage, name), "w", encoding="utf-8") as file:
        file.write(name)


def remove(storage: str, name: str) -> None:
    """Remove a small file, if it is there and can be removed."""
    try:
        if "://" in storage:
            from pyarrow import fs

            filesystem, root = fs.FileSystem.from_uri(storage)
            filesystem.delete_file(f"{root}/{name}")
        else:
            os.unlink(os.path.join(storage, name))
    except OSError:
        pass
