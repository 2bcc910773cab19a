"""Which pages from elsewhere may ask."""

import pytest
import requests
from pydantic import ValidationError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ganray.config.serve import AccessConfig
from ganray.serving import keys

OURS, THEIRS = "https://app.example", "https://evil.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest.fixture
def open_to(endpoint, monkeypatch, tmp_path):
    """The front, asking for a key, with pages of these origins let in."""
    keys.add(tmp_path / "keys", "me")

    def let(*origins: str):
        access = AccessConfig(keys=str(tmp_path / "keys"), origins=origins)
        monkeypatch.setattr(endpoint.service, "config", endpoint.service.config.model_copy(update={"access": access}))
        return endpoint

    return let


def preflight(endpoint, origin: str) -> requests.Response:
    return requests.options(f"{endpoint.url}/v1/audio/speech", headers={"origin": origin, **PREFLIGHT}, timeout=30)


def test_nobody_is_let_in_unless_named(open_to):
    told = preflight(open_to(), THEIRS)
    assert not told.ok
    assert not [name for name in told.headers if name.lower().startswith("access-control")]


def test_a_named_page_may_ask_with_its_key_and_read_errors_too(open_to):
    endpoint = open_to(OURS)
    asked = preflight(endpoint, OURS)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, OURS)
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in asked.headers
    refused = requests.get(f"{endpoint.url}/v1/models", headers={"origin": OURS}, timeout=30)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, OURS)
    assert "retry-after" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in preflight(endpoint, THEIRS).headers


def test_anybody_may_where_it_says_so(open_to):
    assert preflight(open_to("*"), THEIRS).headers["access-control-allow-origin"] == "*"


def test_a_websocket_is_opened_to_the_same_pages(endpoint, monkeypatch):
    config = endpoint.service.config.model_copy(update={"access": AccessConfig(origins=(OURS,))})
    monkeypatch.setattr(endpoint.service, "config", config)
    url = f"{endpoint.url.replace('http', 'ws')}/v1/audio/speech/stream"
    connect(url, origin=OURS).close()
    with pytest.raises(InvalidStatus):
        connect(url, origin=THEIRS)


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "https://*.example", "null", ""])
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ValidationError):
        AccessConfig(origins=(origin,))
