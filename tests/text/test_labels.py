import pytest

from ganray.errors import UsageError
from ganray.text.labels import Labels

TWO = Labels({"anna": "de", "bruno": "it"}, ("de", "it"), ("calm", "happy"))


@pytest.mark.parametrize(
    ("asked", "weights"),
    [
        ({}, [1, 0, 1, 0, 0, 0]),  # the first speaker in their own language, in no style
        ({"speaker": "bruno"}, [0, 1, 0, 1, 0, 0]),
        ({"speaker": "bruno", "language": "de"}, [0, 1, 0, 1, 0, 0]),  # as an Italian, who was never heard in German
        ({"language": "it-CH", "style": "happy"}, [1, 0, 1, 0, 0, 1]),
        ({"speaker": "bruno", "language": "it-CH"}, [0, 1, 0, 1, 0, 0]),
        ({"speaker": {"bruno": 0.75, "anna": 0.25}, "style": {"calm": 0.5}}, [0.25, 0.75, 0.25, 0.75, 0.5, 0]),
    ],
)
def test_names_become_weights(asked, weights):
    assert TWO.weights(**asked).tolist() == weights


def test_who_was_recorded_in_two_languages_has_both():
    both = Labels({"anna": "de it", "bruno": "it"}, ("de", "it"))
    assert both.language_of("anna") == "de"
    assert both.weights("anna").tolist() == [1, 0, 1, 0]
    assert both.weights("anna", "it").tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("asked", [{"speaker": "carla"}, {"language": "fr"}, {"style": {"sad": 1.0}}])
def test_an_unknown_name_is_refused_with_those_that_there_are(asked):
    with pytest.raises(UsageError) as error:
        TWO.weights(**asked)
    assert str(next(iter(asked))) in error.value.message
    assert any(name in error.value.mend for name in ("anna", "de", "calm"))


def test_what_is_the_same_in_all_clips_is_no_label():
    assert len(Labels.of({"speakers": {"anna": "de"}, "languages": ["de"], "styles": []})) == 0
    assert len(Labels.of({"speakers": ["anna"], "languages": ["de"]})) == 0  # as datasets were written before
    assert Labels.of({"speakers": {"anna": "de"}, "languages": ["de"], "styles": ["calm"]}).styles == ("calm",)
    assert Labels().weights("anyone", "und", "").tolist() == []
