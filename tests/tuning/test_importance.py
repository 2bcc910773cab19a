import random

from ganray.tuning.importance import importance


def test_the_key_that_the_score_follows_matters_and_the_others_do_not():
    draw = random.Random(1)
    tried = [{"lr": draw.uniform(0, 1), "seed": draw.uniform(0, 1), "type": draw.choice("ab")} for _ in range(60)]
    found = importance(tried, [sample["lr"] ** 2 + 0.05 * draw.uniform(0, 1) for sample in tried])
    assert next(iter(found)) == "lr"
    assert found["lr"] > 0.7
    assert max(found["seed"], found["type"]) < 0.15
    by_kind = importance(tried, [float(sample["type"] == "a") for sample in tried])
    assert by_kind["type"] > 0.99


def test_nothing_is_said_where_nothing_can_be_known():
    assert importance([{"lr": 1.0}, {"lr": 2.0}], [1.0, 2.0]) == {"lr": 0.0}  # two trials, two groups
    assert importance([{"lr": 1.0}] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]) == {"lr": 0.0}
    assert importance([{"lr": 1.0}, {"lr": 2.0}, {"lr": 3.0}], [1.0, 1.0, 1.0]) == {"lr": 0.0}
