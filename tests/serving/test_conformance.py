"""Calls made up from /openapi.json: whatever comes, the answer is one that the document allows, and never a 5xx."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CALLS = {"speech": 790, "vocode": 800, "model": 100, "vocoder": 100, "voice_health": 100, "models": 50, "voices": 50}
CALLS["speech_stream"] = 10
WITHOUT_LUCK = ("vocode", "speech_stream")
"""Nobody finds audio by chance, and a WebSocket is no page."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("name", CALLS)
def test_two_thousand_calls_are_answered_as_the_document_says(endpoint, name):
    schema = schemathesis.openapi.from_url(f"{endpoint.url}/openapi.json")
    operation = schema.find_operation_by_id(name)
    session = requests.Session()

    @given(case=operation.as_strategy(), known=st.booleans())
    @settings(
        max_examples=CALLS[name], deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def call(case, known):
        if known and name == "speech" and isinstance(case.body, dict):
            case.body |= {"voice": "reader", "model": "tts-1"}  # nobody finds a voice's name by chance
        if known and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, "polly")
        response = case.call(session=session, timeout=30)
        statuses.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    statuses: list[int] = []
    call()
    assert name in WITHOUT_LUCK or statuses.count(200) > len(statuses) / 10
    assert requests.get(f"{endpoint.url}/healthz", timeout=10).json() == {"status": "ok"}
