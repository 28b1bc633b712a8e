"""Routes: given ones, else the shortest, with ties broken by the order of a vertex's arcs."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

from ampsim.hw.fabric import Arc, Fabric
from ampsim.strict_yaml import PathError, short

if TYPE_CHECKING:
    from ampsim.hw.schema import Route

PAIRS_SHOWN = 10
_DISTANCES = 1 << 22  # how many are kept; all of 2,048 chips


class Routes:
    """Finds and remembers the arcs between chips (and the host). No route passes through the host.

    The shortest route has the fewest arcs; at each vertex it takes the first arc that brings it nearer.
    """

    def __init__(self, fabric: Fabric, given: tuple[Route, ...] = ()) -> None:
        self._fabric = fabric
        self._known: dict[tuple[int, int], tuple[Arc, ...]] = {}
        self._distances: dict[int, list[int]] = {}
        for index, route in enumerate(given):
            self._add(route, index)
        self._check_connected()

    def find(self, source: int, target: int) -> tuple[Arc, ...]:
        """The arcs from vertex ``source`` to vertex ``target``; empty when they are the same vertex."""
        known = self._known.get((source, target))
        if known is None:
            known = self._known[source, target] = tuple(self._shortest(source, target))
        return known

    def _shortest(self, source: int, target: int) -> list[Arc]:
        direct = self._fabric.arc(source, target)
        if direct is not None:
            return [direct]
        distances = self._distances.get(target)
        if distances is None:
            if (len(self._distances) + 1) * len(self._fabric.vertices) > _DISTANCES:
                self._distances.clear()
            distances = self._distances[target] = self._reach(target, self._fabric.into, 0)
        path, at = [], source
        while at != target:
            left = distances[at] - 1
            arc = next(arc for arc in self._fabric.out[at] if distances[arc.target] == left and left >= 0)
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

    def _add(self, route: Route, index: int) -> None:
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
        if not pairs:
            return
        more = ", and more" if len(pairs) > PAIRS_SHOWN else ""
        what = f"the topology is disconnected; no route for {', '.join(pairs[:PAIRS_SHOWN])}{more}"
        raise PathError(what, ("topology",), "add links until every chip and the host can reach each other")
