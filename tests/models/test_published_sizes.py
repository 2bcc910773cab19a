"""Recipes are as large as their papers say: `docs/models.md` quotes these numbers."""

import pytest

from ganray.models import build_generator, load_run

PUBLISHED = {
    # Recipe: (weights as they are used, millions as published)
    "hifigan_v1": (13_926_017, "13.92"),
    "hifigan_v2": (925_985, "0.92"),
    "hifigan_v3": (1_462_273, "1.46"),
    "istftnet": (13_254_034, "13.3"),
    "bigvgan_base": (14_015_041, "14.0"),
    "bigvgan": (112_414_513, "112"),
    "vocos": (13_531_650, "13.5"),
}


def num_folded(recipe):
    """Numbers of a generator with weight normalisation folded, as papers count them."""
    run = load_run(recipe)
    generator = build_generator(run.generator, run.audio)
    return sum(p.numel() for name, p in generator.named_parameters() if not name.endswith("weight.original0"))


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_a_recipe_is_as_large_as_its_paper_says(recipe):
    count, millions = PUBLISHED[recipe]
    assert num_folded(recipe) == count
    scale = 10 ** len(millions.partition(".")[2])
    assert float(millions) * scale in (count * scale // 1_000_000, round(count * scale / 1e6))  # cut off, or rounded
