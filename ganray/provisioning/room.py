"""How many bundles go onto so many machines of one size: a model of Ray's scheduler with whole machines."""

from collections.abc import Sequence

from ganray.provisioning.demands import Bundle

_ROUNDING = 1e-6


class Room:
    """Machines of one size, and what is still free of each."""

    def __init__(self, machine: Bundle, count: int) -> None:
        """`count` empty machines with the resources of `machine`."""
        self.machine = dict(machine)
        self.free = [dict(machine) for _ in range(count)]

    @property
    def used(self) -> int:
        """Machines with something on them."""
        return sum(node != self.machine for node in self.free)

    def place(self, bundles: Sequence[Bundle]) -> bool:
        """Take all of the bundles, or none; the largest first, each onto the fullest machine that still holds it."""
        before = [dict(node) for node in self.free]
        for bundle in sorted(bundles, key=lambda one: sorted(one.values()), reverse=True):
            fitting = [node for node in self.free if all(node.get(k, 0) + _ROUNDING >= n for k, n in bundle.items())]
            if not fitting:
                self.free = before
                return False
            node = min(fitting, key=lambda one: (one.get("GPU", 0), one.get("CPU", 0), one.get("memory", 0)))
            for name, amount in bundle.items():
                node[name] = node.get(name, 0) - amount
        return True

    def place_units(self, bundles: Sequence[Bundle], most: int) -> int:
        """How many units of `bundles`, up to `most`, found a place."""
        for count in range(most):
            if not self.place(bundles):
                return count
        return most
