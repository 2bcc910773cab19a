"""What tells a dataset's clips apart becomes part of a text run."""

from types import SimpleNamespace

import pytest

from ganray.errors import DataError
from ganray.training.labelled import labelled

TWO = SimpleNamespace(
    path="two", card={"speakers": {"anna": "de", "bruno": "it"}, "languages": ["de", "it"], "styles": []}
)
ONE = SimpleNamespace(path="one", card={"speakers": {"anna": "de"}, "languages": ["de"], "styles": []})


def test_a_text_generator_takes_the_names_from_its_dataset(tiny_text_run, tiny_run):
    generator = labelled(tiny_text_run(), TWO).generator.model_dump()
    assert (generator["speakers"], generator["languages"]) == ({"anna": "de", "bruno": "it"}, ("de", "it"))
    for config, data in ((tiny_text_run(), ONE), (tiny_run(), TWO)):
        assert labelled(config, data) == config


def test_names_of_the_recipe_must_hold_those_of_the_dataset(tiny_text_run):
    named = "generator.languages=[de, it]"
    all_of_them = tiny_text_run("generator.speakers={carla: de, anna: de, bruno: it}", named)
    assert labelled(all_of_them, TWO) == all_of_them
    with pytest.raises(DataError, match="speakers") as error:
        labelled(tiny_text_run("generator.speakers={anna: de}", named), TWO)
    assert error.value.facts["got"] == "bruno"
