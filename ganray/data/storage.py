"""Storage that is no folder: `s3://`, `gs://` and whatever else pyarrow opens by its URI. Files go and come whole.

storage = Storage("s3://bucket/runs/first")
storage.put(Path("run.yaml"), "run.yaml")
storage.files("checkpoints/")
"""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ganray.errors import DataError, UsageError

WHOLE_WHEN_CLOSED = ("s3", "gcs", "abfs")
"""Filesystems where a file is there when its upload ends well, and not before."""
MEND = "look at its name, at the credentials in the environment, and at ?endpoint_override=HOST:PORT&scheme=http"


def is_remote(where: str | Path) -> bool:
    """Whether `where` is a URI of storage that is no folder of this machine."""
    return isinstance(where, str) and "://" in where and not where.startswith("file://")


def place(where: str | Path) -> str:
    """A folder as an absolute path, or a URI that means the same on every machine.

    `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL`, which pyarrow does not read, become a part of the URI.
    """
    if not is_remote(where):
        return str(Path(str(where).removeprefix("file://")).absolute())
    parts, endpoint = urlsplit(str(where)), os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    query = dict(parse_qsl(parts.query))
    if parts.scheme == "s3" and endpoint and "endpoint_override" not in query:
        scheme, _, host = endpoint.rpartition("://")
        query |= {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
    return urlunsplit(parts._replace(path=parts.path.rstrip("/"), query=urlencode(query, safe=":/")))


def inside(where: str, name: str) -> str:
    """The place of `name` in a folder or under a URI."""
    if not is_remote(where):
        return str(Path(where) / name)
    parts = urlsplit(where)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def name_of(where: str) -> str:
    """The last part of a folder's path or of a URI's."""
    return Path(urlsplit(where).path if is_remote(where) else where).name


class Storage:
    """What lies under one URI. Names are relative to it, with `/`.

    Args:
        uri: As `place` gives it.

    Raises:
        UsageError: pyarrow knows no such storage.
    """

    def __init__(self, uri: str) -> None:
        from pyarrow import fs

        self.uri = uri
        try:
            self.filesystem, self.root = fs.FileSystem.from_uri(uri)
        except (ValueError, TypeError) as error:
            raise UsageError(f"cannot use storage {uri}: {error}", mend="give a folder, s3://… or gs://…") from error
        except OSError as error:
            raise DataError(f"cannot reach storage {uri}: {short(error)}", mend=MEND) from error

    def put(self, path: Path, name: str) -> None:
        """Send a file. Until all of it is there, `name` is what it was.

        Raises:
            OSError: It was not sent.
        """
        import pyarrow

        size = path.stat().st_size
        with pyarrow.memory_map(str(path)) if size else pyarrow.BufferReader(b"") as source:
            self._write(name, source.read_buffer(size))

    def put_bytes(self, content: bytes, name: str) -> None:
        """Send a small file.

        Raises:
            OSError: It was not sent.
        """
        self._write(name, content)

    def _write(self, name: str, content: Any) -> None:
        from pyarrow import fs

        target, size = f"{self.root}/{name}", len(memoryview(content))
        objects = self.filesystem.type_name in WHOLE_WHEN_CLOSED
        written = target if objects else f"{target}.{os.getpid()}.{secrets.token_hex(4)}.part"
        if not objects:
            self.filesystem.create_dir(str(Path(target).parent))
        with self.filesystem.open_output_stream(written) as out:
            out.write(content)
        found = self.filesystem.get_file_info(written)
        if found.type != fs.FileType.File or found.size != size:
            raise OSError(f"{name} has {found.size} bytes in storage, not {size}")
        if not objects:
            self.filesystem.move(written, target)

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            FileNotFoundError: There is no such file.
            OSError: It can't be read.
        """
        with self.filesystem.open_input_stream(f"{self.root}/{name}") as source:
            return source.read()

    def fetch(self, name: str, path: Path) -> None:
        """Bring a file to `path`, whole: written beside, then renamed.

        Raises:
            FileNotFoundError: There is no such file.
            OSError: It can't be read.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with self.filesystem.open_input_stream(f"{self.root}/{name}") as source, open(beside, "wb") as file:
                while block := source.read(1 << 24):
                    file.write(block)
            beside.rename(path)
        finally:
            beside.unlink(missing_ok=True)

    def files(self, under: str = "") -> dict[str, int]:
        """{name: bytes} of all files, or of those under a folder.

        Raises:
            OSError: The storage does not answer.
        """
        from pyarrow import fs

        folder = f"{self.root}/{under}".rstrip("/")
        found = self.filesystem.get_file_info(fs.FileSelector(folder, allow_not_found=True, recursive=True))
        start = len(self.root.rstrip("/")) + 1
        return {info.path[start:]: info.size for info in found if info.type == fs.FileType.File}

    def stamps(self) -> dict[str, list[int]]:
        """{name: what changes when the file does} of all files.

        Raises:
            OSError: The storage does not answer.
        """
        from pyarrow import fs

        found = self.filesystem.get_file_info(fs.FileSelector(self.root, allow_not_found=True, recursive=True))
        start = len(self.root.rstrip("/")) + 1
        files = [info for info in found if info.type == fs.FileType.File]
        return {info.path[start:]: [info.size, info.mtime_ns or 0] for info in files}

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            OSError: It can't be removed.
        """
        try:
            self.filesystem.delete_file(f"{self.root}/{name}")
        except FileNotFoundError:
            return


def short(error: BaseException) -> str:
    """What a storage's error says, in one short line."""
    text = " ".join(str(error).split())
    return text if len(text) < 300 else f"{text[:300]} …"
