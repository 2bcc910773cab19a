"""What the HTTP front answers, over real sockets."""

import io
import json
import shutil
import subprocess
import time
import wave
from pathlib import Path
from typing import get_args

import av
import numpy as np
import openai
import pytest
import requests
import soundfile
from ray.serve.exceptions import BackPressureError

from ganray.audio import FORMATS, encode, to_pcm16
from ganray.config import AudioConfig
from ganray.config.serve import Format
from ganray.errors import DataError, GanrayError
from ganray.serving.requests import VocodeFields
from ganray.serving.routes import PAGE, PAGE_FILES, SCRIPTS
from ganray.serving.uploads import decode_mel

from .conftest import AUDIO, Endpoint, npy

CONTRACT = json.dumps(AUDIO.model_dump(mode="json"))


def error_of(response: requests.Response) -> dict:
    """The one error of an envelope that has exactly the keys that OpenAI's has."""
    document = response.json()
    assert set(document) == {"error"}
    assert set(document["error"]) == {"message", "type", "param", "code"}
    assert document["error"]["message"]
    return document["error"]


def decoded(content: bytes, kind: str, sample_rate: int) -> np.ndarray:
    """(T,) float32, by decoders that know nothing of ganray."""
    if kind == "pcm":
        return np.frombuffer(content, "<i2").astype(np.float32) / 32767
    if kind in ("wav", "flac"):
        waveform, rate = soundfile.read(io.BytesIO(content), dtype="float32")
        assert rate == sample_rate
        return waveform
    with av.open(io.BytesIO(content)) as container:
        resampler = av.AudioResampler("flt", "mono", sample_rate)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def test_wav_in_and_out_is_what_the_voice_made_to_the_last_bit(endpoint: Endpoint, waveform, wav):
    response = endpoint.vocode(wav)
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    whole = len(waveform) // AUDIO.hop_length * AUDIO.hop_length
    got, rate = soundfile.read(io.BytesIO(response.content), dtype="int16")
    assert rate == 24_000 == int(response.headers["x-sample-rate"])
    assert np.abs(got.astype(int) - to_pcm16(waveform[:whole]).astype(int)).max() <= 1
    assert float(response.headers["x-audio-seconds"]) == pytest.approx(whole / 24_000, abs=1e-3)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_decodes_to_the_same_audio_streamed_or_whole(endpoint, waveform, wav, kind, stream):
    response = endpoint.vocode(wav, response_format=kind, stream=stream)
    assert response.status_code == 200
    assert response.headers["content-type"] == FORMATS[kind]
    got = decoded(response.content, kind, 24_000)
    whole = waveform[: len(waveform) // AUDIO.hop_length * AUDIO.hop_length]
    if kind in ("wav", "flac", "pcm"):
        assert np.abs(got - whole).max() < 2 / 32767
    else:
        assert len(whole) - 100 <= len(got) <= len(whole) + 4 * 1152
        lag = np.argmax(np.correlate(got[4000 : 12_000 + 4 * 1152], whole[4000:12000], "valid"))  # the codec's delay
        part = got[lag + 4000 : lag + 12000]
        assert np.corrcoef(part, whole[4000:12000])[0, 1] > 0.98


def test_streamed_and_whole_wav_are_the_same_file_of_exact_length(endpoint, wav):
    streamed, whole = endpoint.vocode(wav, stream=True), endpoint.vocode(wav, stream=False)
    assert streamed.content == whole.content
    assert int(streamed.headers["content-length"]) == len(streamed.content)
    with wave.open(io.BytesIO(streamed.content)) as file:
        assert file.getnframes() * 2 + 44 == len(streamed.content)


def test_blocks_are_sent_as_they_are_made(endpoint, wav):
    endpoint.service.pause_s = 0.15
    with requests.post(f"{endpoint.url}/v1/audio/vocode", files={"file": wav}, stream=True, timeout=60) as response:
        next(response.iter_content(4096))
        assert len(endpoint.service.made) < 4
        rest = response.content
    assert len(endpoint.service.made) == 9
    assert len(rest) > 60_000


def test_raw_body_with_query_is_the_same_as_a_form(endpoint, wav):
    raw = requests.post(f"{endpoint.url}/v1/audio/vocode?response_format=flac&seed=3", data=wav, timeout=60)
    assert raw.content == endpoint.vocode(wav, response_format="flac", seed=3).content
    assert endpoint.service.seeds == [3, 3]


@pytest.mark.parametrize("kind", ["flac", "mp3", "opus"])
def test_uploads_of_any_format_rate_and_channels_are_read(endpoint, kind):
    rate = 48_000
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(rate) / rate).astype(np.float32)
    got = decoded(endpoint.vocode(encode(tone, rate, kind)).content, "wav", 24_000)
    assert len(got) == pytest.approx(24_000, abs=1800)
    spectrum = np.abs(np.fft.rfft(got[4000:20_000]))
    assert np.argmax(spectrum) * 24_000 / 16_000 == pytest.approx(220, abs=3)


def test_stereo_is_mixed_down(endpoint, waveform):
    stream = io.BytesIO()
    soundfile.write(stream, np.stack([waveform, np.zeros_like(waveform)], 1), 24_000, format="WAV", subtype="FLOAT")
    got = decoded(endpoint.vocode(stream.getvalue()).content, "wav", 24_000)
    assert np.abs(got - waveform[: len(got)] / 2).max() < 2 / 32767


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


def test_an_error_before_the_first_block_keeps_its_status(endpoint, wav):
    endpoint.service.error = DataError("the mel is bad", mend="make another")
    response = endpoint.vocode(wav)
    assert response.status_code == 400
    assert error_of(response)["message"] == "the mel is bad; make another"


@pytest.mark.parametrize("error", [GanrayError("the voice made NaN"), ZeroDivisionError("secret detail")])
def test_an_unexpected_error_is_a_500_that_tells_no_secrets(endpoint, wav, error):
    endpoint.service.error = error
    response = endpoint.vocode(wav)
    assert response.status_code == 500
    assert error_of(response)["type"] == "server_error"
    assert "secret" not in response.text


def test_an_error_after_the_first_block_cuts_the_connection(endpoint, wav):
    endpoint.service.error, endpoint.service.error_at = ZeroDivisionError(), 3
    with pytest.raises(requests.exceptions.RequestException):
        endpoint.vocode(wav, response_format="mp3")


def test_when_every_replica_is_busy_the_refusal_says_when_to_come_again(endpoint, wav):
    endpoint.service.error = BackPressureError(32, 32, 429, 1.2)
    response = endpoint.vocode(wav)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    assert error_of(response)["code"] == "server_is_overloaded"


def test_nothing_more_is_made_when_the_client_goes_away(endpoint, wav):
    endpoint.service.pause_s = 0.1
    with requests.post(f"{endpoint.url}/v1/audio/vocode", files={"file": wav}, stream=True, timeout=60) as response:
        next(response.iter_content(1024))
    time.sleep(0.5)
    made = len(endpoint.service.made)
    time.sleep(0.5)
    assert len(endpoint.service.made) == made < 9


@pytest.mark.parametrize("asked", ["a whole file", "timings", "the first block"])
def test_nothing_more_is_made_for_who_goes_away_before_anything_was_sent(endpoint, wav, asked):
    endpoint.service.pause_s = 0.6 if asked == "the first block" else 0.2
    timed = {"json": {"model": "reader", "voice": "reader", "input": "word " * 20, "timestamps": ["word"]}}
    clip = {"files": {"file": wav}, "data": {"stream": str(asked != "a whole file")}}
    path, what = ("speech", timed) if asked == "timings" else ("vocode", clip)
    with pytest.raises(requests.Timeout):
        requests.post(f"{endpoint.url}/v1/audio/{path}", **what, timeout=(60, 0.5))
    time.sleep(0.5)
    made = len(endpoint.service.made)
    time.sleep(1)
    assert len(endpoint.service.made) == made < 9


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
