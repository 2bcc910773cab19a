"""The whole service: real Serve on a real Ray, a real voice, a real HTTP client."""

import json
import re
import runpy
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import openai
import pytest
import ray
import requests
from ray import serve

from ganray.audio import FORMATS, encode, read, to_pcm16
from ganray.config.serve import ServeConfig
from ganray.errors import DataError, UsageError
from ganray.serving import start
from ganray.voice import Voice

from .answers import decoded, error_of
from .conftest import npy

pytestmark = pytest.mark.ray
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def service(ray_session, mel_voice, noise_voice):
    """One service for this module, with room for two replicas and quick decisions."""
    config = ServeConfig.model_validate(
        {
            "voices": {"tiny": str(mel_voice), "noisy": str(noise_voice)},
            "replica": {"max_ongoing_requests": 2},
            "stream": {"growth": 2, "block_frames": 48},  # many blocks, so that there is time to go away between two
            "autoscaling": {
                "max_replicas": 2,
                "policy": "requests",
                "target_ongoing_requests": 1,
                "upscale_delay_s": 0.5,
                "downscale_delay_s": 2,
                "look_back_period_s": 1,
                "report_every_s": 0.25,
            },
            "queue": {"max_queued_requests": 4, "retry_after_s": 3},
        }
    )
    application = {"name": "speech", "import_path": "ganray.serving.app:build", "args": config.model_dump(mode="json")}
    document = {
        "http_options": {"host": "127.0.0.1"},
        "logging_config": {"encoding": "JSON"},
        "applications": [application],
    }
    with start(document, port=0) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def voice(mel_voice):
    return Voice.load(mel_voice)


def vocode(service, data: bytes, **fields) -> requests.Response:
    form = {name: str(value) for name, value in fields.items()}
    return requests.post(f"{service.url}/v1/audio/vocode", files={"file": data}, data=form, timeout=120)


def test_wav_through_the_endpoint_is_what_the_voice_makes(service, voice, waveform, wav):
    response = vocode(service, wav)
    assert response.status_code == 200, response.text
    heard = to_pcm16(voice.vocode(voice.mel(read(wav, 24_000)[0]))).astype(int)
    got = np.frombuffer(response.content[44:], "<i2").astype(int)
    assert len(got) == len(heard)
    assert np.abs(got - heard).max() <= 1
    assert response.headers["x-voice-digest"] == voice.digest
    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["x-request-id"])


def test_streamed_is_whole(service, wav):
    streamed, whole = vocode(service, wav, stream=True), vocode(service, wav, stream=False)
    assert streamed.content == whole.content


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_has_the_right_length(service, voice, waveform, wav, kind):
    got = decoded(vocode(service, wav, response_format=kind).content, kind, 24_000)
    want = len(waveform) // voice.audio.hop_length * voice.audio.hop_length
    assert want - 100 <= len(got) <= want + (0 if kind in ("wav", "flac", "pcm") else 4 * 1152)


def test_a_mel_and_its_recording_sound_the_same(service, voice, waveform, wav):
    contract = json.dumps(requests.get(f"{service.url}/v1/vocoders/tiny", timeout=60).json()["audio"])
    mel = voice.mel(read(wav, 24_000)[0])
    from_mel = vocode(service, npy(mel), audio_contract=contract)
    assert from_mel.content == vocode(service, wav).content


def test_a_mel_of_another_contract_is_refused_with_both_values(service, voice):
    contract = json.dumps(voice.audio.model_dump(mode="json") | {"hop_length": 300})
    error = error_of(vocode(service, npy(np.zeros((100, 5), np.float32)), audio_contract=contract))
    assert "256" in error["message"]
    assert "300" in error["message"]


def test_same_seed_same_bytes_another_seed_other_bytes(service, wav):
    first, same, other = (vocode(service, wav, seed=seed).content for seed in (1, 1, 2))
    assert first == same != other


def test_a_noise_voice_is_listed_and_has_no_vocoder(service, wav):
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0)
    assert {model.id for model in client.models.list()} == {"tiny", "noisy"}
    response = vocode(service, wav, model="noisy")
    assert (response.status_code, error_of(response)["code"]) == (400, "wrong_voice_kind")


def test_errors_keep_their_envelope_and_request_id_through_serve(service):
    for response in (
        requests.get(f"{service.url}/nothing", timeout=60),
        vocode(service, b"no audio at all"),
        vocode(service, b"\x93NUMPY garbage", audio_contract="{}"),
    ):
        assert 400 <= response.status_code < 500
        assert error_of(response)["code"]
        assert response.headers["x-request-id"]


def logged(identity: str, count: int) -> list[dict]:
    """The front's lines of a request, once there are so many."""
    folder, deadline = Path(ray._private.worker._global_node.get_logs_dir_path()) / "serve", time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = [line for path in folder.glob("replica_speech_Ingress_*.log") for line in path.read_text().splitlines()]
        told = [line for line in map(json.loads, lines) if line.get("request_id") == identity]
        if len(told) >= count:
            return told
        time.sleep(0.2)
    raise AssertionError(f"{identity}: not in the log")


def test_the_log_tells_of_a_request_by_the_id_that_it_came_with(service, wav):
    ask, headers = f"{service.url}/v1/audio/vocode", {"x-request-id": "found-again"}
    answer = requests.post(ask, files={"file": wav}, headers=headers, timeout=120)
    assert answer.headers["x-request-id"] == "found-again"
    stream, access = sorted(logged("found-again", 2), key=lambda line: "voice" not in line)
    assert (stream["voice"], stream["end"]) == ("tiny", "whole")
    assert stream["audio_s"] == pytest.approx(float(answer.headers["x-audio-seconds"]), abs=1e-3)
    assert 0 < stream["first_audio_s"] <= stream["seconds"]
    assert re.search(r"POST .* 200 ", access["message"])
    assert requests.post(ask, data=b"no audio", headers={"x-request-id": "refused"}, timeout=120).status_code == 400
    (refused,) = logged("refused", 1)
    assert re.search(r"POST .* 400 ", refused["message"])


def test_an_endless_upload_is_refused_and_the_next_request_is_served(service, wav):
    """HAProxy may go on taking what the front has refused; how much the front reads, test_uploads.py says."""

    def endless():
        for _ in range(512):
            yield bytes(2**20)

    try:
        response = requests.post(f"{service.url}/v1/audio/vocode", data=endless(), timeout=120)
        assert response.status_code == 413
    except requests.RequestException:
        pass  # the server hung up while the client still sent
    assert vocode(service, wav).status_code == 200


def test_thousands_of_slow_connections_keep_nobody_out(service, wav):
    """Half of them in the head of their request, half in its body: more than the front holds, were they to reach it."""
    where = urlsplit(service.url)
    slow = [socket.create_connection((where.hostname, where.port), timeout=60) for _ in range(3000)]
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    for number, connection in enumerate(slow):
        connection.sendall(head + b"\r\n{" if number % 2 else head)
    begin = time.monotonic()
    assert vocode(service, wav).status_code == 200
    assert time.monotonic() - begin < 9, "none of them has been let go by then"
    told = slow[1].recv(65_536)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert json.loads(told.split(b"\r\n\r\n")[1])["error"]["code"] == "request_timeout"
    for connection in slow:
        connection.close()


def test_a_replica_works_no_longer_for_who_has_gone_away(service):
    long = encode(np.zeros(24_000 * 100, np.float32), 24_000, "wav")
    assert streams() == 0
    begin = time.monotonic()
    assert vocode(service, long).status_code == 200
    lasts = time.monotonic() - begin
    url = f"{service.url}/v1/audio/vocode"
    with requests.post(url, files={"file": long}, stream=True, timeout=120) as response:
        next(response.iter_content(1024))
        assert streams() == 1
    begin = time.monotonic()
    while streams():
        assert time.monotonic() - begin < lasts / 2
        time.sleep(0.05)


def streams() -> float:
    """How many a generator works on."""
    generator = serve.get_deployment_handle("Generator", "speech")
    return generator.record_autoscaling_stats.remote().result()["streams"]


def test_the_page_is_there(service):
    assert "page.js" in requests.get(service.url, timeout=60).text


@pytest.mark.slow
def test_too_much_load_is_refused_at_once_and_a_second_replica_comes_and_goes(service):
    long = encode(np.zeros(24_000 * 100, np.float32), 24_000, "wav")
    deadline = time.monotonic() + 60
    statuses: list[int] = []
    refusals: list[requests.Response] = []

    def ask():
        while time.monotonic() < deadline and not grown.is_set():
            response = vocode(service, long)
            statuses.append(response.status_code)
            if response.status_code == 429:
                refusals.append(response)
                time.sleep(0.5)

    grown = threading.Event()
    with ThreadPoolExecutor(12) as pool:
        for _ in range(12):
            pool.submit(ask)
        while time.monotonic() < deadline and replicas() < 2:
            time.sleep(0.1)
        grown.set()
    assert replicas() == 2
    assert 200 in statuses
    assert set(statuses) <= {200, 429}
    assert refusals
    assert {refusal.headers["retry-after"] for refusal in refusals} == {"3"}
    assert {error_of(refusal)["code"] for refusal in refusals} == {"server_is_overloaded"}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and replicas() > 1:
        time.sleep(0.2)
    assert replicas() == 1
    assert vocode(service, encode(np.zeros(24_000, np.float32), 24_000, "wav")).status_code == 200


def replicas() -> int:
    """How many generators run."""
    states = serve.status().applications["speech"].deployments["Generator"].replica_states
    return sum(count for state, count in states.items() if str(getattr(state, "value", state)) == "RUNNING")


def test_a_second_service_on_another_port_is_refused(service, mel_voice):
    with pytest.raises(UsageError, match="on another port"):
        start(ServeConfig(voices={"a": str(mel_voice)}), port=1)
    assert requests.get(f"{service.url}/healthz", timeout=60).ok


@pytest.mark.slow
def test_zz_a_voice_that_is_not_there_is_told_as_what_it_is(service, tmp_path):
    port = int(service.url.rsplit(":", 1)[1])
    with pytest.raises(DataError, match="no voice at"):
        start(ServeConfig(voices={"a": str(tmp_path / "nowhere")}), port=port)


def test_import_of_the_front_leaves_training_alone():
    code = "import sys, ganray.serving.app; sys.exit(any(name.startswith('ganray.training') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_prometheus_sees_all_that_the_dashboard_shows(service, wav):
    vocode(service, wav)
    document = json.loads((ROOT / "serve" / "grafana.json").read_text())
    shown = " ".join(target["expr"] for panel in document["panels"] for target in panel["targets"])
    wanted = set(re.findall(r"ray_ganray_\w+", shown)) - {"ray_ganray_under_runs_total"}  # nobody waited yet
    assert not re.findall(r"ray_ganray_\w+(?!\w|\{voice)", shown), "each is shown of the voices that were chosen"
    node = ray.nodes()[0]
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    missing, deadline = wanted, time.monotonic() + 60
    while missing and time.monotonic() < deadline:
        vocode(service, wav)
        time.sleep(1)
        seen = set(re.findall(r"^(ray_ganray_\w+)", requests.get(url, timeout=10).text, re.MULTILINE))
        missing = wanted - seen
    assert not missing


def test_the_dashboard_is_as_it_was_written(tmp_path):
    written = runpy.run_path(str(ROOT / "tools" / "dashboard.py"))["dashboard"]()
    assert json.loads((ROOT / "serve" / "grafana.json").read_text()) == written


@pytest.mark.slow
def test_a_service_of_its_own_ray_can_be_started_again(mel_voice):
    """In one process, which still remembers the Serve of a Ray that is gone."""
    code = (
        "from ganray.config.serve import ServeConfig; from ganray.serving import start; import requests\n"
        "for _ in range(2):\n"
        f"    with start(ServeConfig(voices={{'tiny': {str(mel_voice)!r}}}), port=0) as endpoint:\n"
        "        print(requests.get(f'{endpoint.url}/healthz', timeout=60).status_code)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert told.stdout.split() == ["200", "200"], told.stderr[-2000:]
