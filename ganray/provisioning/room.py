"""How many bundles go onto so many machines of one size: Ray's own way of placing a group of bundles.

Ray's policy PACK, by which it places what Train and Tune ask for: the bundles with the most GPUs first, each onto the
machine of which it would leave the largest share, and onto the same one whatever else of the group it still holds. So
machines fill evenly, not one after the other, and a GPU may stay free for want of a core: a plan that packed more
cleverly would promise what Ray never does. A machine is started where those that run hold no more, as the autoscaler
does.

A share of a GPU is never split over two, but the policy only adds shares up: it gives five of .4 to a machine with two
GPUs, which refuses the fifth, and gives them to it again, for ever. Such a group never gets a place, on however many
machines.
"""

from collections.abc import Sequence

from ganray.provisioning.demands import Bundle

_ROUNDING = 1e-6
_FIRST = ("GPU", "memory", "CPU")
"""By which bundles are sorted: the scarce ones first."""


class Node:
    """What is still free of a machine."""

    def __init__(self, machine: Bundle) -> None:
        """A machine with nothing on it."""
        self.free = dict(machine)
        self.gpus = [1.0] * int(machine.get("GPU", 0))
        self.bundles = 0

    def copy(self) -> "Node":
        """As it is now."""
        made = Node({})
        made.free, made.gpus, made.bundles = dict(self.free), list(self.gpus), self.bundles
        return made

    def holds(self, bundle: Bundle) -> bool:
        """Whether Ray's policy would still put a bundle here: sums alone count."""
        return all(self.free.get(key, 0) + _ROUNDING >= amount for key, amount in bundle.items())

    def take(self, bundle: Bundle) -> bool:
        """Put a bundle here; False where it fits by its sums, but no single GPU has so much left."""
        share = bundle.get("GPU", 0)
        chosen = self._chosen(share)
        for place in chosen or ():
            self.gpus[place] -= min(share, 1.0)
        for key, amount in bundle.items():
            self.free[key] = self.free.get(key, 0) - amount
        self.bundles += 1
        return chosen is not None

    def _chosen(self, share: float) -> list[int] | None:
        """Which GPUs it gets: whole ones, or the fullest that has so much left; None where there are none."""
        fitting = [place for place, free in enumerate(self.gpus) if free + _ROUNDING >= min(share, 1.0)]
        count = 1 if 0 < share < 1 else int(share)
        return sorted(fitting, key=lambda place: self.gpus[place])[:count] if len(fitting) >= count else None

    def left(self, bundle: Bundle) -> tuple[float, int]:
        """Ray's score: the share that would be left of each thing that a bundle wants, added up."""
        wanted = [(self.free.get(key, 0), amount) for key, amount in bundle.items() if amount]
        return sum((there - amount) / there for there, amount in wanted if there), -self.bundles


class Room:
    """Machines of one size, and what is still free of each."""

    def __init__(self, machine: Bundle, count: int, running: int = 0) -> None:
        """Empty machines with the resources of `machine`: so many `running`, and up to `count` as they are needed."""
        self._machine, self._count = machine, count
        self.nodes = [Node(machine) for _ in range(min(running, count))]

    def copy(self) -> "Room":
        """As it is now."""
        made = Room(self._machine, self._count)
        made.nodes = [node.copy() for node in self.nodes]
        return made

    @property
    def used(self) -> int:
        """Machines with something on them."""
        return sum(node.bundles > 0 for node in self.nodes)

    def place(self, bundles: Sequence[Bundle]) -> bool:
        """Take all of the bundles, or none."""
        for running in range(len(self.nodes), self._count + 1):
            nodes = [node.copy() for node in self.nodes]
            nodes += [Node(self._machine) for _ in range(running - len(nodes))]
            packed = _packed(nodes, bundles)
            if packed is not None:
                taken = [node.take(bundle) for node, held in packed for bundle in held]
                if all(taken):
                    self.nodes = nodes
                return all(taken)
        return False

    def place_units(self, bundles: Sequence[Bundle], most: int) -> int:
        """How many units of `bundles`, up to `most`, found a place."""
        for count in range(most):
            if not self.place(bundles):
                return count
        return most


def _packed(nodes: list[Node], bundles: Sequence[Bundle]) -> list[tuple[Node, list[Bundle]]] | None:
    """Which of the nodes that run gets which bundles; None where they do not all fit."""
    waiting = sorted(bundles, key=lambda one: [-one.get(key, 0) for key in _FIRST])
    others, packed = list(nodes), []
    while waiting:
        fitting = [node for node in others if node.holds(waiting[0])]
        if not fitting:
            return None
        best = max(fitting, key=lambda node: node.left(waiting[0]))
        others.remove(best)
        filled, held, left = best.copy(), [], []
        for bundle in waiting:
            if filled.holds(bundle):
                filled.take(bundle)
                held.append(bundle)
            else:
                left.append(bundle)
        packed.append((best, held))
        waiting = left
    return packed
