"""The Fréchet distance: closed forms of Gaussians, and what it hears."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from ganray.errors import DataError, UsageError
from ganray.metrics import measure
from ganray.metrics.frechet import distance, embedded, frechet
from ganray.metrics.references import griffin_lim, noise

from .conftest import SHARED

RATE = 24_000


def gaussian(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((size, size))
    return random.standard_normal(size), mixed @ mixed.T / size


def test_one_dimension_is_the_difference_of_means_and_of_deviations():
    found = distance(np.array([1.0]), np.array([[4.0]]), np.array([-2.0]), np.array([[9.0]]))
    assert found == pytest.approx((1 + 2) ** 2 + (2 - 3) ** 2)


def test_covariances_of_the_same_axes_are_the_same_by_axis():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    one, other = np.arange(1.0, 6), np.arange(5.0, 0, -1)
    found = distance(np.zeros(5), turn @ np.diag(one) @ turn.T, np.zeros(5), turn @ np.diag(other) @ turn.T)
    assert found == pytest.approx(np.square(np.sqrt(one) - np.sqrt(other)).sum())


def test_any_two_gaussians_are_as_scipys_matrix_root_says():
    (mean, cov), (other, its) = gaussian(8, 1), gaussian(8, 2)
    expected = np.square(mean - other).sum() + np.trace(cov + its - 2 * sqrtm(cov @ its).real)
    assert distance(mean, cov, other, its) == pytest.approx(expected, rel=1e-8)
    assert distance(other, its, mean, cov) == pytest.approx(expected, rel=1e-8)
    assert distance(mean, cov, mean, cov) == pytest.approx(0, abs=1e-8)


def test_a_covariance_without_full_rank_is_no_trouble():
    flat = np.diag([1.0, 0.0, 0.0])
    assert distance(np.zeros(3), flat, np.zeros(3), np.eye(3)) == pytest.approx(2)


def drawn(mean: np.ndarray, cov: np.ndarray, clips: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.multivariate_normal(mean, cov, 25) for _ in range(clips)]


def test_samples_of_two_gaussians_come_near_their_closed_form_and_of_one_near_nothing():
    (mean, cov), (other, its) = gaussian(6, 3), gaussian(6, 4)
    true = distance(mean, cov, other, its)
    found = frechet(drawn(mean, cov, 400, 0), drawn(other, its, 400, 1))
    assert found.mean == pytest.approx(true, rel=0.03)
    assert found.low < true < found.high
    assert found.num == 400
    same = [frechet(drawn(mean, cov, clips, 2), drawn(mean, cov, clips, 3)).mean for clips in (10, 100, 1000)]
    assert same[0] > same[1] > same[2]
    assert same[2] < 0.002 * true


def test_the_interval_holds_what_other_clips_would_have_given():
    (mean, cov), (other, its) = gaussian(3, 5), gaussian(3, 6)
    found = [frechet(drawn(mean, cov, 20, 2 * i), drawn(other, its, 20, 2 * i + 1), seed=i) for i in range(100)]
    usual = np.mean([one.mean for one in found])
    assert 0.87 <= np.mean([one.low <= usual <= one.high for one in found]) <= 1.0
    assert all(one.low <= one.mean <= one.high for one in found)


def test_one_clip_has_a_distance_without_an_interval_and_none_has_none():
    one, other = drawn(*gaussian(2, 0), 1, 0), drawn(*gaussian(2, 0), 3, 1)
    assert np.isfinite(frechet(one, other).mean)
    assert np.isnan(frechet(one, other).low)
    assert np.isnan(frechet([], other).mean)


@pytest.fixture(scope="module")
def recordings(contract) -> list[np.ndarray]:
    """Twenty-four recordings of one speaker."""
    from ganray.audio import normalise, read

    folder = SHARED / "kathleen" / "wavs"
    if not folder.is_dir():
        pytest.skip("no recordings here")
    files = sorted(folder.iterdir())[5:1205:50]
    return [normalise(read(file, RATE)[0][: 3 * RATE], RATE, -23.0) for file in files]


def test_other_recordings_are_near_their_copies_less_so_sameness_far_and_noise_farthest(recordings, contract):
    theirs = [embedded(clip, RATE) for clip in recordings[1::2]]
    ours = recordings[::2]
    rows = {
        "recordings": ours,
        "copies": [griffin_lim(clip, contract) for clip in ours],
        "one clip": [ours[0]] * len(ours),
        "noise": [noise(clip, contract) for clip in ours],
    }
    found = {row: frechet([embedded(clip, RATE) for clip in clips], theirs) for row, clips in rows.items()}
    means = [one.mean for one in found.values()]
    assert means == sorted(means)
    assert found["recordings"].high < found["copies"].low
    assert found["noise"].mean > 30 * found["recordings"].mean
    assert frechet(theirs, theirs).mean < 1e-6


def test_what_cannot_be_embedded_is_told(contract):
    hiss = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert embedded(hiss[:5000], RATE).shape[1] == 200
    assert embedded(np.zeros(RATE, np.float32), RATE).shape == embedded(hiss, RATE).shape  # silence is far, no error
    with pytest.raises(DataError, match="too short"):
        embedded(hiss[:1000], RATE)
    with pytest.raises(DataError, match="NaN"):
        embedded(np.full(RATE, np.nan), RATE)
    with pytest.raises(UsageError, match="sets of clips"):
        measure("frechet", hiss, sample_rate=RATE, audio=contract)


def test_where_a_moment_lies_does_not_matter(contract):
    """Frames hear their surroundings and not their place: what a draw is cut from must not show."""
    hiss = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    whole, later = embedded(hiss, RATE), embedded(hiss[4 * 960 :], RATE)  # 4 · 40 ms
    inside = later[4:-4]
    np.testing.assert_allclose(whole[8 : 8 + len(inside)], inside, atol=0.05 * np.abs(whole).max())
