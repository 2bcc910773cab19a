"""Text in while it is written, audio out while it is made."""

import json
import time

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ganray.serving import keys

FRAMES = 20 * 256
"""Samples that the stand-in makes of a word."""


@pytest.fixture
def session(endpoint):
    with connect(f"{endpoint.url.replace('http', 'ws')}/v1/audio/speech/stream", max_size=None) as socket:
        yield socket


def tell(session, kind: str, **fields) -> None:
    session.send(json.dumps({"type": kind, **fields}))


def until(session, last: str) -> list:
    """Messages up to the first of a type: JSON as dicts, audio as bytes."""
    got = []
    while True:
        message = session.recv(timeout=20)
        got.append(message if isinstance(message, bytes) else json.loads(message))
        if isinstance(got[-1], dict) and got[-1]["type"] == last:
            return got


def test_a_sentence_is_heard_before_the_next_is_written(session, endpoint):
    tell(session, "session.config", voice="reader")
    assert until(session, "session.created")[0]["sample_rate"] == 24_000
    for letter in "One two. ":
        tell(session, "input.text", text=letter)
    tell(session, "input.flush")
    first = until(session, "audio.done")
    assert (first[0]["text"], first[0]["start"], first[0]["end"]) == ("One two.", 0, 8)
    audio = b"".join(part for part in first if isinstance(part, bytes))
    assert len(np.frombuffer(audio, "<i2")) == 2 * FRAMES
    tell(session, "input.text", text="Three.")
    tell(session, "input.done")
    rest = until(session, "session.done")
    assert (rest[0]["text"], rest[0]["start"]) == ("Three.", 9)
    assert rest[-1]["usage"]["output_tokens"] == 60
    assert [asked["text"] for asked in endpoint.service.asked] == ["One two.", "Three."]


def test_sentences_end_by_themselves_and_words_count_from_the_beginning(session):
    tell(session, "session.config", voice="reader", timestamps=["word"], speed=2)
    tell(session, "input.text", text="One. Two. " + "And a longer one follows here, " * 4)
    tell(session, "input.done")
    words = [w for m in until(session, "session.done") if isinstance(m, dict) for w in m.get("words", [])]
    assert [word["word"] for word in words[:3]] == ["One.", "Two.", "And"]
    assert [word["start"] for word in words[:3]] == [0, 5, 10]
    assert words[2]["start_s"] == pytest.approx(2 * FRAMES / 24_000, abs=1e-3)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "input.text", "text": "Hello."}], "invalid_message"),
        ([{"type": "session.config", "voice": "nobody"}], "voice_not_found"),
        ([{"type": "session.config", "voice": "polly"}], "wrong_voice_kind"),
        ([{"type": "session.config", "voice": "reader", "speed": 9}], "invalid_value"),
        ([{"type": "session.config", "voice": "reader", "response_format": "mp3"}], "unknown_field"),
        ([{"type": "session.config", "voice": "reader"}, {"type": "sing"}], "invalid_message"),
        ([{"type": "session.config", "voice": "reader"}, {"type": "input.text", "text": 5}], "invalid_message"),
        (["no json"], "invalid_message"),
        ([b"\x00"], "invalid_message"),
    ],
)
def test_what_is_wrong_is_told_and_the_connection_closed(session, messages, code):
    for message in messages:
        session.send(json.dumps(message) if isinstance(message, dict) else message)
    error = until(session, "error")[-1]["error"]
    assert error["code"] == code
    assert set(error) == {"message", "type", "param", "code"}
    with pytest.raises(ConnectionClosed):
        session.recv(timeout=20)


def test_a_foreign_page_gets_no_connection(endpoint):
    url = f"{endpoint.url.replace('http', 'ws')}/v1/audio/speech/stream"
    with pytest.raises(InvalidStatus):
        connect(url, origin="https://evil.example")
    connect(url, origin=endpoint.url).close()


def test_a_key_is_wanted_where_there_are_keys(endpoint, tmp_path, monkeypatch):
    secret = keys.add(tmp_path / "keys", "me")
    access = endpoint.service.config.access.model_copy(update={"keys": str(tmp_path / "keys")})
    config = endpoint.service.config.model_copy(update={"access": access})
    monkeypatch.setattr(endpoint.service, "config", config)
    url = f"{endpoint.url.replace('http', 'ws')}/v1/audio/speech/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(url)
    assert refused.value.response.status_code == 403
    connect(url, additional_headers={"authorization": f"Bearer {secret}"}).close()


@pytest.mark.parametrize(("spoken", "code"), [(2, "rate_limit_exceeded"), (1, "invalid_api_key")])
def test_every_sentence_counts_for_the_key_and_none_is_spoken_for_one_that_was_taken_back(
    endpoint, tmp_path, monkeypatch, spoken, code
):
    secret = keys.add(tmp_path / "keys", "me", per_minute=2)
    access = endpoint.service.config.access.model_copy(update={"keys": str(tmp_path / "keys")})
    monkeypatch.setattr(endpoint.service, "config", endpoint.service.config.model_copy(update={"access": access}))
    url = f"{endpoint.url.replace('http', 'ws')}/v1/audio/speech/stream"
    with connect(url, additional_headers={"authorization": f"Bearer {secret}"}) as session:
        tell(session, "session.config", voice="reader")
        for number in range(3):
            if number == 1 and spoken == 1:
                keys.remove(tmp_path / "keys", "me")
            tell(session, "input.text", text="One sentence.")
            tell(session, "input.flush")
            if number < spoken:
                until(session, "audio.done")
        assert until(session, "error")[-1]["error"]["code"] == code
    assert len(endpoint.service.asked) == spoken


def test_a_client_that_goes_away_stops_the_work(session, endpoint):
    endpoint.service.pause_s = 0.1
    tell(session, "session.config", voice="reader")
    tell(session, "input.text", text="one two three four five six seven eight nine ten. ")
    tell(session, "input.flush")
    while not isinstance(session.recv(timeout=20), bytes):
        pass
    session.close()
    made = len(endpoint.service.made)
    assert made < 8
    time.sleep(0.6)
    assert len(endpoint.service.made) <= made + 2
