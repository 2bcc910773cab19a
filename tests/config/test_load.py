"""Loading: what is read, what is refused, and in which words."""

from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, Field

from ganray.config import Architecture, RunConfig, load, run_rules
from ganray.config.documents import apply_overrides, dump_yaml, parse_yaml
from ganray.config.schema import Schema
from ganray.errors import ConfigError

LEAST: dict[str, Any] = {"name": "least", "generator": {"type": "tiny"}, "schedule": {"max_steps": 1}}


class Tiny(Architecture):
    """Stands in for a generator's own schema."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["tiny"] = "tiny"
    channels: int = Field(8, ge=1)
    """Channels."""


def schema_of(kind: str, type: str) -> type[Architecture]:
    if kind == "generators" and type == "tiny":
        return Tiny
    raise LookupError(["tiny"])


def problems_of(document: dict, *overrides: str, architectures: Any = None) -> dict[str, Any]:
    """{path: problem} that loading tells."""
    with pytest.raises(ConfigError) as caught:
        load(RunConfig, document, overrides, rules=run_rules, architectures=architectures)
    return {problem.path: problem for problem in caught.value.problems}


def test_a_misspelt_key_and_the_rule_it_hides_are_told_together():
    document = LEAST | {"data": {"segment_length": 8192}, "audio": {"hop_length": 256}}
    with pytest.raises(ConfigError) as caught:
        load(RunConfig, document, ["audio.hop_lenght=300", "optim.generator.lr=1e-4"], rules=run_rules, name="recipe x")
    assert str(caught.value).splitlines() == [
        "2 problems in recipe x with --set",
        "  audio.hop_lenght           unknown key; did you mean audio.hop_length?",
        "  data.segment_length        8192 is no multiple of audio.hop_length 300; try 8100 or 8400",
    ]


def test_every_problem_has_path_value_rule_and_mend():
    told = problems_of(
        LEAST
        | {"seed": -1, "optim": {"generator": {"lr": "fast", "betas": [0.9, 2]}}, "data": {"segment_length": 8193}}
    )
    assert set(told) == {"seed", "optim.generator.lr", "optim.generator.betas.1", "data.segment_length"}
    assert told["seed"].value == -1
    assert "greater than or equal to 0" in told["seed"].rule
    assert all(problem.rule and problem.mend for problem in told.values())


def test_a_missing_key_does_not_hide_the_rules():
    assert set(problems_of({})) == {"name", "generator", "schedule"}


def test_a_misspelt_key_does_not_hide_its_bad_value():
    told = problems_of(LEAST | {"audio": {"hop_lenght": "banana"}})
    assert set(told) == {"audio.hop_lenght", "audio.hop_length"}


@pytest.mark.parametrize("key", ["learning rate", "int", "float", "tuple[int]", "", "a.b", "[key]"])
def test_any_unknown_key_is_named_as_it_was_written(key):
    assert problems_of(LEAST | {"optim": {key: 1}})[f"optim.{key}"].rule == "unknown key"


def test_an_unknown_key_far_from_all_lists_those_there_are():
    assert problems_of(LEAST | {"log": {"zzz": 1}})["log.zzz"].mend == "known: every_steps, trackers, ledger"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("two", "'two': has none of the allowed forms"),
        (0, "0: input should be greater than or equal to 1"),
        ([1], "[1]: one more value is needed"),
        ([1, 0], "[1, 0]: input should be greater than or equal to 1"),
        ([3, 1], "[min, max] with min above max"),
        (True, "True: true or false is not meant here"),
        (17, "more workers than the 16 segments of data.batch_size"),
    ],
)
def test_of_two_forms_the_one_that_was_meant_says_what_is_wrong(value, rule):
    told = problems_of(LEAST | {"resources": {"num_workers": value}})
    assert [(path, problem.rule) for path, problem in told.items()] == [("resources.num_workers", rule)]


@pytest.mark.parametrize(("value", "most"), [(2, 2), ([1, 2], 2)])
def test_workers_are_a_number_or_a_range(value, most):
    assert load(RunConfig, LEAST | {"resources": {"num_workers": value}}).resources.max_workers == most


@pytest.mark.parametrize("text", ["no", "false", "on"])
def test_yes_and_no_are_no_numbers(text):
    told = problems_of(LEAST, f"ema_decay={text}", f"log.every_steps={text}")
    assert set(told) == {"ema_decay", "log.every_steps"}


def test_architectures_are_checked_and_completed():
    run = load(RunConfig, LEAST, architectures=schema_of)
    assert run.generator.model_dump() == {"type": "tiny", "channels": 8}
    told = problems_of(LEAST | {"discriminators": [{"type": "tinny"}]}, "generator.chanels=0", architectures=schema_of)
    assert told["generator.chanels"].mend == "did you mean generator.channels?"
    assert told["generator.channels"].rule == "0: input should be greater than or equal to 1"
    assert told["discriminators.0.type"].mend == "did you mean tiny?"


def test_set_reaches_into_lists():
    document = {"discriminators": [{"type": "mpd"}, {"type": "mrd"}], "optim": {"generator": {"betas": [0.8, 0.99]}}}
    changed = apply_overrides(document, ["discriminators.1.type=msd", "optim.generator.betas.0=0.5"])
    assert changed["discriminators"] == [{"type": "mpd"}, {"type": "msd"}]
    assert changed["optim"]["generator"]["betas"] == [0.5, 0.99]
    assert document["discriminators"][1] == {"type": "mrd"}, "the source must stay as it was"


@pytest.mark.parametrize(
    ("override", "rule"),
    [
        ("seed", "is not of the form key.key=value"),
        ("=3", "is not of the form key.key=value"),
        ("name.first=a", "name is a value, not a group of keys"),
        ("discriminators.2.type=mpd", "2 is no index of a list of 1"),
        ("discriminators.-1=mpd", "-1 is no index of a list of 1"),
        ("discriminators.²=mpd", "² is no index of a list of 1"),
        ("data=[1", "the value is not YAML"),
    ],
)
def test_a_bad_override_is_told_with_all_others(override, rule):
    with pytest.raises(ConfigError) as caught:
        apply_overrides(LEAST | {"discriminators": [{"type": "mpd"}]}, [override, "seed"])
    assert caught.value.problems[0].rule.startswith(rule)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "+1e-4", "1.0e-4", ".1e-3", "0.0001"])
def test_a_number_with_an_exponent_is_a_number(text):
    assert parse_yaml(text) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\na: 2", "key 'a' is given twice"),
        ("x: {b: 1, b: 1}", "key 'b' is given twice"),
        ("x: &x {b: 1}\ny: {<<: *x}", "merges another mapping"),
        ("? [a, b]\n: 1", "a key is a list or a mapping"),
        ("a: [1", "line 1, column 4"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a: 2020-13-45", "month"),
    ],
)
def test_what_yaml_would_guess_at_is_refused(text, why):
    with pytest.raises(ConfigError, match="is not YAML") as caught:
        parse_yaml(text)
    assert why in caught.value.message


@pytest.mark.parametrize(("text", "why"), [("", "nothing"), ("- 1", "list"), ("hello", "str")])
def test_a_file_that_holds_no_keys_says_what_it_holds(tmp_path, text, why):
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"holds {why}, not keys and values"):
        load(RunConfig, tmp_path / "recipe.yaml")


def test_a_file_that_is_not_there_or_not_text_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load(RunConfig, tmp_path / "none.yaml")
    (tmp_path / "sound.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(ConfigError, match="cannot read"):
        load(RunConfig, tmp_path / "sound.yaml")


# --- properties -----------------------------------------------------------------------------------------------------

_keys = st.sampled_from([*RunConfig.model_fields, "hop_length", "lr", "type", "num_workers", "0"]) | st.text(max_size=4)
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12
)


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(_keys, _values, max_size=5), least=st.booleans())
def test_any_document_is_a_config_or_a_config_error(document, least):
    """And never anything else, whatever YAML holds."""
    told, run = [], None
    try:
        run = load(RunConfig, (LEAST if least else {}) | document, rules=run_rules, architectures=schema_of)
    except ConfigError as error:
        told = [problem.rule for problem in error.problems]
    assert bool(run) != bool(told)
    assert all(told)
    if run:
        assert load(RunConfig, run.model_dump(mode="json"), rules=run_rules, architectures=schema_of) == run


@settings(max_examples=200, deadline=None)
@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_being_written_and_set(number):
    assert parse_yaml(dump_yaml({"x": number})) == {"x": number}
    assert apply_overrides({}, [f"a.b={number!r}"]) == {"a": {"b": number}}


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_yaml_or_a_config_error(text):
    try:
        found = parse_yaml(text)
    except ConfigError:
        return
    if isinstance(found, str | int | bool | None):
        assert yaml.safe_load(text) == found


def test_a_schema_with_a_mapping_of_models_knows_the_keys_inside():
    class Range(Schema):
        low: float = 0
        high: float = 1

    class Space(Schema):
        space: dict[str, Range]

    with pytest.raises(ConfigError) as caught:
        load(Space, {"space": {"optim.generator.lr": {"hihg": 2}}})
    assert caught.value.problems[0].path == "space.optim.generator.lr.hihg"
    assert caught.value.problems[0].mend == "did you mean space.optim.generator.lr.high?"
