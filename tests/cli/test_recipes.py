"""`ganray recipes`."""

import jsonschema
import pytest
import yaml

from ganray.config import recipe_names, recipe_path
from ganray.config.documents import read_yaml

DEFAULT = "source_filter_small"


def test_list_names_every_recipe_with_its_headline(ganray):
    called = ganray("recipes", "list", "--json")
    listed = {recipe["name"]: recipe["about"] for recipe in called.document["recipes"]}
    assert set(listed) == set(recipe_names())
    assert all(len(about) > 10 and not about.startswith("#") for about in listed.values())
    assert DEFAULT in ganray("recipes", "list").out


def test_show_resolves_every_key_and_counts_parameters(ganray):
    shown = ganray("recipes", "show", DEFAULT, "--set", "data.batch_size=4", "--json").document
    assert shown["data"]["batch_size"] == 4
    assert shown["optim"]["generator"]["weight_decay"] == 0.01, "a default that the recipe leaves out"
    assert set(shown["parameters"]) == {"generator", "discriminators"}
    assert shown["parameters"]["generator"] > shown["parameters"]["discriminators"] > 0


def test_what_show_prints_is_a_recipe_of_the_same_run(ganray, tmp_path):
    (tmp_path / "again.yaml").write_text(ganray("recipes", "show", DEFAULT).out)
    first, again = (ganray("recipes", "show", r, "--json").document for r in (DEFAULT, tmp_path / "again.yaml"))
    assert first == again


def test_check_passes_every_recipe_in_the_box(ganray):
    called = ganray("recipes", "check", "--json")
    assert called.code == 0
    assert {recipe["name"] for recipe in called.document["recipes"]} == set(recipe_names())


def test_check_tells_all_problems_of_all_recipes(ganray, tmp_path):
    for name, change in (("a", "seed: -1"), ("b", "audio: {hop_lenght: 300}")):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\ngenerator: {{type: vocos}}\n{change}\n")
    called = ganray("recipes", "check", tmp_path / "a.yaml", tmp_path / "b.yaml", "--json")
    assert called.code == 2
    told = [problem["path"].removeprefix(f"{tmp_path}/") for problem in called.document["error"]["problems"]]
    assert {"a.yaml: seed", "a.yaml: schedule", "b.yaml: audio.hop_lenght", "b.yaml: schedule"} <= set(told)


def test_the_misspelt_example_prints_its_two_problems(ganray):
    called = ganray(
        "recipes", "show", DEFAULT, "--set", "audio.hop_lenght=300", "--set", "optim.generator.lr=1e-4",
        "--set", "data.segment_length=8192",
    )  # fmt: skip
    assert called.code == 2
    assert called.out == ""
    first, *problems = called.err.splitlines()
    assert first.startswith("error: 2 problems in")
    assert [line.split()[0] for line in problems] == ["audio.hop_lenght", "data.segment_length"]
    assert "did you mean audio.hop_length?" in problems[0]
    assert "8192 is no multiple of audio.hop_length 300; try 8100 or 8400" in problems[1]


def test_an_unknown_recipe_suggests_the_one_that_was_meant(ganray):
    called = ganray("recipes", "show", "source_filter_smal", "--json")
    assert called.code == 2
    assert called.document["error"]["problems"][0]["mend"] == f"did you mean {DEFAULT}?"


def test_copy_keeps_the_comments_and_never_overwrites(ganray, tmp_path):
    path = tmp_path / "mine.yaml"
    assert ganray("recipes", "copy", DEFAULT, path).code == 0
    assert path.read_text() == recipe_path(DEFAULT).read_text()
    path.write_text("mine")
    assert ganray("recipes", "copy", DEFAULT, path).code == 2
    assert path.read_text() == "mine"


@pytest.mark.parametrize("place", ["", "folder"])
def test_copy_takes_the_recipes_name_where_none_is_given(ganray, tmp_path, monkeypatch, place):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert ganray("recipes", "copy", DEFAULT, *filter(None, [place])).code == 0
    assert (tmp_path / place / f"{DEFAULT}.yaml").is_file()


@pytest.mark.parametrize("path", ["mine.txt", "no/such/folder/mine.yaml"])
def test_copy_says_where_it_cannot_write(ganray, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    called = ganray("recipes", "copy", DEFAULT, path)
    assert called.code == 2
    assert path in called.err


def test_the_schema_accepts_the_recipes_and_refuses_what_loading_refuses(ganray):
    schema = ganray("recipes", "schema").document
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(schema)
    for name in recipe_names():
        checker.validate(read_yaml(recipe_path(name)))
    document = read_yaml(recipe_path(DEFAULT))
    for path, value in (("generator", {"type": "no_such"}), ("sed", 1), ("seed", "one")):
        assert list(checker.iter_errors(document | {path: value})), path
    assert list(checker.iter_errors(document | {"generator": document["generator"] | {"chanels": 1}}))


def test_plain_output_is_yaml(ganray):
    assert yaml.safe_load(ganray("recipes", "show", DEFAULT).out)["name"] == DEFAULT
