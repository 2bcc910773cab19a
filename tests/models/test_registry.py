"""An architecture is a file, or an entry point of an installed package."""

import pytest
import torch

from ganray.config.run import Architecture
from ganray.errors import ConfigError
from ganray.models import build_generator, load_run, types

MODULE = """
from typing import Literal

from torch import nn

from ganray.models import contract


class Config(contract.ArchitectureConfig):
    type: Literal["outsider"] = "outsider"
    kernel: int = 3


class Generator(contract.Generator):
    condition = "mel"
    context_frames = 1

    def __init__(self, config, audio):
        super().__init__(config, audio)
        self.out = nn.Conv1d(audio.n_mels, audio.hop_length, config.kernel, padding=config.kernel // 2)

    def forward(self, inputs):
        return self.out(inputs["mel"]).transpose(1, 2).flatten(1)[:, None].tanh()
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """An installed package, as pip leaves it, with one architecture that works and two that don't."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "__init__.py").touch()
    (tmp_path / "elsewhere" / "outsider.py").write_text(MODULE)
    (tmp_path / "elsewhere" / "empty.py").touch()
    info = tmp_path / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    points = "outsider = elsewhere.outsider\nlost = elsewhere.lost\nempty = elsewhere.empty\nvocos = elsewhere.empty\n"
    (info / "entry_points.txt").write_text(f"[ganray.generators]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))


def recipe(**generator):
    return {"name": "theirs", "generator": generator, "schedule": {"max_steps": 1}}


def test_another_packages_architecture_is_one_like_any_other(outside):
    assert "outsider" in types("generators")
    run = load_run(recipe(type="outsider", kernel=5))
    model = build_generator(run.generator, run.audio)
    made = model(model.prepare(torch.zeros(1, run.audio.n_mels, 7), torch.tensor([0])))
    assert made.shape == (1, 1, 7 * run.audio.hop_length)
    with pytest.raises(ConfigError) as caught:
        load_run(recipe(type="outsider", kernle=5))
    assert "kernel" in caught.value.problems[0].mend


def test_what_is_wrong_with_another_packages_architecture_is_told_with_its_name(outside):
    with pytest.raises(ConfigError, match="lost of the package elsewhere can't be imported"):
        load_run(recipe(type="lost"))
    with pytest.raises(ConfigError, match=r"elsewhere\.empty.*has no Config and no Generator"):
        load_run(recipe(type="empty"))


def test_no_package_can_replace_an_architecture_in_the_box(outside):
    run = load_run(recipe(type="vocos", channels=16, inner=16, blocks=1))
    assert type(build_generator(run.generator, run.audio)).__module__ == "ganray.models.generators.vocos"
    assert types("generators").count("vocos") == 1


@pytest.mark.parametrize("name", ["nothing", "a.b", "../x", ""])
def test_an_unknown_architecture_is_refused_with_those_there_are(name):
    with pytest.raises(ConfigError) as caught:
        load_run(recipe(**Architecture(type=name).model_dump()))
    assert "vocos" in caught.value.problems[0].mend
