"""The one way to a Ray cluster: an address, the environment's, or one started here."""

import logging
import os
import socket
from typing import Any

import ray

from ganray.errors import GanrayError
from ganray.provisioning import front
from ganray.provisioning.stopping import stop_as_ctrl_c

API_SERVER = "RAY_API_SERVER_ADDRESS"
"""Where Ray's state API is. Ray Train's cleaner of placement groups asks it; without this name in its environment it
looks in the temporary folder, where a cluster that was killed may have left its own address."""
PROXY_PATIENCE = "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"
"""Serve kills an HTTP proxy that is not up after its 5 s: on a machine that does other work, too, again and again."""


def connect(address: str | None = None, num_cpus: int | None = None) -> bool:
    """Connect to `address`, else to RAY_ADDRESS, else start Ray on this machine with its dashboard on loopback.

    Everything that runs for this driver knows where the cluster's state API is.

    Args:
        address: `HOST:PORT`, `auto`, `local`, or a Ray client's `ray://…`.
        num_cpus: Cores that a cluster started here says it has; all there are without it.

    Returns:
        Whether this call connected; False where Ray was connected already, which is left as it is.

    Raises:
        GanrayError: There is no such cluster, or it refuses.
    """
    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address == "local":
        os.environ.setdefault(PROXY_PATIENCE, "60")
        anew = front.inherited()  # two that share ports get each other's requests
        usual = front.usual()  # those may be somebody's own
        for name, value in front.environment(free_port(), free_port()).items():
            if name not in os.environ or (anew and name not in usual):
                os.environ[name] = value
        port = free_port()
        _init(address, f"http://127.0.0.1:{port}", dashboard_host="127.0.0.1", dashboard_port=port, num_cpus=num_cpus)
    else:
        url = dashboard_url(_init(address))
        if url and os.environ.get(API_SERVER) != url:
            ray.shutdown()
            _init(address, url)
    stop_as_ctrl_c()
    return True


def dashboard_url(context: Any = None) -> str:
    """`http://HOST:PORT` of the dashboard as the head sees it; empty where it is off."""
    found = getattr(context, "dashboard_url", None) or ray._private.worker.get_dashboard_url()
    return f"http://{found}" if found else ""


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _init(address: str, api_server: str = "", **options: Any) -> Any:
    environment = {"runtime_env": {"env_vars": {API_SERVER: api_server}}} if api_server else {}
    try:
        return ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **environment, **options)
    except Exception as error:  # Ray has a dozen of its own for this, few of them public
        why = " ".join(str(error).split())
        raise GanrayError(f"cannot connect to a Ray cluster at {address}: {why}", mend=_mend(why, address)) from error


def _mend(why: str, address: str) -> str:
    if "token" in why.lower() or "auth" in why.lower():
        return "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH, the file with the cluster's token"
    if "version" in why.lower():
        return "run with the cluster's own versions of Ray and Python"
    return (
        "start one with `ray start --head`, or leave the address out"
        if address == "auto"
        else "look at the address; a cluster with a token wants RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"
    )
