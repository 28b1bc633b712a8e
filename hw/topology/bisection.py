"""How far apart chips are, and how much goes from one half of them to the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf, prod
from typing import TYPE_CHECKING

from ampsim.hw import schema

if TYPE_CHECKING:
    from ampsim.hw.system import System

MOST_STEPS = 1 << 22
"""Arcs looked at for a diameter: all pairs of a grid of 1,024 chips."""
MOST_ARCS = 10_000
"""Links, those of the host included, of a graph in which a maximum flow is looked for."""

# All chips of these are alike, or the first of them is as far as any from the one farthest from it.
_FIRST_IS_FARTHEST = (
    *(schema.Line, schema.Ring, schema.Mesh, schema.Torus, schema.Switch, schema.Full, schema.FatTree),
)


def diameter(system: System) -> int | None:
    """Links on the longest of the ways with the fewest links between two chips; None: too many chips to try.

    From the first chip of a shape that has a name, from every chip otherwise. Nothing goes through the host.
    """
    fabric = system.fabric
    starts = range(1 if isinstance(system.topology, _FIRST_IS_FARTHEST) else len(fabric.chips))
    if len(starts) * len(fabric.links) > MOST_STEPS:
        return None
    return max(max(_distances(system, start)[: len(fabric.chips)]) for start in starts)


def _distances(system: System, start: int) -> list[int]:
    fabric = system.fabric
    found = [-1] * len(fabric.vertices)
    found[start] = 0
    found[fabric.host] = 0  # never entered
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        for arc in fabric.out[at]:
            if found[arc.target] < 0:
                found[arc.target] = found[at] + 1
                waiting.append(arc.target)
    return found


def bisection_bandwidth(system: System) -> float | None:
    """Bytes/s from one half of the chips to the other (inf: no limit), the least of the halves tried.

    A half is the chips with the lower numbers, in a grid also those with the lower places of a dimension, in explicit
    edges also what the method of Kernighan and Lin finds; of an odd number one more chip is in the upper half. What
    goes from half to half is the maximum flow, switches standing where they serve it best, ports included; of both
    directions the lesser. It is the bisection bandwidth of lines, rings, switches, full graphs, whole trees, and of
    grids whose longest side is even; elsewhere the least of all halves may lie below. None: too many links to try, or
    one chip.
    """
    fabric = system.fabric
    chips = len(fabric.chips)
    plain = len(fabric.vertices) == chips + 1 and not fabric.ports
    if chips < 2 or (not plain and len(fabric.links) > MOST_ARCS):
        return None
    if plain:  # every vertex is on one side or the other: what crosses flows
        return min(min(_cut(system, half), _cut(system, set(range(chips)) - half)) for half in _halves(system))
    return min(min(_flow(system, half), _flow(system, set(range(chips)) - half)) for half in _halves(system))


def _halves(system: System) -> Iterator[set[int]]:
    """Sets of chips, each half of all."""
    chips = len(system.fabric.chips)
    yield set(range(chips // 2))
    match system.topology:
        case schema.Mesh(dims=dims) | schema.Torus(dims=dims):
            for number, size in enumerate(dims):
                if size % 2 == 0:
                    stride = prod(dims[number + 1 :])
                    yield {chip for chip in range(chips) if chip // stride % size < size // 2}
        case schema.Edges() if len(system.fabric.links) <= MOST_ARCS:
            import networkx
            from networkx.algorithms.community import kernighan_lin_bisection

            graph: networkx.Graph[int] = networkx.Graph()  # numbers in order: what is found hangs on nothing else
            graph.add_nodes_from(range(chips))
            arcs = ((arc.source, arc.target) for arc in system.fabric.arcs if max(arc.source, arc.target) < chips)
            graph.add_edges_from(arcs)
            halves = [set(half) for half in kernighan_lin_bisection(graph, seed=0)]
            yield min(halves, key=len)


def _cut(system: System, half: set[int]) -> float:
    """Bytes/s of the links from these chips to the others."""
    fabric = system.fabric
    arcs = (arc for chip in half for arc in fabric.out[chip] if arc.target not in half and arc.target != fabric.host)
    limits = [fabric.links[arc.link].bandwidth for arc in arcs]
    return sum(inf if limit is None else limit for limit in limits)


def _flow(system: System, half: set[int]) -> float:
    """Bytes/s from these chips to the others."""
    import networkx

    fabric = system.fabric
    graph: networkx.DiGraph[int | str] = networkx.DiGraph()
    for arc in fabric.arcs:
        if fabric.host not in (arc.source, arc.target):
            graph.add_edge(arc.source, arc.target, **_capacity(fabric.links[arc.link].bandwidth))
    for chip, kind in enumerate(system.chip_kinds):
        ends = ("from", chip) if chip in half else (chip, "to")
        graph.add_edge(*ends, **_capacity(None if isinstance(kind.port.bandwidth, str) else kind.port.bandwidth))
    try:
        return float(networkx.maximum_flow_value(graph, "from", "to"))
    except networkx.NetworkXUnbounded:
        return inf


def _capacity(bandwidth: float | None) -> dict[str, int]:
    """Whole bytes/s, in which flows are exact; no capacity is no limit."""
    return {} if bandwidth is None else {"capacity": round(bandwidth)}
