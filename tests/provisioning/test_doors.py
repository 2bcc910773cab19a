"""Who has no token, or a wrong one, is turned away at every door that the running dashboard and agent have."""

import re
import time
import urllib.error
import urllib.request

import pytest

from tests.provisioning.conftest import PATIENCE_S, Head

pytestmark = pytest.mark.ray
PUBLIC = {
    "/", "/favicon.ico", "/static", "/api/authentication_mode", "/api/authenticate", "/api/healthz", "/api/gcs_healthz",
    "/api/local_raylet_healthz",
}  # fmt: skip
"""What Ray leaves open: its page's shell, which then asks for the token, and whether it is alive."""
JOBS = {
    ("GET", "/api/jobs/"), ("POST", "/api/jobs/"), ("GET", "/api/jobs/{job_or_submission_id}/logs/tail"),
    ("POST", "/api/jobs/{job_or_submission_id}/stop"), ("PUT", "/api/packages/{protocol}/{package_name}"),
}  # fmt: skip
AGENT = {("POST", "/api/job_agent/jobs/"), ("GET", "/logs"), ("OPTIONS", "/logs")}
REFUSALS = [
    ({}, 401),
    ({"authorization": "Bearer " + "0" * 64}, 403),
    ({"authorization": "Bearer Bearer"}, 403),
    ({"x-ray-authorization": "Bearer " + "0" * 64}, 403),
    ({"cookie": "ray-authentication-token=" + "0" * 64}, 403),
]
"""What is shown, in each place where Ray looks for a token, and the status that it gets."""
_ROUTE = re.compile(r"<ResourceRoute \[(\w+)\] <\w+Resource\s+(\S+?)>? ->")


def routes(head: Head, program: str) -> set[tuple[str, str]]:
    """(method, path) of every route of a running server, from its own router: it logs them when it begins to listen.

    Args:
        program: `dashboard`, or `dashboard_agent`, which comes up some seconds later.
    """
    (logs,) = head.folder.glob("session_2*/logs")
    until = time.monotonic() + PATIENCE_S
    file, text = logs / f"{program}.log", ""
    while not (end := re.search(r"Registered (\d+) routes", text)):
        assert time.monotonic() < until
        time.sleep(0.5)
        text = file.read_text() if file.exists() else ""
    found = _ROUTE.findall(text)
    assert len(found) == int(end[1]), "each of them was read"
    return set(found)


def ask(url: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """(status, text) of an answer; braces of a path are filled in."""
    filled = re.sub(r"{[^}]+}", "1", path)
    request = urllib.request.Request(f"{url}{filled}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status), answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def status(url: str, method: str, path: str, headers: dict[str, str]) -> int:
    """Of an answer."""
    return ask(url, method, path, headers)[0]


@pytest.mark.parametrize(("shown", "refusal"), REFUSALS)
def test_the_dashboard_turns_everyone_else_away(head, shown, refusal):
    """401 without a token; what Ray says to a wrong one is 403."""
    asked = {(method, path) for method, path in routes(head, "dashboard") if path not in PUBLIC}
    assert asked >= JOBS
    assert len(asked) > 50
    assert {one: told for one in asked if (told := status(head.url, *one, shown)) != refusal} == {}


@pytest.mark.parametrize(("shown", "refusal"), REFUSALS)
def test_every_machines_agent_turns_everyone_else_away(head, shown, refusal):
    """It listens on the network, starts jobs and hands out logs."""
    asked = {(method, path) for method, path in routes(head, "dashboard_agent") if path not in PUBLIC}
    assert asked >= AGENT
    assert {one: told for one in asked if (told := status(head.agent, *one, shown)) != refusal} == {}


def test_what_is_open_tells_nothing_of_the_cluster(head):
    """The page's shell, whether Ray lives, and that it wants a token: no address, no folder, no token."""
    told = (head.folder / "token").read_text(), head.address, str(head.folder)
    for url, program in ((head.url, "dashboard"), (head.agent, "dashboard_agent")):
        open_doors = {(method, path) for method, path in routes(head, program) if path in PUBLIC and method == "GET"}
        assert open_doors
        answers = {path: ask(url, method, path, {}) for method, path in open_doors}
        assert [path for path, (code, _) in answers.items() if code == 200], "somewhere there is a text to look at"
        assert [path for path, (_, text) in answers.items() if any(one in text for one in told)] == []


def test_the_token_opens(head):
    shown = {"authorization": f"Bearer {(head.folder / 'token').read_text()}"}
    assert status(head.url, "GET", "/api/jobs/", shown) == 200
    assert status(head.url, "GET", "/api/v0/nodes", shown) == 200
    assert status(head.agent, "GET", "/logs", shown) == 200
