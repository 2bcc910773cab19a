"""Recipes at equal budgets, trained for real on Ray."""

import json
import shutil
from importlib import import_module

import pytest

from ganray.cli import main
from ganray.comparing import compare, resume
from ganray.comparing.contest import SHARED, contestants
from ganray.config import AudioConfig
from ganray.config.documents import dump_yaml
from ganray.errors import ConfigError, DataError, UsageError
from ganray.models import load_run
from ganray.training import train
from tests.conftest import TINY

VOCOS = [text for text in TINY if not text.startswith("generator.f0")]
MORE = ["validation.every_steps=2", "checkpoint.every_steps=2", "resources.num_workers=1", "log.every_steps=1"]


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """Two tiny recipes of different generators, batches and seeds."""
    folder = tmp_path_factory.mktemp("recipes")
    made = []
    for name, texts in (("source_filter_small", TINY), ("vocos_small", VOCOS)):
        run = load_run(name, [*texts, *MORE]).model_dump(mode="json")
        if made:
            run |= {"seed": 7}
            run["data"] |= {"batch_size": 8}
        made.append(folder / f"{name}.yaml")
        made[-1].write_text(dump_yaml(run))
    return [str(path) for path in made]


def test_all_share_what_makes_it_fair_and_keep_what_is_their_own(recipes):
    first, second = contestants(recipes, AudioConfig(), steps=4)
    for key in SHARED:
        assert getattr(first, key) == getattr(second, key), key
    assert first.data.batch_size == 4
    assert (first.generator.type, second.generator.type) == ("source_filter", "vocos")
    assert first.objective != second.objective
    assert (first.schedule.max_steps, first.schedule.max_minutes) == (4, None)
    assert second.schedule.warmup_steps == load_run(recipes[1]).schedule.warmup_steps


def test_the_same_discriminators_are_the_first_ones(recipes):
    first, second = contestants([recipes[0], "hifigan_v1"], AudioConfig(), minutes=1, same_discriminators=True)
    assert second.discriminators == first.discriminators
    assert second.objective == first.objective
    assert second.generator.type == "hifigan"
    assert second.audio == first.audio == AudioConfig(), "the dataset's, not the recipe's own 22,050 Hz"


def test_a_recipe_may_be_there_twice_under_two_names(recipes):
    assert [run.name for run in contestants([recipes[0]] * 3, AudioConfig(), steps=1)] == [
        "source_filter_small", "source_filter_small-2", "source_filter_small-3",
    ]  # fmt: skip


def test_a_recipe_has_settings_of_its_own_behind_it(recipes, tmp_path):
    spaced = tmp_path / "my own.yaml"
    shutil.copy(recipes[0], spaced)
    ablation = f"{recipes[0]} 'generator.parts=[harmonic, noise]' name=no_free"
    runs = contestants([recipes[0], ablation, str(spaced)], AudioConfig(), steps=1)
    assert [run.name for run in runs] == ["source_filter_small", "no_free", "source_filter_small-2"]
    assert [len(run.generator.parts) for run in runs] == [3, 2, 3]
    with pytest.raises(ConfigError) as caught:
        contestants([recipes[0], f"{recipes[1]} data.batch_size=2 generator.blocks=1"], AudioConfig(), steps=1)
    (problem,) = caught.value.problems
    assert problem.path.endswith("data.batch_size")
    assert "--set" in problem.mend
    with pytest.raises(UsageError, match="No closing quotation"):
        contestants([recipes[0], f"{recipes[1]} 'generator.blocks=1"], AudioConfig(), steps=1)
    assert contestants([f"{recipes[0]} seed=5", recipes[1]], AudioConfig(), steps=1)[1].seed == 5


def test_what_can_not_be_compared_is_refused_with_every_problem(recipes):
    with pytest.raises(UsageError, match="two recipes"):
        contestants(recipes[:1], AudioConfig(), steps=1)
    with pytest.raises(UsageError, match="when does"):
        contestants(recipes, AudioConfig())
    with pytest.raises(UsageError, match="text_small does not speak from a mel"):
        contestants([recipes[0], "text_small"], AudioConfig(), steps=1)
    with pytest.raises(ConfigError) as caught:
        contestants(["hifigan_v1", "istftnet"], AudioConfig(hop_length=240), steps=1)
    told = [problem.path for problem in caught.value.problems]
    assert "hifigan_v1: generator.upsample_rates" in told
    assert "istftnet: generator.upsample_rates" in told


@pytest.mark.ray
def test_recipes_are_trained_judged_and_reported_though_it_was_interrupted(
    recipes, dataset, ray_session, tmp_path, monkeypatch, capsys
):
    recipes = [*recipes, recipes[0]]
    begun = []

    def train_once(*arguments, **keys):
        begun.append(arguments)
        if len(begun) > 1:
            raise KeyboardInterrupt
        return train(*arguments, **keys)

    monkeypatch.setattr(import_module("ganray.comparing.compare"), "train", train_once)
    keys = {"steps": 4, "clips": 1, "measures": ("mel", "stft"), "storage": tmp_path, "name": "three", "quiet": True}
    with pytest.raises(KeyboardInterrupt):
        compare(recipes, dataset, **keys)
    monkeypatch.undo()
    kept = json.loads((tmp_path / "three" / "compare.json").read_text())["recipes"]
    assert [one["status"] for one in kept] == ["trained", "waiting", "waiting"]
    with pytest.raises(UsageError, match="already"):
        compare(recipes, dataset, **keys)

    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["compare", "--resume", str(tmp_path / "three"), "--json"])
    assert not ended.value.code
    said = capsys.readouterr()
    document = json.loads(said.out)
    names = ["source_filter_small", "vocos_small", "source_filter_small-2"]
    assert [one["name"] for one in document["recipes"]] == names
    # The two that waited learned at the same time: both began before either had ended.
    told = [line for line in said.err.splitlines() if "global batch" in line or "validation @4" in line]
    assert ["global" in line for line in told[:2]] == [True, True], told
    for one in document["recipes"]:
        assert one["status"] == "done"
        assert one["step"] == 4
        assert one["scores"].keys() == {"mel", "stft"}
        assert one["times_real_time"] > 0
        assert one["parameters"] > 10_000
        assert one["gmac_per_s"] > 0
        assert one["memory_mb"] > 50
    report = json.loads((tmp_path / "three" / "report" / "report.json").read_text())
    assert kept[0].items() <= (report["recipes"][0] | {"status": "trained"}).items(), "what ended stays as it is"
    assert [len(one["curve"]) for one in report["recipes"]] == [2, 2, 2]
    assert report["scale"]["griffin_lim"]["mel"]["mean"] > 0
    page = (tmp_path / "three" / "report" / "index.html").read_text()
    assert page.count("<audio controls") == 4, "one clip: the recording and three voices"
    assert page.count("<figure>") == 5, "four fronts and the curves"


def test_a_comparison_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="no comparison at"):
        resume(tmp_path)
