"""Which worker hosts which node.

An *affinity* names a logical unit and belongs to the job; a *placement* maps units to workers and belongs to the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import count, groupby

from ampsim.errors import UsageError
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import FanIn, Group, Parameterised, Source
from ampsim.ir.nodes.byinstance import FromCopies


def units_of(graph: Graph) -> list[int]:
    """The unit of every node. Nodes without affinity join their producer; sources and joins their consumer.

    In a graph without any affinity every parameterised node opens a unit of its own. Copies of a parameterised node do
    so in any graph, for copies on one worker would be of no use. The way out of copies joins its consumer, so that no
    message passes through the worker of another copy; only where the consumer in turn follows its producer it joins
    the first copy.
    """
    units: list[int | None] = [node.unit for node in graph.nodes]
    free = all(unit is None for unit in units)
    fresh = count(1 + max((unit for unit in units if unit is not None), default=-1))
    for index, node in enumerate(graph.nodes):
        if units[index] is None and isinstance(node, Parameterised) and (free or node.replica):
            units[index] = next(fresh)
    every = range(len(units))
    single = [n for n in every if not isinstance(graph.nodes[n], Source | FanIn | Group)]
    ways_out = [n for n in every if isinstance(graph.nodes[n], FromCopies)]
    _join(graph, units, [n for n in single if n not in set(ways_out)], "source")
    _join(graph, units, ways_out, "target")
    _join(graph, units, single, "source")
    _join(graph, units, every, "target")
    return [0 if unit is None else unit for unit in units]


def _join(graph: Graph, units: list[int | None], nodes: Sequence[int], end: str) -> None:
    """Those of the nodes that have no unit take that of a neighbour, as long as there is one to take."""
    sides = graph.incoming if end == "source" else graph.outgoing
    changed = True
    while changed:
        changed = False
        for index in nodes:
            if units[index] is not None:
                continue
            neighbours = [getattr(graph.edges[e], end) for edges in sides[index] for e in edges]
            known = [units[n] for n in neighbours if units[n] is not None]
            if known:
                units[index] = known[0]
                changed = True


def place(
    graph: Graph, workers: int, weights: Sequence[float], given: Mapping[int, int] | None = None
) -> tuple[int, ...]:
    """The worker of every node.

    Without a ``given`` mapping of units to workers, units are cut into contiguous parts, in the order in which messages
    reach their parameterised nodes, such that the heaviest part by ``weights`` (one a node) is as light as possible.
    Of replicated nodes in a row all the first copies come first, then all the second ones, and so on. Raises
    UsageError for a mapping that misses a unit, or names a unit or a worker that does not exist.
    """
    units = units_of(graph)
    order = _order(graph, units)
    if given is None:
        load = dict.fromkeys(order, 0.0)
        for unit, value in zip(units, weights, strict=True):
            load[unit] += value
        parts = _cut([load[unit] for unit in order], min(workers, len(order)))
        given = dict(zip(order, parts, strict=True))
    for unit in order:
        if unit not in given:
            raise UsageError(f"the placement says nothing of unit {unit}", "placement", f"place all units: {order}")
    unknown = [unit for unit in given if unit not in order]
    if unknown:
        raise UsageError(f"the graph has no unit {unknown[0]}", "placement", f"place these units: {order}")
    for unit, worker in given.items():
        if not 0 <= worker < workers:
            raise UsageError(
                f"the placement puts unit {unit} on worker {worker}, but there are {workers}",
                "placement",
                f"use workers 0 to {workers - 1}",
            )
    return tuple(given[unit] for unit in units)


def unit_order(graph: Graph) -> list[int]:
    """All units, as messages first reach them, those of neighbouring copies brought together."""
    return _order(graph, units_of(graph))


def _order(graph: Graph, units: Sequence[int]) -> list[int]:
    """The units as messages first reach them, those of neighbouring copies brought together."""
    weighty = [units[n] for n in _flow(graph) if isinstance(graph.nodes[n], Parameterised)]
    first: dict[int, tuple[int, int]] = {}  # by unit: copies and copy of its first node
    for parameterised in (True, False):
        for unit, node in zip(units, graph.nodes, strict=True):
            if isinstance(node, Parameterised) is parameterised:
                first.setdefault(unit, (node.replica.copies, node.replica.copy) if node.replica else (1, 0))
    order: list[int] = []
    for _, run in groupby(dict.fromkeys([*weighty, *units]), key=lambda unit: first[unit][0]):
        order += sorted(run, key=lambda unit: first[unit][1])
    return order


def _flow(graph: Graph) -> list[int]:
    """Nodes breadth first from the sources, along the edges: as the first message would reach them."""
    reached = dict.fromkeys(i for i, node in enumerate(graph.nodes) if isinstance(node, Source))
    waiting = deque(reached)
    while waiting:
        for edges in graph.outgoing[waiting.popleft()]:
            for target in (graph.edges[edge].target for edge in edges):
                if target not in reached:
                    reached[target] = None
                    waiting.append(target)
    return list(reached)


def _cut(values: list[float], parts: int) -> list[int]:
    """The part of each value when a row is cut into contiguous, non-empty parts with the least maximum sum.

    Bisection on the maximum: whether a maximum can be kept is decided by filling parts from the left.
    """
    low, high = max(values), sum(values)
    while (middle := (low + high) / 2) not in (low, high):
        if _fill(values, parts, middle)[-1] < parts:
            high = middle
        else:
            low = middle
    best = low if _fill(values, parts, low)[-1] < parts else high
    return _fill(values, parts, best)


def _fill(values: list[float], parts: int, limit: float) -> list[int]:
    """Fill part after part up to ``limit``; a part is closed early where every later one still needs a value."""
    owner: list[int] = []
    filled = 0.0
    part = 0
    for position, value in enumerate(values):
        needed = len(values) - position <= parts - 1 - part
        if owner and (filled + value > limit or needed):
            part += 1
            filled = 0.0
        filled += value
        owner.append(part)
    return owner
