"""Who has no token, or a wrong one, is turned away at every door that Ray's dashboard and agents have."""

import importlib
import re
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from ganray.provisioning.probe import closed_ports

pytestmark = pytest.mark.ray
PUBLIC = {
    "/", "/favicon.ico", "/api/authentication_mode", "/api/authenticate", "/api/healthz", "/api/gcs_healthz",
    "/api/local_raylet_healthz",
}  # fmt: skip
"""What Ray leaves open: its page's shell, which then asks for the token, and whether it is alive."""
JOBS = ("/api/jobs/", "/api/jobs/{job_or_submission_id}/stop", "/api/packages/{protocol}/{package_name}")


def routes(agent: bool) -> list[tuple[str, str]]:
    """(method, path) of every route that the installed Ray has, on the dashboard or on each machine's agent."""
    from ray.dashboard.routes import BaseRouteTable
    from ray.dashboard.subprocesses.module import SubprocessModule
    from ray.dashboard.utils import DashboardAgentModule, DashboardHeadModule, get_all_modules

    importlib.import_module("ray.dashboard.http_server_head")
    for kind in (DashboardHeadModule, DashboardAgentModule, SubprocessModule):
        get_all_modules(kind)
    found = [
        (method, path)
        for table in BaseRouteTable.__subclasses__()
        for method, paths in table._bind_map.items()
        for path in paths
    ]
    of_agent = [one for one in found if "/job_agent/" in one[1]]
    return sorted(of_agent if agent else set(found) - set(of_agent))


def status(url: str, method: str, path: str, token: str | None) -> int:
    """Of a request; braces of a path are filled in."""
    filled = re.sub(r"{\w+}", "1", path)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{url}{filled}", method=method, headers=headers)
    try:
        return int(urllib.request.urlopen(request, timeout=20).status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_for(url: str) -> None:
    """The agent comes up some seconds after the dashboard."""
    address = urlsplit(url)
    until = time.monotonic() + 120
    while closed_ports([(address.hostname, address.port)]):
        assert time.monotonic() < until
        time.sleep(0.5)


@pytest.mark.parametrize(("token", "refusal"), [(None, 401), ("0" * 64, 403), ("Bearer", 403)])
def test_the_dashboard_turns_everyone_else_away(head, token, refusal):
    """401 without a token; what Ray says to a wrong one is 403."""
    asked = [one for one in routes(agent=False) if one[1] not in PUBLIC]
    assert len(asked) > 50
    assert {path for _, path in asked} >= set(JOBS)
    open_doors = {one: told for one in asked if (told := status(head.url, *one, token)) != refusal}
    assert open_doors == {}


@pytest.mark.parametrize(("token", "refusal"), [(None, 401), ("0" * 64, 403)])
def test_every_machines_agent_turns_everyone_else_away(head, token, refusal):
    """Jobs are started through it: it listens on the network."""
    asked = routes(agent=True)
    wait_for(head.agent)
    assert ("POST", "/api/job_agent/jobs/") in asked
    assert {one: told for one in asked if (told := status(head.agent, *one, token)) != refusal} == {}


def test_the_token_opens(head):
    token = (head.folder / "token").read_text()
    assert status(head.url, "GET", "/api/jobs/", token) == 200
    assert status(head.url, "GET", "/api/v0/nodes", token) == 200
