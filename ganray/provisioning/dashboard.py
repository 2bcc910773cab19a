"""Whether the dashboard and the agents, through which jobs start, are for those alone who should reach them."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ganray.config.cluster import LOOPBACK, ClusterConfig
from ganray.provisioning import probe
from ganray.provisioning.ask import Check, ask, name_of
from ganray.provisioning.connect import dashboard_url

HEAD = "node:__internal_head__"
"""Ray's own mark of the head."""
_REFUSED = (401, 403)


def dashboard(cluster: ClusterConfig, nodes: list[dict[str, Any]]) -> list[Check]:
    """Where it listens, tried on every address of the head, and whether it asks for a token."""
    url = dashboard_url()
    if not url:
        return [Check("dashboard", True, "off: no jobs can be submitted")]
    head = next((node for node in nodes if HEAD in node["Resources"]), None)
    if head is None:
        return [Check("dashboard", False, "no node says that it is the head", "start the head")]
    reached = ask(head, probe.reached_at, urlsplit(url).port)
    checks = [_listens(cluster, reached)]
    if cluster.security.token or reached:
        status = ask(head, probe.knock, f"{url}/api/jobs/")
        detail = f"a request without a token gets {status or 'no answer'}"
        mend = "start the head with RAY_AUTH_MODE=token, after `ray get-auth-token --generate`"
        checks.append(Check("token", status in _REFUSED, detail, mend))
    return checks


def agents(cluster: ClusterConfig, nodes: list[dict[str, Any]]) -> list[Check]:
    """Whether each machine's agent asks for a token: Ray has it on the network, wherever the dashboard listens.

    A network policy may stand in for the token where the config knows Kubernetes alone: then it is told, and is as the
    config says.
    """
    asked, wide, world = 0, [], False
    for node in nodes:
        port = node.get("DashboardAgentListenPort", 0)
        asked += bool(port)
        if port and not ask(node, probe.is_up, port):
            wide.append(f"port {port} ({name_of(node)}, which did not answer)")
            continue
        for address in ask(node, probe.reached_at, port)[:1] if port else ():
            status = ask(node, probe.knock, f"http://{address}:{port}/logs")
            if status not in _REFUSED:
                wide.append(f"{address}:{port} ({name_of(node)}{'' if status else ', which did not answer'})")
                world |= ip_address(address).is_global
    detail = f"start jobs for whoever reaches {', '.join(wide)}" if wide else f"{asked} let in nobody without a token"
    mend = "start every machine with RAY_AUTH_MODE=token and the head's token"
    kubernetes = [name for name, provider in cluster.providers if provider] == ["kubernetes"]
    if wide and not world and kubernetes and cluster.security.network_policy and not cluster.security.token:
        return [Check("agents", True, f"{detail}; that nobody else does is security.network_policy's to see to")]
    return [Check("agents", not wide, detail, mend)] if asked else []


def _listens(cluster: ClusterConfig, reached: list[str]) -> Check:
    wanted = cluster.security.dashboard_host
    mend = f"start the head with --dashboard-host {wanted}"
    if not reached:
        return Check("dashboard", True, "listens on loopback alone")
    world = [address for address in reached if ip_address(address).is_global]
    if world:
        close = "start the head with --dashboard-host 127.0.0.1, close its port to others, and come in by ssh -L"
        return Check("dashboard", False, f"open to the world on {', '.join(world)}", close)
    detail = f"open to the network on {', '.join(reached)}"
    if wanted in LOOPBACK or (wanted != "0.0.0.0" and set(reached) - {wanted}):
        return Check("dashboard", False, detail, mend)
    return Check("dashboard", True, f"{detail}, as security.dashboard_host says")
