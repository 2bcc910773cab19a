"""What a machine says about itself. Sent to every node by value: it imports no ganray, which may be missing there."""

import importlib.metadata
import os
import platform
import socket
import ssl
import time
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


def certificate(host: str, port: int, timeout_s: float = 10) -> bytes:
    """The certificate that a gRPC server shows, as DER; empty where it speaks no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # looked at, not trusted
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((host, port), timeout_s) as plain, context.wrap_socket(plain) as encrypted:
            return encrypted.getpeercert(binary_form=True) or b""
    except OSError:  # ssl.SSLError is one
        return b""


def clock() -> float:
    """Seconds since 1970 by this machine's clock."""
    return time.time()


def interface(address: str) -> dict[str, str]:
    """{name: of the interface that has `address`, resolves: what this machine's name means here, gloo, nccl: told}."""
    name = ""
    try:
        import psutil  # type: ignore[import-untyped]  # Ray brings it along

        for found, addresses in psutil.net_if_addrs().items():
            if any(one.address == address for one in addresses):
                name = found
    except ImportError:
        pass
    try:
        resolves = socket.gethostbyname(socket.gethostname())
    except OSError:
        resolves = ""
    told = {"gloo": os.environ.get("GLOO_SOCKET_IFNAME", ""), "nccl": os.environ.get("NCCL_SOCKET_IFNAME", "")}
    return {"name": name, "resolves": resolves, **told}


def reached_at(port: int, timeout_s: float = 3) -> list[str]:
    """Addresses of this machine, loopback and link-local ones left out, on which a port answers.

    Empty where it is for this machine alone.
    """
    import psutil  # Ray brings it along

    mine = {one.address.partition("%")[0] for found in psutil.net_if_addrs().values() for one in found
            if one.family in (socket.AF_INET, socket.AF_INET6)}  # fmt: skip
    others = sorted(address for address in mine if not address.startswith(("127.", "::1", "fe80:")))
    closed = closed_ports([(address, port) for address in others], timeout_s)
    return [address for address in others if f"{address}:{port}" not in closed]


def is_up(port: int, patience_s: float = 10) -> bool:
    """Whether a port of this machine answers by then, on any address: an agent comes up seconds after its node."""
    until = time.monotonic() + patience_s
    while closed_ports([("127.0.0.1", port)]) and not reached_at(port):
        if time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True


def closed_ports(wanted: list[tuple[str, int]], timeout_s: float = 3) -> list[str]:
    """`HOST:PORT` of those that can't be connected to from here."""
    closed = []
    for host, port in wanted:
        try:
            socket.create_connection((host, port), timeout_s).close()
        except OSError:
            closed.append(f"{host}:{port}")
    return closed
