"""`ganray bench speak` measures the voice in the box."""

import json

import pytest

from ganray.errors import DataError
from ganray.voice.bench import bench_speak


@pytest.mark.slow
def test_all_engines_take_turns_on_one_core(capsys):
    from ganray.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["bench", "speak", "english", "--rounds", "3", "--json"])
    assert not ended.value.code
    document = json.loads(capsys.readouterr().out)
    assert set(document["engines"]) == {"onnx", "torch"}
    for engine in document["engines"].values():
        assert len(engine["rounds_times_real_time"]) == 3
        assert engine["times_real_time"] > 3
    for peer in document["peers"].values():
        assert len(peer["ours_over_it_ratios"]) == 3
    assert 50 < document["memory_mb"] < 400
    assert document["machine"]["cores"] >= 1


def test_what_is_no_voice_is_told_before_anything_is_measured(tmp_path):
    with pytest.raises(DataError, match="no voice"):
        bench_speak(str(tmp_path))
