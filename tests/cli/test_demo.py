"""The whole path once, as a stranger walks it, only shorter."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import soundfile


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.players = self.pictures = 0
        self.outside = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.players += tag == "audio"
        self.pictures += tag == "img"
        source = attributes.get("src") or attributes.get("href") or ""
        if source.startswith(("http:", "https:", "//")):
            self.outside.append(source)


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_demo_goes_from_recordings_to_a_served_voice(corpus, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    arguments = ["demo", "--corpus", str(corpus), "--out", str(tmp_path), "--minutes", "0.3", "--json"]
    result = subprocess.run(
        [sys.executable, "-m", "ganray", *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    document = json.loads(result.stdout)
    assert {"voice", "run", "clip", "page", "scores", "seconds"} <= set(document)
    assert soundfile.info(document["clip"]).duration > 0.5
    assert document["scores"]["pesq"] > 1
    page = Page()
    with open(document["page"], encoding="utf-8") as file:
        page.feed(file.read())
    assert page.players >= 4
    assert page.pictures >= 4
    assert page.outside == []
