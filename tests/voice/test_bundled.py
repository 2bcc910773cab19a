"""The voice that comes with ganray: small, whole, of this front-end, and understood."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganray.metrics import measure
from ganray.voice import Voice, located

TEXT = "Nobody told the gardener why the fountain had been moved."


@pytest.fixture(scope="module")
def english():
    return Voice.load("english")


def test_it_is_small_and_says_where_it_came_from(english):
    folder = located("english")
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 12e6
    assert english.kind == "text"
    assert english.card["origin"]["recipe"] == "text_small"
    assert {"distillmos", "per"} <= set(english.card["origin"]["scores"])


def test_it_is_understood_by_a_recogniser(english):
    speech = english.say(TEXT)
    assert 2 < speech.seconds < 6
    assert 0.02 < np.sqrt(np.mean(speech.waveform**2)) < 0.3
    assert measure("per", speech.waveform, text=TEXT, sample_rate=speech.sample_rate, audio=english.audio) < 0.35
    assert [word.text for word in speech.words][:3] == ["Nobody", "told", "the"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux")
def test_say_speaks_in_little_memory_and_without_torch(tmp_path):
    script = f"""
import re, sys
from ganray.cli import main
try:
    main(["say", {2 * TEXT!r}, "-o", {str(tmp_path / "out.wav")!r}])
except SystemExit as end:
    assert end.code == 0
# Not getrusage: its peak is that of the process that started this one, where that is larger.
print("torch" in sys.modules, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded, megabytes = done.stdout.split()[-2:]
    assert loaded == "False"
    assert int(megabytes) < 300
