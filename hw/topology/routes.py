"""Routes: given ones, else by the rule of the system, with ties broken by the order of a vertex's arcs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from ampsim.hw import schema
from ampsim.hw.topology import topologies
from ampsim.hw.topology.fabric import Arc
from ampsim.strict_yaml import PathError, short

if TYPE_CHECKING:
    from ampsim.hw.system import System

Walk = Callable[[int, int], list[int]]
"""The vertices from one chip to another, both included."""

PAIRS_SHOWN = 10
_DISTANCES = 1 << 22  # how many are kept; all of 2,048 chips


class Routes:
    """Finds and remembers the arcs between chips (and the host). No route passes through the host.

    The shortest route has the fewest arcs; at each vertex it takes the first arc that brings it nearer, in a fat tree
    one that hangs on the target. ``dimension_ordered`` asks the topology for its way, and what it does not know (ways
    to the host) is shortest. ``given`` leaves chips that are linked, and the routes that are given.
    """

    def __init__(self, system: System) -> None:
        self._fabric = system.fabric
        self._known: dict[tuple[int, int], tuple[Arc, ...]] = {}
        self._distances: dict[int, list[int]] = {}
        self._rule = system.routing
        self._walk = _walk(system) if system.routing == "dimension_ordered" else None
        for index, route in enumerate(system.routes):
            self._add(route, index)
        if self._rule == "given":
            self._check_given(("routes",) if system.routes else ("routing",))
        else:
            self._check_connected()

    def find(self, source: int, target: int) -> tuple[Arc, ...]:
        """The arcs from vertex ``source`` to vertex ``target``; empty when they are the same vertex."""
        known = self._known.get((source, target))
        if known is None:
            known = self._known[source, target] = tuple(self._by_rule(source, target))
        return known

    def _by_rule(self, source: int, target: int) -> list[Arc]:
        direct = self._fabric.arc(source, target)
        if direct is not None:
            return [direct]
        if self._walk is None or max(source, target) >= len(self._fabric.chips):
            return self._shortest(source, target)
        arcs = [self._fabric.arc(*pair) for pair in pairwise(self._walk(source, target))]
        return [arc for arc in arcs if arc is not None]

    def _shortest(self, source: int, target: int) -> list[Arc]:
        distances = self._distances.get(target)
        if distances is None:
            if (len(self._distances) + 1) * len(self._fabric.vertices) > _DISTANCES:
                self._distances.clear()
            distances = self._distances[target] = self._reach(target, self._fabric.into, 0)
        path, at, strides = [], source, self._fabric.strides
        while at != target:
            left = distances[at] - 1
            nearer = (arc for arc in self._fabric.out[at] if distances[arc.target] == left and left >= 0)
            if strides:
                choice = [arc for arc in nearer if arc.target != self._fabric.host or not left]
                arc = choice[target // strides[at] % len(choice)]
            else:
                arc = next(nearer)
            path.append(arc)
            at = arc.target
        return path

    def _reach(self, start: int, arcs: list[list[Arc]], end: int) -> list[int]:
        """Number of arcs from ``start`` to every vertex (-1: none); ``end`` 1 goes along the arcs, 0 against them."""
        distances = [-1] * len(self._fabric.vertices)
        distances[start] = 0
        waiting = deque([start])
        while waiting:
            at = waiting.popleft()
            if at == self._fabric.host and at != start:
                continue
            for arc in arcs[at]:
                other = arc[end]
                if distances[other] < 0:
                    distances[other] = distances[at] + 1
                    waiting.append(other)
        return distances

    def _add(self, route: schema.Route, index: int) -> None:
        fabric, steps = self._fabric, ("routes", index, "path")
        numbers = []
        for i, name in enumerate(route.path):
            if name not in fabric.number:
                raise PathError(f"{short(name)} is no vertex of this system", (*steps, i))
            numbers.append(fabric.number[name])
        arcs = []
        for i, pair in enumerate(pairwise(numbers)):
            arc = fabric.arc(*pair)
            if arc is None:
                what = f"there is no link from {short(route.path[i])} to {short(route.path[i + 1])}"
                raise PathError(what, (*steps, i + 1), "follow links of the topology")
            arcs.append(arc)
        if len(set(numbers)) != len(numbers) or fabric.host in numbers[1:-1]:
            raise PathError("a route must not repeat a vertex or pass through the host", steps)
        if (numbers[0], numbers[-1]) in self._known:
            raise PathError(f"a second route from {route.path[0]} to {route.path[-1]}", steps, "keep one of them")
        self._known[numbers[0], numbers[-1]] = tuple(arcs)

    def _check_given(self, steps: tuple[str, ...]) -> None:
        """Every pair needs a link or a route. Raises PathError with at most ten of those that have none."""
        fabric = self._fabric
        ends = [*range(len(fabric.chips)), fabric.host]
        every = ((a, b) for a in ends for b in ends if a != b)
        lost = (pair for pair in every if pair not in self._known and fabric.arc(*pair) is None)
        self._refuse(
            [f"{fabric.vertices[a]} -> {fabric.vertices[b]}" for a, b in islice(lost, PAIRS_SHOWN + 1)],
            steps,
            "chips that are not linked need a given route; there is none",
            "add routes, or use routing: shortest",
        )

    def _check_connected(self) -> None:
        """Chips and host must reach each other. Raises PathError with at most ten of the pairs that do not."""
        fabric = self._fabric
        ends = [*range(len(fabric.chips)), fabric.host]
        forth, back = self._reach(0, fabric.out, 1), self._reach(0, fabric.into, 0)
        if all(forth[v] >= 0 and back[v] >= 0 for v in ends):
            return
        pairs: list[str] = []
        for source in ends:
            reached = self._reach(source, fabric.out, 1)
            lost = [v for v in ends if reached[v] < 0 and (source, v) not in self._known]
            pairs.extend(f"{fabric.vertices[source]} -> {fabric.vertices[v]}" for v in lost)
            if len(pairs) > PAIRS_SHOWN:
                break
        do = "add links until every chip and the host can reach each other"
        self._refuse(pairs, ("topology",), "the topology is disconnected; no route", do)

    @staticmethod
    def _refuse(pairs: list[str], steps: tuple[str, ...], what: str, do: str) -> None:
        if pairs:
            more = ", and more" if len(pairs) > PAIRS_SHOWN else ""
            raise PathError(f"{what} for {', '.join(pairs[:PAIRS_SHOWN])}{more}", steps, do)


def _walk(system: System) -> Walk:
    """The way of the topology. Raises PathError if it has none."""
    topology, chips = system.topology, len(system.fabric.chips)
    topologies.walk(topology, chips, 0, 0)
    return lambda source, target: topologies.walk(topology, chips, source, target)
