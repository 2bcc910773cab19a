"""What the HTTP front answers, over real sockets: fields, voices, errors, and what it tells of itself."""

import shutil
import subprocess
from typing import get_args

import openai
import pytest
import requests

from ganray.audio import FORMATS
from ganray.config.serve import Format
from ganray.serving.requests import VocodeFields
from ganray.serving.routes import PAGE, PAGE_FILES, SCRIPTS

from .answers import error_of


@pytest.mark.parametrize(
    ("fields", "param", "code", "words"),
    [
        ({"response_format": "mp4"}, "response_format", "invalid_value", "mp3"),
        ({"seed": -1}, "seed", "invalid_value", "0"),
        ({"seed": "x"}, "seed", "invalid_value", "integer"),
        ({"stream": "perhaps"}, "stream", "invalid_value", "boolean"),
        ({"respose_format": "mp3"}, "respose_format", "unknown_field", "did you mean response_format?"),
        ({"audio_contract": "{"}, "audio_contract", "invalid_value", "JSON"),
        ({"model": "polly", "voice": "hiss"}, "voice", "invalid_value", "name one"),
        ({"model": "hiss"}, "model", "wrong_voice_kind", "noise"),
    ],
)
def test_bad_fields_are_named(endpoint, wav, fields, param, code, words):
    response = endpoint.vocode(wav, **fields)
    assert response.status_code == 400
    error = error_of(response)
    assert (error["param"], error["code"]) == (param, code)
    assert words in error["message"]


@pytest.mark.parametrize("param", ["model", "voice"])
def test_unknown_voice_is_404_with_the_known_ones(endpoint, wav, param):
    response = endpoint.vocode(wav, **{param: "nobody"})
    assert response.status_code == 404
    error = error_of(response)
    assert (error["code"], error["param"]) == (f"{param}_not_found", param)
    assert "polly, hiss" in error["message"]


@pytest.mark.parametrize("name", [{}, {"model": "default"}, {"model": "polly"}, {"voice": "polly"}])
def test_default_is_the_default_voice(endpoint, wav, name):
    assert endpoint.vocode(wav, **name).headers["x-model"] == "polly"


def test_unknown_paths_and_methods_have_the_envelope(endpoint):
    response = requests.get(f"{endpoint.url}/v1/nothing", timeout=60)
    assert (response.status_code, error_of(response)["code"]) == (404, "not_found")
    response = requests.get(f"{endpoint.url}/v1/audio/vocode", timeout=60)
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_the_openai_client_lists_the_voices(endpoint):
    client = openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key="none", max_retries=0)
    models = client.models.list().data
    assert [model.id for model in models] == ["polly", "hiss", "reader"]
    assert models[0].object == "model"
    assert client.models.retrieve("default").id == "polly"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody")
    assert caught.value.code == "model_not_found"


def test_the_openai_client_is_told_that_a_mel_voice_reads_no_text(endpoint):
    client = openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(model="default", voice="default", input="Hello.")
    assert caught.value.code == "wrong_voice_kind"
    assert "/v1/audio/vocode" in str(caught.value)


def test_the_openapi_document_tells_of_every_field(endpoint):
    document = requests.get(f"{endpoint.url}/openapi.json", timeout=60).json()
    content = document["paths"]["/v1/audio/vocode"]["post"]["requestBody"]["content"]
    fields = content["multipart/form-data"]["schema"]["properties"]
    assert {"file", *VocodeFields.model_fields} == set(fields)
    beside = document["paths"]["/v1/audio/vocode"]["post"]["parameters"]
    assert {field["name"] for field in beside} == {*VocodeFields.model_fields, "x-audio-contract"}
    assert all(field["description"] for field in fields.values())


def test_healthz(endpoint):
    assert requests.get(f"{endpoint.url}/healthz", timeout=60).json() == {"status": "ok"}


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(endpoint):
    page = requests.get(endpoint.url, timeout=60)
    assert page.headers["content-type"].startswith("text/html")
    used = page.text + "".join((PAGE / name).read_text() for name in SCRIPTS)
    for name, kind in PAGE_FILES.items():
        response = requests.get(f"{endpoint.url}/{name}", timeout=60)
        assert response.headers["content-type"].startswith(kind)
        assert name == "index.html" or name in used
        assert "http://" not in response.text.replace("http://www.w3.org/", "")
        assert "https://" not in response.text


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_of_the_page_parse(script):
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    subprocess.run(["node", "--check", str(PAGE / script)], check=True)


def test_formats_of_the_config_are_those_that_can_be_encoded():
    assert set(get_args(Format)) == set(FORMATS)
