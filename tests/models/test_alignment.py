"""Which frame says which symbol: the search is exact, and what is learned is the truth."""

import itertools

import pytest
import torch

from ganray.models.acoustic import Frames
from ganray.models.alignment import Aligner, best_path, forward_sum, prior


def ways(num_frames, num_symbols):
    """All durations of `num_symbols`, at least one frame each, that fill `num_frames`."""
    for cuts in itertools.combinations(range(1, num_frames), num_symbols - 1):
        edges = [0, *cuts, num_frames]
        yield [b - a for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_best_of_all(seed):
    torch.manual_seed(seed)
    frames, symbols = [9, 7, 5], [4, 5, 5]
    likely = torch.randn(3, 9, 5).log_softmax(-1)
    found = best_path(likely, torch.tensor(symbols), torch.tensor(frames))
    for item, (height, width) in enumerate(zip(frames, symbols, strict=True)):

        def score(durations, item=item):
            index = torch.repeat_interleave(torch.arange(len(durations)), torch.tensor(durations))
            return float(likely[item, torch.arange(len(index)), index].sum())

        assert found[item, width:].sum() == 0
        assert score(found[item, :width].tolist()) == pytest.approx(max(map(score, ways(height, width))), abs=1e-5)


def test_the_forward_sum_is_that_over_all_paths_when_there_is_no_blank():
    torch.manual_seed(0)
    likely = torch.randn(1, 7, 3).log_softmax(-1) + 12  # so likely that the blank has no weight
    each, symbol = likely[0].log_softmax(-1), torch.arange(3)
    paths = [each[torch.arange(7), torch.repeat_interleave(symbol, torch.tensor(way))].sum() for way in ways(7, 3)]
    total = torch.logsumexp(torch.stack(paths), 0)
    loss = forward_sum(likely, torch.tensor([3]), torch.tensor([7]))
    assert float(loss[0]) == pytest.approx(-float(total) / 7, abs=1e-3)


def test_the_prior_is_a_distribution_along_the_diagonal():
    made = prior(torch.tensor([6, 4]), torch.tensor([20, 11]), 20, 6).exp()
    torch.testing.assert_close(made[0].sum(-1), torch.ones(20))
    torch.testing.assert_close(made[1, :11, :4].sum(-1), torch.ones(11))
    assert made[0, 0].argmax() == 0
    assert made[0, -1].argmax() == 5
    assert made[0, 10].argmax() in (2, 3)


def test_the_aligner_learns_where_symbols_begin():
    torch.manual_seed(0)
    templates, embeddings = torch.randn(12, 20), torch.randn(12, 16)

    def batch(count=8, width=9):
        said = torch.stack([torch.randperm(12)[:width] for _ in range(count)])
        durations = torch.randint(1, 8, (count, width))
        frames = Frames.of(durations)
        features = frames.hold(templates[said].transpose(1, 2))
        noisy = (features + 0.3 * torch.randn_like(features)) * frames.mask
        return embeddings[said].transpose(1, 2), noisy, torch.full((count,), width), durations.sum(-1), durations

    aligner = Aligner(16, 20, 16)
    optimiser = torch.optim.AdamW(aligner.parameters(), 3e-3)
    for _ in range(150):
        text, features, symbols, frames, durations = batch()
        log_probs = aligner(text, features, symbols, frames)
        loss = forward_sum(log_probs, symbols, frames).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = best_path(log_probs, symbols, frames)
    assert (found.cumsum(-1) - durations.cumsum(-1)).abs().float().mean() < 0.3  # frames


def test_frames_say_their_symbols_in_order():
    frames = Frames.of(torch.tensor([[2, 0, 3], [1, 1, 1]]))
    assert frames.index[0].tolist() == [0, 0, 2, 2, 2]
    assert frames.mask[1, 0].tolist() == [1, 1, 1, 0, 0]
    values = torch.tensor([[1.0, 3, 5, 5, 8], [4, 5, 6, 0, 0]])
    torch.testing.assert_close(
        frames.means(values, torch.tensor([[2, 0, 3], [1, 1, 1]])), torch.tensor([[2.0, 0, 6], [4, 5, 6]])
    )
