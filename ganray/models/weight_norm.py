"""Weight normalisation (Salimans & Kingma 2016): a weight as direction and length, w = g · v / |v|, and back.

Checkpoints of training hold g and v, voices hold w.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor

G, V = "parametrizations.weight.original0", "parametrizations.weight.original1"
"""Where torch keeps them."""


def length(weight: Tensor) -> Tensor:
    """(A, …) to (A, 1, …): the norm of each of a weight's rows, which is what is learned as g."""
    return weight.flatten(1).norm(dim=1).view(-1, *[1] * (weight.dim() - 1))


def joined(g: Tensor, v: Tensor) -> Tensor:
    """The weight that g and v stand for."""
    return v * (g / length(v))


def parted(weights: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    """Folded weights as a network with weight normalisation names them, `wanted` being its names.

    What is named alike stays; what neither side knows is left for the caller to find.
    """
    found = dict(weights)
    for name in wanted:
        base = name.removesuffix(G)
        if name.endswith(G) and name not in found and f"{base}weight" in found:
            weight = found.pop(f"{base}weight")
            found[name], found[base + V] = length(weight), weight
    return found
