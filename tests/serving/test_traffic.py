"""Which voice answers to a name, and how one takes over from another on a service that runs."""

import json
import re
import shutil
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import requests
from safetensors.numpy import load_file, save_file

from ganray.blind.analysis import read_json
from ganray.cli import cli
from ganray.config.serve import ServeConfig
from ganray.errors import UsageError
from ganray.serving import promotion, start, traffic
from ganray.serving.health import Sound, Ward
from ganray.serving.traffic import Route, Traffic

from .conftest import encode


def test_a_share_of_the_requests_goes_to_the_canary(tmp_path):
    routes = Traffic(str(tmp_path))
    assert routes.choose("reader") == "reader"
    traffic.turn(tmp_path, "reader", Route("one", "two", 0.25), "canary")
    chosen = [routes.choose("reader") for _ in range(2000)]
    assert 400 < chosen.count("two") < 600
    assert chosen.count("one") == 2000 - chosen.count("two")
    traffic.turn(tmp_path, "reader", Route("two"), "live", before="one")
    assert {routes.choose("reader") for _ in range(50)} == {"two"}
    assert [entry["what"] for entry in traffic.history(tmp_path)] == ["canary", "live"]


def test_a_damaged_file_leaves_the_routes_as_they_were(tmp_path):
    routes = Traffic(str(tmp_path))
    traffic.turn(tmp_path, "reader", Route("one"), "live")
    assert routes.choose("reader") == "one"
    (tmp_path / traffic.TRAFFIC).write_text("{")
    assert routes.choose("reader") == "one"


def test_a_name_goes_back_to_who_had_it_before(tmp_path):
    with pytest.raises(UsageError, match="nothing answered"):
        promotion.roll_back(tmp_path, "reader")
    traffic.turn(tmp_path, "reader", Route("two"), "live", before="one")
    traffic.turn(tmp_path, "reader", Route("three"), "live", before="two")
    assert promotion.roll_back(tmp_path, "reader") == "two"
    assert promotion.roll_back(tmp_path, "reader") == "one"


def test_streams_are_counted_by_how_they_sounded():
    ward = Ward()
    for wave, end in ((np.zeros(100), "whole"), (np.ones(100), "whole"), (np.full(100, 0.1), "left")):
        sound = Sound()
        sound.hear(wave.astype(np.float32))
        ward.note("reader", end, sound, 0.05)
    told = ward.of("reader")
    assert [told[name] for name in ("streams", "silent", "clipped", "left", "failed")] == [3, 1, 1, 1, 0]


@pytest.mark.ray
def test_a_voice_is_promoted_under_load_and_a_broken_one_is_not(ray_session, mel_voice, tmp_path, waveform, capsys):
    shelf, clip = tmp_path / "shelf", tmp_path / "probes" / "clip.wav"
    clip.parent.mkdir()
    clip.write_bytes(encode(waveform, 24_000, "wav"))
    shelf.mkdir()
    shutil.copytree(mel_voice, shelf / "one")
    for name, change in (("two", lambda w: w * 1.01), ("broken", lambda w: w * np.nan)):
        shutil.copytree(mel_voice, shelf / name)
        weights = load_file(shelf / name / "generator.safetensors")
        changed = {key: change(value) if value.dtype.kind == "f" else value for key, value in weights.items()}
        save_file(changed, shelf / name / "generator.safetensors")
    listening = tmp_path / "listening"
    listening.mkdir()
    config = ServeConfig.model_validate(
        {"voices": {"one": str(mel_voice)}, "shelf": str(shelf), "autoscaling": {"max_replicas": 1},
         "listening": {"tests": str(listening)}}
    )  # fmt: skip
    statuses, answered, done = [], set(), threading.Event()
    with start(config, port=0) as endpoint:

        def ask() -> None:
            while not done.is_set():
                answer = requests.post(f"{endpoint.url}/v1/audio/vocode", files={"file": clip.read_bytes()}, timeout=60)
                statuses.append(answer.status_code)
                answered.add(answer.headers.get("x-model"))

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            asked = ["serve", "promote", "--for", "one", "--shelf", str(shelf), "--url", endpoint.url]
            asked += ["--probe", str(clip.parent), "--no-listen", "--ab", str(listening / "one-two"), "--json"]
            assert cli.main([*asked, "broken"], standalone_mode=False) == 1
            refused = json.loads(capsys.readouterr().out)
            assert refused["what"] == "refused"
            assert re.search("broken was refused, one goes on: .*NaN", refused["error"]["message"])
            assert not any(listening.iterdir())  # nothing that both said
            cli.main([*asked, "two", "--canary", "50%", "--watch", "3"], standalone_mode=False)
            taken = json.loads(capsys.readouterr().out)
        finally:
            done.set()
            thread.join()
        health = requests.get(f"{endpoint.url}/v1/audio/voices/two/health", timeout=60).json()
        heard_blind(endpoint.url, listening / "one-two", taken["ab"]["test"], capsys)
    assert (taken["what"], taken["old"], taken["new"]) == ("live", "one", "two")
    assert traffic.read(shelf) == {"one": Route("two")}
    assert [entry["what"] for entry in traffic.history(shelf)] == ["refused", "canary", "live"]
    assert traffic.history(shelf)[-1]["ab"] == taken["ab"]["test"]
    assert set(statuses) == {200}  # nobody noticed
    assert answered == {"one", "two"}
    assert (health["failed"], health["silent"]) == (0, 0)
    assert health["streams"] > 1


def heard_blind(url, folder, test, capsys):
    """The service that both voices are on gives the test out, and takes the answers."""
    page = requests.get(f"{url}/listen/{test}", timeout=60)
    assert page.content == (folder / "index.html").read_bytes()
    key = read_json(folder / "key.json")
    assert set(key["names"].values()) == {"one", "two"}
    sounds = key["trials"][0]["sounds"]
    new = next(place for place, sound in zip("ab", sounds, strict=True) if key["names"][sound] == "two")
    result = {"kind": "listening-result", "test": test, "listener": "x",
              "trials": [{"trial": 0, "order": sounds, "vote": new}]}  # fmt: skip
    assert requests.post(f"{url}/listen/{test}/results", json=result, timeout=60).status_code == 201
    cli.main(["listen", "analyse", str(folder), "--json"], standalone_mode=False)
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert (pair["one"], pair["other"], pair["prefers_one"]["count"]) == ("one", "two", 0)


@pytest.mark.parametrize("probe", ["none.wav", "empty"])
def test_probes_that_are_none_are_told(tmp_path, probe):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    asked = ["serve", "promote", "two", "--for", "one", "--shelf", str(tmp_path), "--probe", str(tmp_path / probe)]
    with pytest.raises(UsageError, match="there are no recordings") as caught:
        cli.main(asked, standalone_mode=False)
    assert "folder" in caught.value.mend


def test_a_vocoder_without_recordings_to_be_tried_on_is_told_what_to_give(tmp_path):
    there = [{"id": name, "kind": "mel"} for name in ("one", "two")]
    service = SimpleNamespace(get=lambda path: {"data": there})
    with pytest.raises(UsageError, match="--probe"):
        promotion.promote(service, tmp_path, "one", "two")
