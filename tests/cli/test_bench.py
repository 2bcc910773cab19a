"""`ganray bench`."""

import pytest

from tests.conftest import TINY


@pytest.mark.slow
@pytest.mark.ray
def test_the_command_prints_one_document(ray_session, ganray):
    sets = [word for text in TINY for word in ("--set", text)]
    called = ganray("bench", "train", "source_filter_small", "--workers", 1, "--seconds", 0, *sets, "--json")
    assert called.code == 0, called.err
    document = called.document
    assert document["audio_seconds_per_s"] > 0
    for of in ("ray", "plain"):
        assert {name: len(all_of) for name, all_of in document[f"{of}_ratios"].items()} == {"clock": 3, "core": 3}
    assert 0.2 < document["ray_ratio"] < 5
    assert document["plain_ratio"] > 0.5
    assert document["losses"]["agree"]
    assert document["workers"] == 1
