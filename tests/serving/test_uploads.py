"""What may be uploaded to be vocoded, mels above all, and what is refused."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import requests
import soundfile

from ganray.audio import encode
from ganray.config import AudioConfig
from ganray.serving.uploads import decode_mel

from .answers import error_of
from .conftest import AUDIO, npy

CONTRACT = json.dumps(AUDIO.model_dump(mode="json"))


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_mel_with_its_contract_is_taken(endpoint, dtype, order):
    mel = np.asarray(np.random.default_rng(0).normal(-5, 2, (100, 40)), dtype, order=order)
    response = endpoint.vocode(npy(mel), audio_contract=CONTRACT)
    assert response.status_code == 200, response.text
    assert len(response.content) == 44 + 2 * 40 * 256


def test_a_mel_may_be_its_numbers_alone(endpoint):
    mel = np.random.default_rng(0).normal(-5, 2, (100, 40)).astype(np.float32)
    url, told = f"{endpoint.url}/v1/audio/vocode", {"X-Audio-Contract": CONTRACT}
    raw = requests.post(f"{url}?file_format=f32", data=mel.astype("<f4").tobytes(), headers=told, timeout=60)
    assert raw.status_code == 200, raw.text
    assert raw.content == endpoint.vocode(npy(mel), audio_contract=CONTRACT).content
    got = decode_mel(mel.tobytes(), json.loads(CONTRACT), AUDIO, voice="polly", max_seconds=9, raw=True)
    assert np.array_equal(got, mel), "bands and frames are not mixed up"


@pytest.mark.parametrize(
    ("upload", "contract", "code"),
    [
        (bytes(399), CONTRACT, "invalid_mel"),
        (np.full(100, np.nan, "<f4").tobytes(), CONTRACT, "not_finite"),
        (bytes(400 * 400), CONTRACT, "audio_too_long"),
        (bytes(400), "", "missing_audio_contract"),
        (bytes(400), CONTRACT.replace("256", "300"), "audio_contract_mismatch"),
    ],
)
def test_numbers_that_are_no_mel_are_refused(endpoint, upload, contract, code):
    fields = {"file_format": "f32"} | ({"audio_contract": contract} if contract else {})
    response = endpoint.vocode(upload, **fields)
    assert (response.status_code, error_of(response)["code"]) == (400, code)


def test_mel_takes_its_contract_from_a_header_too(endpoint):
    response = requests.post(
        f"{endpoint.url}/v1/audio/vocode",
        data=npy(np.zeros((100, 5), np.float32)),
        headers={"X-Audio-Contract": CONTRACT},
        timeout=60,
    )
    assert response.status_code == 200


def test_the_published_contract_is_the_one_that_is_taken(endpoint):
    contract = requests.get(f"{endpoint.url}/v1/vocoders/polly", timeout=60).json()["audio"]
    assert AudioConfig.from_document(contract) == AUDIO
    response = endpoint.vocode(npy(np.zeros((100, 5), np.float32)), audio_contract=json.dumps(contract))
    assert response.status_code == 200


def test_contract_mismatch_names_both_values(endpoint):
    other = json.dumps(AUDIO.model_dump(mode="json") | {"hop_length": 300, "f_max": 8000.0})
    response = endpoint.vocode(npy(np.zeros((100, 5), np.float32)), audio_contract=other)
    error = error_of(response)
    assert response.status_code == 400
    assert (error["code"], error["param"]) == ("audio_contract_mismatch", "audio_contract")
    for word in ("hop_length", "256", "300", "f_max", "12000", "8000"):
        assert word in error["message"]


def test_mel_without_contract_is_told_how(endpoint):
    error = error_of(endpoint.vocode(npy(np.zeros((100, 5), np.float32))))
    assert error["code"] == "missing_audio_contract"
    assert "X-Audio-Contract" in error["message"]
    assert "/v1/vocoders/polly" in error["message"]


class Bomb:
    """Unpickled, it would leave a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def header_of(shape: str, descr: str = "<f4") -> bytes:
    """A `.npy` that tells of an array it does not hold."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64


NAN_MEL = np.full((100, 5), np.nan, np.float32)
INF_MEL = np.full((100, 5), -np.inf, np.float32)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (npy(NAN_MEL), "not_finite"),
        (npy(INF_MEL), "not_finite"),
        (npy(np.full((100, 5), 1e300)), "not_finite"),
        (npy(np.full((100, 5), 1e4, np.float32)), "invalid_mel"),
        (npy(np.zeros((80, 5), np.float32)), "invalid_mel"),
        (npy(np.zeros((5, 100), np.float32)), "invalid_mel"),
        (npy(np.zeros((100, 0), np.float32)), "invalid_mel"),
        (npy(np.zeros((100, 5), np.int32)), "invalid_mel"),
        (npy(np.zeros((100, 5), np.complex64)), "invalid_mel"),
        (npy(np.zeros((100, 400), np.float32)), "audio_too_long"),
        (header_of("(100, 1000000000000)"), "invalid_mel"),
        (header_of("(100, -5)"), "invalid_mel"),
        (header_of("(100, 5.0)"), "invalid_mel"),
        (header_of("__import__('os')"), "invalid_mel"),
        (header_of("(100, 5)", "|O"), "invalid_mel"),
        (b"\x93NUMPY", "invalid_mel"),
        (b"\x93NUMPY\x01\x00\xff\xff", "invalid_mel"),
        (npy(np.zeros((100, 5), np.float32))[:-1], "invalid_mel"),
        (b"RIFF", "unreadable_audio"),
        (b"hello, this is no audio", "unreadable_audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "unreadable_audio"),
        (b"PK\x03\x04" + bytes(500), "unreadable_audio"),
        (encode(np.zeros(24_000 * 5, np.float32), 24_000, "wav"), "audio_too_long"),
        (encode(np.zeros(24_000 * 600, np.float32), 24_000, "flac"), "audio_too_long"),
        (encode(np.zeros(100, np.float32), 24_000, "wav"), "audio_too_short"),
        (b"", "missing_file"),
    ],
)
def test_what_cannot_be_vocoded_is_refused_with_its_reason(endpoint, data, code):
    response = endpoint.vocode(data, audio_contract=CONTRACT)
    assert response.status_code == 400, response.text
    error = error_of(response)
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert endpoint.service.made == []


def test_nan_audio_is_refused(endpoint):
    stream = io.BytesIO()
    soundfile.write(stream, np.full(24_000, np.nan, np.float32), 24_000, format="WAV", subtype="FLOAT")
    assert error_of(endpoint.vocode(stream.getvalue()))["code"] == "not_finite"


def test_a_pickle_is_never_opened(endpoint, tmp_path):
    trace = tmp_path / "trace"
    data = npy(np.array([Bomb(trace)], dtype=object), allow_pickle=True)
    error = error_of(endpoint.vocode(data, audio_contract=CONTRACT))
    assert error["code"] == "invalid_mel"
    assert "pickle" in error["message"]
    assert not trace.exists()


@pytest.mark.parametrize("form", [True, False])
def test_a_large_upload_is_refused(endpoint, form):
    data = bytes(1_000_000)
    url = f"{endpoint.url}/v1/audio/vocode"
    response = requests.post(url, **({"files": {"file": data}} if form else {"data": data}), timeout=60)
    assert response.status_code == 413
    assert error_of(response)["code"] == "upload_too_large"


def test_an_endless_upload_is_refused_while_it_is_read(endpoint):
    sent = 0

    def endless():
        nonlocal sent
        while sent < 2**30:
            sent += 65_536
            yield bytes(65_536)

    try:
        response = requests.post(f"{endpoint.url}/v1/audio/vocode", data=endless(), timeout=60)
        assert response.status_code == 413
    except requests.ConnectionError:
        pass  # the server hung up while the client still sent
    assert sent < 2**27


@pytest.mark.parametrize("change", [{"hop_lenght": 1}, {"sample_rate": "fast"}])
def test_a_contract_that_is_none_is_explained(endpoint, change):
    contract = json.dumps(AUDIO.model_dump(mode="json") | change)
    error = error_of(endpoint.vocode(npy(np.zeros((100, 5), np.float32)), audio_contract=contract))
    assert error["code"] == "invalid_audio_contract"
    assert next(iter(change)) in error["message"]


def test_half_a_contract_is_refused(endpoint):
    error = error_of(endpoint.vocode(npy(np.zeros((100, 5), np.float32)), audio_contract='{"sample_rate": 24000}'))
    assert error["code"] == "incomplete_audio_contract"
    assert "hop_length" in error["message"]
