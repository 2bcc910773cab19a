"""What changed between two benchmarks: seen where it did, and not where chance did it."""

import copy
import json

import numpy as np
import pytest

from ganray.errors import DataError
from ganray.metrics.benches import compare, differences, direction, machine, placed


def document(speed=40.0, spread=1.0, seed=0, **more):
    rounds = np.random.default_rng(seed).normal(speed, spread, 12).round(3).tolist()
    return {
        "voice": "english",
        "times_real_time": float(np.median(rounds)),
        "first_audio_ms": 50.0,
        "engines": {"onnx": {"rounds_times_real_time": rounds, "first_audio_ms": [50.0, 51.0, 52.0]}},
        "loads": [{"loop": "closed", "level": 4, "requests_per_s": 3.0, "failed": 0, "failures": {}}],
        "machine": {"processor": "a", "cores": 2},
        **more,
    }


def of(changes):
    return {change.key: change for change in changes}


@pytest.mark.parametrize(
    ("key", "way"),
    [
        ("times_real_time", 1), ("loads.closed4.requests_per_s", 1), ("ray_ratios.clock", 1), ("peers.x.over_it", 1),
        ("first_audio_ms", -1), ("loads.closed4.first_audio_ms.p99", -1), ("memory_mb", -1),
        ("loads.closed4.failed", -1), ("say_seconds", -1), ("workers", 0), ("rounds", 0),
    ],
)  # fmt: skip
def test_each_figure_has_its_direction(key, way):
    assert direction(key) == way


def test_a_slower_voice_is_worse_with_its_interval():
    found = of(compare(document(40), document(30, seed=1)))
    change = found["engines.onnx.rounds_times_real_time"]
    assert change.verdict == "worse"
    assert change.low < 0.75 < change.high < 0.85
    assert found["times_real_time"].verdict == "worse"
    assert found["first_audio_ms"].verdict == "same"
    assert of(compare(document(30), document(40, seed=1)))["times_real_time"].verdict == "better"


def test_the_same_speed_measured_twice_is_the_same():
    key = "engines.onnx.rounds_times_real_time"
    verdicts = [of(compare(document(seed=2 * i), document(seed=2 * i + 1)))[key].verdict for i in range(40)]
    assert verdicts.count("same") >= 36


def test_what_appears_from_nothing_is_told():
    after = copy.deepcopy(document())
    after["loads"][0]["failed"] = 3
    assert of(compare(document(), after))["loads.closed4.failed"].verdict == "worse"
    assert of(compare(document(), document()))["loads.closed4.failed"].verdict == "same"


def test_another_machine_is_told():
    other = document(machine={"processor": "b", "cores": 2}, voice="mine")
    assert differences(document(), other) == ["processor: a → b", "voice: english → mine"]
    assert differences(document(), document()) == []


def test_a_document_says_where_and_when_it_was_made():
    made = placed({"x": 1, "machine": {"torch": "2"}})
    assert made["machine"]["torch"] == "2"
    assert made["machine"]["cores"] >= 1
    assert made["date"].endswith("+00:00")
    assert {"processor", "amx", "memory_gb", "load", "python", "ganray"} <= set(machine())


def test_documents_without_a_common_figure_are_refused():
    with pytest.raises(DataError, match="no figure in common"):
        compare({"a": 1}, {"b": 2})


def test_the_command_compares_two_files_and_fails_where_asked(tmp_path, capsys):
    from ganray.cli import main

    for name, one in (("before", document(40)), ("after", document(30, seed=1))):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))
    files = [str(tmp_path / "before.json"), str(tmp_path / "after.json")]
    with pytest.raises(SystemExit) as ended:
        main(["bench", "compare", *files])
    assert not ended.value.code
    assert "worse" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["bench", "compare", *files, "--gate", "--json"])
    assert ended.value.code == 1
    assert "times_real_time" in {p["path"] for p in json.loads(capsys.readouterr().out)["error"]["problems"]}
    with pytest.raises(SystemExit) as ended:
        main(["bench", "compare", files[0], str(tmp_path / "nowhere.json")])
    assert ended.value.code == 4
