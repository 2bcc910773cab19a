"""A folder of files, on a disk or in a bucket: what lies in it, and a file's bytes or a part of them.

place = Place("s3://bucket/speech")
place.text("metadata.csv")
"""

import functools
import io
import os
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ganray.data.storage import is_remote, place
from ganray.errors import DataError


@functools.lru_cache(maxsize=16)
def _filesystem(base: str) -> Any:
    from pyarrow import fs

    try:
        return fs.FileSystem.from_uri(base)[0]
    except (ValueError, TypeError, OSError) as error:
        raise DataError(f"cannot reach {base}: {error}", mend="give a folder, s3://… or gs://…") from error


def _opened(uri: str) -> tuple[Any, str]:
    """(pyarrow filesystem, path in it)."""
    parts = urlsplit(uri)
    return _filesystem(urlunsplit(parts._replace(path=""))), f"{parts.netloc}{parts.path}"


def read_bytes(uri: str, offset: int = 0, size: int | None = None) -> bytes:
    """A file's bytes, or `size` of them from `offset` on.

    Raises:
        OSError: It can't be read.
    """
    with open_file(uri) as file:
        file.seek(offset)
        return file.read() if size is None else file.read(size)


def open_file(uri: str) -> Any:
    """An open binary file that can be sought in.

    Raises:
        OSError: It can't be opened.
    """
    if not is_remote(uri):
        return open(uri, "rb")
    filesystem, path = _opened(uri)
    return filesystem.open_input_file(path)


class Place:
    """A folder, or a single file with the folder that it is in.

    Args:
        where: A path, or a URI that pyarrow knows.

    Attributes:
        uri: Of the folder.
        only: Name of the single file, where `where` is one.
        name: The last part of the folder's path; of a file, its name without suffix.

    Raises:
        DataError: There is nothing at `where`.
    """

    def __init__(self, where: str | Path) -> None:
        self.uri, self.only = place(where), ""
        path = self._path(self.uri)
        if self._is_file():
            self.only = path.name
            self.uri = self._with_path(str(path.parent))
        elif not self.files:
            there = "is empty" if not is_remote(self.uri) and Path(self.uri).is_dir() else "is not there"
            raise DataError(f"no corpus folder {where}: it {there}", mend="give the folder that holds the recordings")
        self.name = path.stem if self.only else Path(self.uri).resolve().name if not is_remote(self.uri) else path.name

    def __str__(self) -> str:
        return f"{self.uri}/{self.only}" if self.only else self.uri

    @functools.cached_property
    def files(self) -> dict[str, int]:
        """{name below the folder, with `/`: bytes} of all files, in order; hidden ones are passed over."""
        found = self._walk() if not is_remote(self.uri) else self._select()
        return dict(sorted(found.items()))

    @functools.cached_property
    def tops(self) -> set[str]:
        """Names of what lies in the folder itself, files and folders."""
        names = {name.split("/", 1)[0] for name in self.files}
        return names if is_remote(self.uri) else names | set(os.listdir(self.uri))

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def at(self, name: str) -> str:
        """Absolute path or URI of `name`."""
        if is_remote(self.uri):
            return self._with_path(f"{urlsplit(self.uri).path}/{name}")
        return os.path.join(self.uri, name)

    def text(self, name: str) -> str:
        """A text file, without a byte order mark and with one kind of line end.

        Raises:
            DataError: It can't be read, or is not UTF-8.
        """
        try:
            return read_bytes(self.at(name)).decode("utf-8-sig").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read {self.at(name)}: {error}", mend="save it as UTF-8 text") from error

    def open(self, name: str) -> Any:
        """`name`, opened for reading; bytes in memory where it is small.

        Raises:
            OSError: It can't be opened.
        """
        small = self.files.get(name, 0) < 1 << 20
        return io.BytesIO(read_bytes(self.at(name))) if small else open_file(self.at(name))

    def _walk(self) -> dict[str, int]:
        found = {}
        for folder, folders, names in os.walk(self.uri, followlinks=True):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in names:
                if not name.startswith("."):
                    path = os.path.join(folder, name)
                    if os.path.isfile(path):
                        found[os.path.relpath(path, self.uri).replace(os.sep, "/")] = os.path.getsize(path)
        return found

    def _select(self) -> dict[str, int]:
        from pyarrow import fs

        filesystem, path = _opened(self.uri)
        try:
            infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
        except OSError as error:
            raise DataError(f"cannot list {self.uri}: {error}", mend="look at its name and the credentials") from error
        start = len(path.rstrip("/")) + 1
        names = ((info.path[start:], info.size) for info in infos if info.type == fs.FileType.File)
        return {name: size for name, size in names if not any(part.startswith(".") for part in name.split("/"))}

    def _is_file(self) -> bool:
        if not is_remote(self.uri):
            return Path(self.uri).is_file()
        from pyarrow import fs

        filesystem, path = _opened(self.uri)
        try:
            return filesystem.get_file_info(path).type == fs.FileType.File
        except OSError as error:
            raise DataError(f"cannot reach {self.uri}: {error}", mend="look at its name and the credentials") from error

    @staticmethod
    def _path(uri: str) -> PurePosixPath:
        return PurePosixPath(urlsplit(uri).path or urlsplit(uri).netloc) if is_remote(uri) else PurePosixPath(uri)

    def _with_path(self, path: str) -> str:
        return urlunsplit(urlsplit(self.uri)._replace(path=path)) if is_remote(self.uri) else path
