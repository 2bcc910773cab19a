"""Fréchet distance: how far what a voice says, as a whole, is from recordings; no clip needs a counterpart.

ours, theirs = ([embedded(clip, 24_000) for clip in clips] for clips in (draws, recordings))
frechet(ours, theirs)  # 12.3 (11.0–13.9)

Embeddings are those of DistillMOS before its transformer: 200 numbers every 40 ms. Of what our wheels carry it is the
one that hears how something sounds. Resemblyzer's network was trained to hear who speaks whatever the channel, and
takes Griffin-Lim for the recording (cosine .97); hama's hears which phoneme it is, and gives out no hidden features.
Before the transformer, because that wants 7.68 s, filled up with zeros: draws of a second would then differ from
recordings of three by their length alone. What a frame is told of is 0.15 s, and the distance is between palettes of
such moments: order over longer times is not heard (a voice that says syllables in a wrong order is none the worse),
sameness is (one draw again and again lacks most of the palette).
"""

from collections.abc import Sequence

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError, UsageError
from ganray.metrics.base import checked
from ganray.metrics.distillmos import local_features
from ganray.metrics.intervals import LEVEL, Interval

RESAMPLES = 200
"""Each takes two eigen-decompositions: a second or two a row."""
EDGE = 3
"""Frames of 20 ms at each end that hear the zeros around a waveform."""
STRIDE = 2
"""Neighbours share most of what they hear: every second one says as much."""


def embedded(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """(N, 200) float32 of a waveform, (T,), one row every 40 ms. Level counts: it is part of how something sounds.

    Raises:
        ConfigError: DistillMOS is not installed.
        DataError: It is shorter than 0.15 s, or holds NaN.
    """
    waveform = checked(waveform, "estimate")
    features = local_features(waveform, sample_rate)[EDGE:-EDGE:STRIDE]
    if not len(features):
        raise DataError(
            f"{len(waveform) / sample_rate:.2f} s are too short for a Fréchet distance", mend="0.2 s will do"
        )
    return features


def frechet(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], seed: int = 0, level: float = LEVEL) -> Interval:
    """Fréchet distance between Gaussians that are fitted to two sets of clips, and its bootstrap interval over clips.

    |m - m'|² + tr(C + C' - 2 (C C')^½), of means m and covariances C. It grows with fewer clips, whatever they are: two
    halves of one corpus are not at 0. So it is read beside another row of as many seconds, and never beside a figure of
    other numbers of clips. A bootstrap's distances are larger still, for the same reason; of those only the spread is
    taken, around the distance itself: the interval says how much other clips, as many, would have moved it.

    Args:
        ours: Of each clip what `embedded` gave, (N, D).
        theirs: The same; clips need not be as many, or as long.
        seed: Of the resampling.
        level: How often the interval should hold the mean over sets of so many clips.

    Returns:
        The distance, and bounds that are NaN with fewer than two clips on a side; `num` counts ours. NaN where a side
        has fewer than two vectors.

    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS
    2017 (the distance of Dowson and Landau, J. Multivariate Analysis 12, 1982); for audio Kilgour et al., "Fréchet
    Audio Distance", Interspeech 2019, whose embeddings are VGGish's. Its bias: Chong and Forsyth, CVPR 2020.
    """
    sides = [_Side(ours), _Side(theirs)]
    if any(len(side.vectors) < 2 for side in sides):
        return Interval(float("nan"), float("nan"), float("nan"), len(ours))
    found = distance(*sides[0].gaussian(), *sides[1].gaussian())
    if min(len(ours), len(theirs)) < 2:
        return Interval(found, float("nan"), float("nan"), len(ours))
    random = np.random.default_rng(seed)
    again = [distance(*sides[0].gaussian(random), *sides[1].gaussian(random)) for _ in range(RESAMPLES)]
    low, high = np.quantile(np.array(again) - np.mean(again), [(1 - level) / 2, (1 + level) / 2])
    return Interval(found, max(0.0, found + float(low)), found + float(high), len(ours))


def distance(mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray) -> float:
    """Fréchet distance of two Gaussians: means (D,), covariances (D, D), which may be singular.

    The trace of (C C')^½ is that of (C^½ C' C^½)^½, which is symmetric: no complex numbers come of it.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    apart = float(np.square(mean - other_mean).sum())
    return max(0.0, apart + float(np.trace(covariance) + np.trace(other_covariance) - 2 * shared))


class _Side:
    """One of the two sets."""

    def __init__(self, clips: Sequence[np.ndarray]) -> None:
        self._lengths = [len(clip) for clip in clips]
        self.vectors = np.concatenate(clips).astype(np.float64) if clips else np.zeros((0, 1))

    def gaussian(self, random: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance over all vectors; of as many clips, drawn with replacement, where `random` is given."""
        if random is None:
            weights = np.ones(len(self.vectors))
        else:
            num = len(self._lengths)
            weights = np.repeat(np.bincount(random.integers(num, size=num), minlength=num), self._lengths).astype(float)
        total = max(weights.sum(), 2.0)
        mean = weights @ self.vectors / total
        around = self.vectors - mean
        return mean, (around * weights[:, None]).T @ around / (total - 1)


def of_sets_only(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """There is none of a single clip.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        "frechet compares sets of clips, and this is one clip", mend="ganray evaluate … --measures frechet"
    )
