"""`POST /v1/audio/speech`, asked by OpenAI's own client and by those who get it wrong."""

import base64
import io
import json

import numpy as np
import openai
import pytest
import requests
import soundfile

from ganray.audio import FORMATS
from ganray.errors import GanrayError

from .answers import decoded, error_of

FRAMES = 20 * 256
"""Samples that the stand-in makes of a word."""


@pytest.fixture
def client(endpoint):
    return openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key="none", max_retries=0)


def post(endpoint, **body):
    body = {"model": "tts-1", "voice": "reader", "input": "Two words."} | body
    return requests.post(f"{endpoint.url}/v1/audio/speech", json=body, timeout=60)


def test_what_a_client_leaves_out_has_openais_defaults(client, endpoint):
    response = client.audio.speech.create(model="tts-1", voice="reader", input="Two words.")
    assert response.response.headers["content-type"] == "audio/mpeg"
    assert endpoint.service.asked == [
        {"text": "Two words.", "seed": 0, "reading": "text", "speed": 1, "pitch": 0, "pitch_range": 1, "volume": 0,
         "pauses": 1}
    ]  # fmt: skip
    assert len(decoded(response.content, "mp3", 24_000)) >= 2 * FRAMES - 100


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_holds_all_that_was_said(client, kind):
    response = client.audio.speech.create(
        model="tts-1", voice="reader", input="Three words here.", response_format=kind
    )
    assert response.response.headers["content-type"] == FORMATS[kind]
    got = decoded(response.content, kind, 24_000)
    assert 3 * FRAMES - 100 <= len(got) <= 3 * FRAMES + 4 * 1152
    if kind in ("wav", "flac", "pcm"):
        assert len(got) == 3 * FRAMES


def test_sound_comes_while_the_rest_is_made(client, endpoint):
    endpoint.service.pause_s = 0.2
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="reader", input="one two three four five six", response_format="pcm"
    ) as response:
        next(response.iter_bytes())
        assert len(endpoint.service.made) < 6


@pytest.mark.parametrize(
    "names",
    [
        {"model": "tts-1", "voice": "reader"},
        {"model": "reader", "voice": "default"},
        {"model": "reader", "voice": "reader"},
        {"model": "default", "voice": {"id": "reader"}},
    ],
)
def test_a_voice_is_named_by_voice_or_model(endpoint, names):
    response = post(endpoint, **names)
    assert response.status_code == 200
    assert response.headers["x-model"] == "reader"


def test_extensions_reach_the_voice(client, endpoint):
    more = {"seed": 7, "pitch": 12, "pauses": 2, "ssml": True}
    client.audio.speech.create(model="tts-1", voice="reader", input="Hi.", speed=1.5, extra_body=more)
    asked = endpoint.service.asked[-1]
    assert (asked["seed"], asked["pitch"], asked["pauses"], asked["reading"], asked["speed"]) == (
        7,
        12,
        2,
        "markup",
        1.5,
    )


@pytest.mark.parametrize(("change", "status", "param", "code"), [
    ({"input": ""}, 400, "input", "invalid_value"),
    ({"input": "x" * 4097}, 400, "input", "string_above_max_length"),
    ({"speed": 5}, 400, "speed", "invalid_value"),
    ({"response_format": "ogg"}, 400, "response_format", "invalid_value"),
    ({"stream_format": "ws"}, 400, "stream_format", "invalid_value"),
    ({"voice": 3}, 400, "voice", "invalid_value"),
    ({"voice": "alloy"}, 404, "voice", "voice_not_found"),
    ({"model": "nobody"}, 404, "model", "model_not_found"),
    ({"voice": "polly"}, 400, "voice", "wrong_voice_kind"),
    ({"model": "polly", "voice": "reader"}, 400, "voice", "invalid_value"),
    ({"speeed": 1}, 400, "speeed", "unknown_field"),
])  # fmt: skip
def test_what_is_wrong_is_told_in_the_envelope(endpoint, change, status, param, code):
    response = post(endpoint, **change)
    assert response.status_code == status
    error = error_of(response)
    assert (error["param"], error["code"]) == (param, code)
    assert endpoint.service.asked == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_a_400(endpoint, body):
    response = requests.post(f"{endpoint.url}/v1/audio/speech", data=body, timeout=60)
    assert response.status_code == 400
    assert error_of(response)["code"] == "invalid_json"


def test_a_missing_field_is_named(endpoint):
    response = requests.post(f"{endpoint.url}/v1/audio/speech", json={"model": "tts-1", "input": "Hi."}, timeout=60)
    assert (response.status_code, error_of(response)["param"]) == (400, "voice")


def test_nothing_to_say_is_a_400(endpoint):
    assert post(endpoint, input="...").status_code == 400


def events_of(response):
    lines = [line for line in response.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_events_carry_the_audio_and_end_with_usage(endpoint):
    response = post(endpoint, stream_format="sse", response_format="wav")
    assert response.headers["content-type"].startswith("text/event-stream")
    *deltas, done = events_of(response)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    waveform, _ = soundfile.read(io.BytesIO(audio))
    assert len(waveform) == 2 * FRAMES
    assert done["type"] == "speech.audio.done"
    assert done["usage"] == {"input_tokens": 10, "output_tokens": 40, "total_tokens": 50}


def test_a_failure_on_the_way_is_an_event_and_not_a_silent_end(endpoint):
    endpoint.service.error, endpoint.service.error_at = GanrayError("the voice made NaN"), 1
    events = events_of(post(endpoint, stream_format="sse", response_format="pcm"))
    assert events[-1]["type"] == "speech.audio.error"
    assert set(events[-1]["error"]) == {"message", "type", "param", "code"}
    assert all(event["type"] != "speech.audio.done" for event in events)


def test_default_is_always_among_the_voices(endpoint):
    voices = requests.get(f"{endpoint.url}/v1/audio/voices", timeout=60).json()["voices"]
    assert [(voice["id"], voice["name"]) for voice in voices] == [
        (name, name) for name in ("default", "polly", "hiss", "reader")
    ]


def test_pitch_is_heard(endpoint):
    plain, high = (np.frombuffer(post(endpoint, response_format="pcm", pitch=p).content, "<i2") for p in (0, 12))
    peaks = [np.abs(np.fft.rfft(wave)).argmax() for wave in (plain, high)]
    assert peaks[1] / peaks[0] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("kind", ["wav", "pcm", "mp3"])
def test_another_sample_rate_is_the_same_speech(client, kind):
    asked = {"model": "tts-1", "voice": "reader", "input": "Three words here.", "response_format": kind}
    response = client.audio.speech.create(**asked, extra_body={"sample_rate": 16_000})
    assert response.response.headers["x-sample-rate"] == "16000"
    got = decoded(response.content, kind, 16_000)
    assert abs(len(got) - 3 * FRAMES * 2 / 3) < 2 * 1152 + 100
    assert 0.2 < np.abs(got).max() <= 0.6


def test_words_are_told_with_their_place_in_the_text_as_events(endpoint):
    lines = post(endpoint, input="Two  words.", stream_format="sse", timestamps=["word"]).text.split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    words = [word for event in events if event["type"] == "speech.audio.words" for word in event["words"]]
    assert [(word["word"], word["start"], word["end"]) for word in words] == [("Two", 0, 3), ("words.", 5, 11)]
    assert words[1]["start_s"] == pytest.approx(FRAMES / 24_000, abs=1e-3)
    assert "phonemes" not in words[0]
    assert events[-1]["type"] == "speech.audio.done"


def test_words_and_phonemes_come_as_json_with_the_audio(endpoint):
    document = post(endpoint, timestamps=["word", "phoneme"], response_format="wav").json()
    assert len(decoded(base64.b64decode(document["audio"]), "wav", document["sample_rate"])) == 2 * FRAMES
    assert [word["word"] for word in document["words"]] == ["Two", "words."]
    assert document["words"][0]["phonemes"] == [{"phoneme": "x", "start_s": 0.0, "end_s": round(FRAMES / 24_000, 4)}]
    assert document["usage"]["output_tokens"] == 40


def test_phonemes_may_be_given_instead_of_text(endpoint):
    assert post(endpoint, input="h ə l ˈoʊ", phonemes=True).status_code == 200
    assert (endpoint.service.asked[-1]["text"], endpoint.service.asked[-1]["reading"]) == ("[[h ə l ˈoʊ]]", "markup")
    post(endpoint, input="two words", normalize=False)
    assert endpoint.service.asked[-1]["reading"] == "as said"
    assert "leave normalize on" in error_of(post(endpoint, normalize=False, ssml=True))["message"]
    error = error_of(post(endpoint, phonemes=True, ssml=True))
    assert "ask for one" in error["message"]
