"""One recipe at any sample rate: it holds, or it is refused with mends that make it hold."""

import re

import pytest
import torch

from ganray.config import recipe_names
from ganray.config.documents import parse_yaml
from ganray.errors import ConfigError
from ganray.models import build_discriminators, build_generator, load_run
from ganray.models.registry import condition_of
from tests.models.test_discriminators import SMALL as SMALL_JUDGES
from tests.models.test_generators import SMALL

CONTRACTS = {
    16_000: {"hop_length": 160, "f_max": 8000},
    22_050: {"hop_length": 256, "f_max": 11_025},
    24_000: {"hop_length": 300, "n_fft": 1200, "win_length": 1200},
    44_100: {"hop_length": 512, "n_fft": 2048, "win_length": 2048, "f_max": 22_050},
    48_000: {"hop_length": 480, "n_fft": 2048, "win_length": 2048, "f_max": 24_000},
}
"""Sample rate → what goes with it in the field."""
VALUE = re.compile(r"(?:try|use|set it to|set both to) (\[[^]]*\]|[\d.]+)")


def mended(recipe, texts):
    """The run after at most three rounds of doing what the refusals say, and the texts that it took."""
    for _ in range(4):
        try:
            return load_run(recipe, texts), texts
        except ConfigError as error:
            problems = error.problems
        for problem in problems:
            value = VALUE.search(problem.mend)
            assert value, f"{problem.path}: {problem.mend!r} names no value"
            texts = [*texts, f"{problem.path}={value[1]}"]
            kernels = re.search(r"upsample_kernels (\[[^]]*\])", problem.mend)
            texts += [f"generator.upsample_kernels={kernels[1]}"] if kernels else []
    raise AssertionError(f"{recipe}: no end of mending: {texts}")


@pytest.mark.parametrize("rate", CONTRACTS)
@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_at_every_rate_holds_or_is_refused_with_mends_that_make_it_hold(recipe, rate):
    alone, _ = mended(recipe, [f"audio.sample_rate={rate}"])
    assert alone.audio.sample_rate == rate
    keys = [f"audio.{key}={value}" for key, value in CONTRACTS[rate].items()]
    whole, texts = mended(recipe, [f"audio.sample_rate={rate}", *keys])
    asked, refused = texts[: 1 + len(keys)], {text.partition("=")[0] for text in texts[1 + len(keys) :]}
    for key, _, value in (text.partition("=") for text in asked):
        assert key in refused - {"audio.sample_rate"} or getattr(whole.audio, key.removeprefix("audio.")) == parse_yaml(
            value, key
        ), "what was asked stays, but what is refused"


def small(run):
    """The same run with networks of a test's size."""
    generator = run.generator.model_dump(mode="json")
    sizes = {"channels": 2 ** len(generator["upsample_rates"])} if "upsample_rates" in generator else {}
    generator |= sizes or SMALL.get(generator["type"], {})
    judges = [judge.model_dump(mode="json") | SMALL_JUDGES.get(judge.type, {}) for judge in run.discriminators]
    return load_run(run.model_dump(mode="json") | {"generator": generator, "discriminators": judges})


@pytest.mark.parametrize("rate", CONTRACTS)
@pytest.mark.parametrize(
    "recipe", [name for name in recipe_names() if not name.startswith(("hifigan_v2", "hifigan_v1"))]
)
def test_its_networks_take_and_make_that_rate(recipe, rate):
    keys = [f"audio.{key}={value}" for key, value in CONTRACTS[rate].items()]
    run, _ = mended(recipe, [f"audio.sample_rate={rate}", *keys])
    if condition_of(run.generator.type) == "noise":
        pytest.skip("its length is its own, at any rate")
    run = small(run)
    generator = build_generator(run.generator, run.audio).eval()
    mel = torch.full((1, run.audio.n_mels, 12), -4.0)
    with torch.no_grad():
        made = generator(generator.prepare(mel, torch.tensor([1]), torch.full((1, 12), 200.0)))
        assert made.shape == (1, 1, 12 * run.audio.hop_length)
        segment = torch.randn(1, 1, run.data.heard_length)
        for judge in build_discriminators(run.discriminators, run.audio, run.data.heard_length):
            assert all(torch.isfinite(logit).all() for logit in judge(segment)[0])
