"""Whether an explanation is true: changing what it calls important must change the outcome more than changing the rest.

Source: deletion and insertion tests, Petsiuk, Das and Saenko, "RISE", BMVC 2018.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

SHARE = 0.1
"""Of the cells, that are changed."""
DRAWS = 5


@dataclass(frozen=True)
class Faithfulness:
    """How far a score moves when so many cells are changed.

    Attributes:
        share: Of all cells, that are changed each time.
        said: Those that the explanation calls most important.
        loudest: As many, by size alone: what anyone would have guessed.
        chance: As many at random: mean of five draws.
        rest: As many of those that it says do not matter: attributions nearest to 0.
        everything: All cells.
    """

    share: float
    said: float
    loudest: float
    chance: float
    rest: float
    everything: float

    @property
    def faithful(self) -> bool:
        """Whether what is said to matter moves the score more than the rest does, and than chance."""
        return self.said > max(self.chance, self.rest)

    def as_json(self) -> dict[str, Any]:
        """For a document."""
        return {name: round(value, 5) for name, value in asdict(self).items()} | {"faithful": self.faithful}


def tried(
    cells: np.ndarray, size: np.ndarray, moved: Callable[[np.ndarray], float], *, share: float = SHARE, seed: int = 0
) -> Faithfulness:
    """Test an attribution.

    Args:
        cells: Attributions; the greatest are said to matter most.
        size: Of the same shape: how large each cell is, for the guess by size.
        moved: How far the score moves when the cells of a mask, bool of the same shape, are changed.
        share: How many are.
        seed: Of the random ones.
    """
    count = max(1, round(share * cells.size))
    random = np.random.default_rng(seed)

    def mask(chosen: np.ndarray) -> np.ndarray:
        flat = np.zeros(cells.size, bool)
        flat[chosen] = True
        return flat.reshape(cells.shape)

    order = np.argsort(cells, axis=None)
    by_size = np.argsort(size, axis=None)
    drawn = [moved(mask(random.choice(cells.size, count, replace=False))) for _ in range(DRAWS)]
    return Faithfulness(
        share,
        moved(mask(order[-count:])),
        moved(mask(by_size[-count:])),
        float(np.mean(drawn)),
        moved(mask(np.argsort(np.abs(cells), axis=None)[:count])),
        moved(np.ones(cells.shape, bool)),
    )
