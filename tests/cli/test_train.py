"""What `ganray train` makes of its options."""

import pytest

from ganray import training
from ganray.voice import located


@pytest.fixture
def begun(monkeypatch, ganray):
    """The config of a training that is begun so."""

    def begin(*options):
        configs = []

        def train(config, *_, **__):
            configs.append(config)
            raise KeyboardInterrupt

        monkeypatch.setattr(training, "train", train)
        ganray("train", "text_small", "--data", "nowhere", *options)
        return configs[0]

    return begin


def test_a_run_begins_with_the_voice_in_the_box_by_its_name(begun):
    init = begun("--init", "english").init
    assert (init.source, init.parts) == ("english", "generator")


def test_another_voice_is_one_by_its_card(begun):
    init = begun("--init", located("english")).init
    assert (init.source, init.parts) == (str(located("english").absolute()), "generator")


def test_of_a_voice_less_can_be_asked_for(begun):
    assert begun("--init", "english", "--set", "init.parts=vocoder").init.parts == "vocoder"


def test_of_a_run_all_is_taken(begun, tmp_path, monkeypatch):
    assert begun("--init", tmp_path).init.parts == "all"
    monkeypatch.chdir(located("english"))  # a card beside which one stands says nothing of a run in a bucket
    assert begun("--init", "s3://bucket/run").init.parts == "all"
