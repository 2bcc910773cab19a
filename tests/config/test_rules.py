"""The rules between keys, and the audio contract's own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.config import AudioConfig, RunConfig, load, run_rules
from ganray.errors import AudioContractError, ConfigError

LEAST = {"name": "least", "generator": {"type": "tiny"}, "schedule": {"max_steps": 1}}
_MSD = {"discriminators": [{"type": "msd"}], "objective": {"adversarial": {"ce": 0, "lambda_mse": 0, "hinge": 0}}}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"data": {"segment_length": 16_129}}, "data.segment_length"),
        ({"data": {"segment_length": 512}}, "data.segment_length"),
        ({"schedule": {}}, "schedule"),
        (_MSD, "objective.adversarial"),
        ({"resources": {"num_workers": [2, 1]}}, "resources.num_workers"),
        ({"resources": {"num_workers": 32}}, "resources.num_workers"),
        ({"audio": {"win_length": 2048}}, "audio.win_length"),
        ({"audio": {"hop_length": 768}}, "audio.hop_length"),
        ({"audio": {"f_max": 16_000}}, "audio.f_max"),
        ({"audio": {"f_min": 12_000}}, "audio.f_min"),
        ({"audio": {"hop_length": 257}}, "audio.hop_length"),
    ],
)
def test_a_broken_rule_names_its_key_and_a_mend(change, path):
    with pytest.raises(ConfigError) as caught:
        load(RunConfig, LEAST | change, rules=run_rules)
    (problem,) = [problem for problem in caught.value.problems if problem.path == path]
    assert problem.mend


@settings(deadline=None)
@given(hop=st.integers(8, 512).map(lambda half: 2 * half), frames=st.integers(1, 200), extra=st.integers(0, 300))
def test_the_segment_length_that_is_suggested_is_accepted(hop, frames, extra):
    audio = {"hop_length": hop, "n_fft": 4096, "win_length": 4096}
    document = LEAST | {"audio": audio, "data": {"segment_length": max(4096, hop * frames + extra)}}
    try:
        load(RunConfig, document, rules=run_rules)
    except ConfigError as error:
        (problem,) = error.problems
        above = int(problem.mend.split()[-1])
        load(RunConfig, document | {"data": {"segment_length": above}}, rules=run_rules)


def test_defaults_break_no_rule():
    assert run_rules(load(RunConfig, LEAST)) == []


def test_the_digest_changes_with_every_key_of_the_contract():
    base = AudioConfig()
    digests = {base.digest()}
    for change in (
        {"sample_rate": 48_000},
        {"n_fft": 2048},
        {"win_length": 800},
        {"hop_length": 128},
        {"n_mels": 80},
        {"f_min": 20.0},
        {"f_max": 8000.0},
        {"mel_scale": "slaney"},
        {"mel_norm": "slaney"},
        {"log_base": "10"},
        {"floor": 1e-4},
        {"padding": "constant"},
        {"epsilon": 1e-9},
        {"centered": True},
    ):
        digests.add(base.model_copy(update=change).digest())
    assert len(digests) == len(AudioConfig.model_fields) + 1


def test_contracts_that_differ_name_every_key_with_both_values():
    with pytest.raises(AudioContractError) as caught:
        AudioConfig().must_equal(AudioConfig(hop_length=300, n_mels=80), ours="voice a", theirs="dataset b")
    assert [problem.path for problem in caught.value.problems] == ["hop_length", "n_mels"]
    assert "voice a has 256, dataset b has 300" in str(caught.value)


def test_a_stored_contract_reads_back_and_a_damaged_one_is_refused():
    audio = AudioConfig(sample_rate=22_050, f_max=8000)
    assert AudioConfig.from_document(audio.model_dump(mode="json")) == audio
    with pytest.raises(AudioContractError):
        AudioConfig.from_document({"sample_rate": "high"})


def test_every_key_says_what_it_is():
    """The descriptions become `recipes schema` and the mends."""

    def silent(model, prefix=""):
        for name, field in model.model_fields.items():
            if not field.description:
                yield prefix + name
            if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields"):
                yield from silent(field.annotation, f"{prefix}{name}.")

    assert list(silent(RunConfig)) == []
