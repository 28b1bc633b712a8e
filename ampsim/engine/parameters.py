"""The weights of one parameterised node: gradients collected, and the local, asynchronous update."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ampsim.engine.batch import Block, gather
from ampsim.engine.ledger import Ledger
from ampsim.engine.task import Part, Update
from ampsim.engine.weights import Weights
from ampsim.errors import NonFinite
from ampsim.ir.kernels import stack_rows
from ampsim.ir.message import Array, Payload, State
from ampsim.ir.nodes.base import Parameterised
from ampsim.ir.work import Work, total
from ampsim.job import Training


def initial_values(node: Parameterised, seed: int) -> dict[str, Array]:
    """Initial parameters of a node: they depend on the seed and the node's name, not on where it is placed.

    The copies of a replicated node share its name, and so their beginning.
    """
    return node.initial(np.random.default_rng([seed, zlib.crc32(node.base.encode())]))


class Pile:
    """Gradients that will make one update: rows to form them from, whose they are, and how stale they are.

    ``instance`` is -1 where gradients are counted rather than told apart.
    """

    __slots__ = ("ages", "deferred", "groups", "instance", "nbytes", "rows", "states")

    def __init__(self, instance: int) -> None:
        self.instance = instance
        self.deferred: list[tuple[Payload, ...]] = []
        self.groups: list[Sequence[State]] = []  # the states of each entry of deferred
        self.states: list[State] = []
        self.ages: list[int] = []
        self.rows = 0
        self.nbytes = 0

    def add(
        self, deferred: tuple[Payload, ...], states: Sequence[State], rows: int, ages: Sequence[int], nbytes: int
    ) -> None:
        """The rows of a backward group, ``nbytes`` in all."""
        self.deferred.append(deferred)
        self.groups.append(states)
        self.states.extend(states)
        self.ages.extend(ages)
        self.rows += rows
        self.nbytes += nbytes


class ParameterState:
    """Values, optimizer slots and collected gradients of one node at its worker.

    Weight gradients are deferred: a backward pass leaves rows behind, and one product over all of them is formed when
    the update is due. Gradients are piled up by number (muf) or by instance; either way what an update contains does
    not depend on how messages were grouped.
    """

    def __init__(
        self,
        index: int,
        node: Parameterised,
        settings: Training,
        values: dict[str, Array] | None,
        ledger: Ledger,
        told: Callable[[int], str] = str,
    ) -> None:
        self.ledger = ledger
        self._told = told  # an instance in words
        self.index = index
        self.node = node
        settings = self.settings = settings.of_node(node.name, node.base)
        self._weights = Weights(values or {}, settings.optimizer)
        self.values, self.slots = self._weights.values, self._weights.slots
        self.muf = settings.min_update_frequency if settings.update == "muf" else 0
        self.version = 0
        self.staleness: Counter[int] = Counter()
        self._piles: dict[int, Pile] = {}  # by instance; all under -1 where muf counts
        self._size = sum(spec.nbytes for spec in node.parameters().values())
        self._row_bytes = 0  # deferred by one row; known after the first backward
        self._numeric = values is not None

    @property
    def room(self) -> int:
        """Gradients still wanted before the next update; without bound when updates wait for the instance's end."""
        if not self.muf:
            return 1 << 30
        pile = self._piles.get(-1)
        return self.muf - len(pile.states) if pile else self.muf

    def static_bytes(self) -> dict[str, int]:
        """Bytes of parameters, gradients and optimizer state."""
        size = self._size
        return {"parameters": size, "gradients": size, "optimizer": size * len(self.settings.optimizer.slots)}

    def collect(
        self, deferred: tuple[Payload, ...], states: Sequence[State], rows: Sequence[int], ages: Sequence[int]
    ) -> Pile | None:
        """Take the rows of a backward group; the pile that has become due by it, if one has."""
        for age in ages:
            self.staleness[age] += 1
        count = sum(rows)
        if not self._row_bytes and count:
            self._row_bytes = sum(part.nbytes for part in deferred if part is not None) // count
        self.ledger.deferred += self._row_bytes * count
        if self.muf:
            pile = self._piles.get(-1)
            if pile is None:
                pile = self._piles[-1] = Pile(-1)
            pile.add(deferred, states, count, ages, self._row_bytes * count)
            if len(pile.states) < self.muf:
                return None
            return self._piles.pop(-1)
        if all(state[0] == states[0][0] for state in states):
            pile = self._piles.setdefault(states[0][0], Pile(states[0][0]))
            pile.add(deferred, states, count, ages, self._row_bytes * count)
            return None
        block = Block(deferred, rows)
        for instance, chosen in by_instance(states):
            cut = tuple(gather([(block, i) for i in chosen]))  # neighbours stay views
            pile = self._piles.setdefault(instance, Pile(instance))
            count = sum(rows[i] for i in chosen)
            pile.add(cut, [states[i] for i in chosen], count, [ages[i] for i in chosen], self._row_bytes * count)
        return None

    def flush(self, instances: Sequence[int] | None) -> list[Pile]:
        """Give up the piles of these instances, or whatever there is: their updates are due."""
        chosen = list(self._piles) if instances is None else [i for i in instances if i in self._piles]
        return [self._piles.pop(i) for i in chosen]

    def update(self, pile: Pile) -> tuple[tuple[Part, ...], Update]:
        """One optimizer step from a pile that is due: its cost, and what is logged of it.

        Raises NonFinite, and leaves the values alone, if a gradient is not finite.
        """
        if self._numeric:
            self._step(pile)
        self.version += 1
        self.ledger.deferred -= pile.nbytes
        count, ages = len(pile.states), pile.ages
        facts = Update(self.index, pile.instance, self.version, count, sum(ages) / count, max(ages))
        return (self._part(pile.rows),), facts

    def _step(self, pile: Pile) -> None:
        gradients = self._gradients(pile.deferred, pile.nbytes)
        scale = 1.0 / len(pile.states) if self.settings.gradient == "mean" else 1.0
        bad = self._weights.step(gradients, scale, self.version + 1)
        if bad is not None:
            raise NonFinite(
                f"the gradient of {self.node.name}/{bad} is not finite; {culprit(pile, self._told)}",
                self.node.name,
                "lower the learning rate, or look at the data of that instance",
            )

    def _gradients(self, deferred: Sequence[tuple[Payload, ...]], nbytes: int) -> dict[str, Any]:
        """From all rows stacked; or from each entry in turn, where copying would cost more than adding up."""
        entries: Any = deferred
        if self.node.adds_up and nbytes > len(entries) * self._size:
            total: dict[str, Any] = self.node.gradients(entries[0])
            for entry in entries[1:]:
                for name, gradient in self.node.gradients(entry).items():
                    total[name] += gradient
            return total
        stacked: Any = tuple(stack_rows(column) for column in zip(*entries, strict=True))
        return self.node.gradients(stacked)

    def _part(self, rows: int) -> Part:
        changed = self.node.touched(rows)
        slots = len(self.settings.optimizer.slots)
        step = Work((), changed * self.settings.optimizer.flops, 4 * changed * (2 + slots), 4 * changed * (1 + slots))
        return Part(f"{self.node.operation} update", rows, total((self.node.gradient_work(rows), step)))


def by_instance(states: Sequence[State]) -> list[tuple[int, list[int]]]:
    """Positions of the states of each instance, instances in order of appearance."""
    found: dict[int, list[int]] = {}
    for position, state in enumerate(states):
        found.setdefault(state[0], []).append(position)
    return list(found.items())


def culprit(pile: Pile, told: Callable[[int], str] = str) -> str:
    """In words the instances of the first group that holds a value that is not finite, else all of the pile."""
    suspects = pile.states
    for deferred, states in zip(pile.deferred, pile.groups, strict=True):
        if any(isinstance(part, np.ndarray) and not np.isfinite(part).all() for part in deferred):
            suspects = list(states)
            break
    instances = sorted({state[0] for state in suspects})
    return f"it came from instance {', '.join(map(told, instances[:8]))}{' ...' if len(instances) > 8 else ''}"
