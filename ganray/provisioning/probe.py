"""What a machine says about itself. Sent to every node by value: it imports no ganray, which may be missing there."""

import importlib.metadata
import platform
import urllib.error
import urllib.request


def versions(packages: list[str]) -> dict[str, str]:
    """{package: its version here, empty if it is not installed}; `python` is one of them."""
    found = {}
    for package in packages:
        try:
            found[package] = platform.python_version() if package == "python" else importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = ""
    return found


def write(folder: str, name: str, text: str) -> str:
    """Write a small file under `folder`, making that where it can be made; an empty text, or what went wrong."""
    try:
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(folder)
        filesystem.makedirs(path, exist_ok=True)
        with filesystem.open(f"{path}/{name}", "w") as file:
            file.write(text)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def read(folder: str, name: str) -> str:
    """What a small file under `folder` holds; empty if it can't be read."""
    try:
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(folder)
        with filesystem.open(f"{path}/{name}") as file:
            return file.read().decode()
    except Exception:
        return ""


def remove(folder: str, name: str) -> None:
    """Remove a small file under `folder`."""
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(folder)
    filesystem.rm(f"{path}/{name}")


def knock(url: str, timeout_s: float = 10) -> int:
    """HTTP status of a GET without a token; 0 where nothing answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return int(opener.open(url, timeout=timeout_s).status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
