"""The graph a system stands for: vertices, links, and the arcs over them.

A *link* is what messages share: one direction of a full-duplex connection, or both of a half-duplex one. An
*arc* is a way from a vertex to the next one and names the link it uses. Vertices are numbered: chips first
(0 .. n - 1), then the other vertices, the host last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from ampsim.hw import schema
from ampsim.strict_yaml import PathError, Steps, short

if TYPE_CHECKING:
    from ampsim.hw.system import System

MAX_LINKS = 100_000
HOST = "host"
SWITCH = "switch"


class Link(NamedTuple):
    """Bandwidth in bytes/s (None: no limit), latency in seconds."""

    name: str
    bandwidth: float | None
    latency: float


class Arc(NamedTuple):
    """From vertex ``source`` to vertex ``target`` over link number ``link``."""

    source: int
    target: int
    link: int


class Fabric:
    """Vertices, links and arcs of a system; ``out[v]`` and ``into[v]`` are the arcs of vertex ``v`` in order.

    The order of ``out`` breaks ties between shortest routes. Raises PathError for an unknown vertex, a self
    link, a repeated link, or more links than can be simulated.
    """

    def __init__(self, system: System) -> None:
        self.chips = chip_names(system.chips)
        self.vertices = (*self.chips, *_others(system.topology), HOST)
        self.number = {name: index for index, name in enumerate(self.vertices)}
        if len(self.number) != len(self.vertices):
            self._repeated_name(system)
        self.host = len(self.vertices) - 1
        self.links: list[Link] = []
        self.out: list[list[Arc]] = [[] for _ in self.vertices]
        self.into: list[list[Arc]] = [[] for _ in self.vertices]
        self._arc: dict[tuple[int, int], Arc] = {}
        self._build(system)
        self._attach_host(system.host)

    def arc(self, source: int, target: int) -> Arc | None:
        """The arc between two vertices, if there is one."""
        return self._arc.get((source, target))

    @property
    def arcs(self) -> Iterator[Arc]:
        """All arcs, by source vertex."""
        return (arc for arcs in self.out for arc in arcs)

    def _build(self, system: System) -> None:
        links, topology = system.links, system.topology
        if isinstance(topology, schema.Edges):
            for index, edge in enumerate(topology.edges):
                self._edge(edge, links, ("topology", "edges", index))
            return
        _check_size(topology, len(self.chips))
        shared: dict[tuple[int, int], int] = {}
        for source, target in _pairs(topology, len(self.chips)):
            pair = (min(source, target), max(source, target))
            if links.duplex == "half" and pair in shared:
                self._join(source, target, shared[pair])
            else:
                ends = pair if links.duplex == "half" else (source, target)
                number = self._link(*ends, links.bandwidth, links.latency, links.duplex == "half")
                shared[pair] = self._join(source, target, number)

    def _edge(self, edge: schema.Edge, links: schema.Links, steps: Steps) -> None:
        source, target = (self._vertex(name, (*steps, "between", i)) for i, name in enumerate(edge.between))
        if source == target:
            raise PathError(f"{short(edge.between[0])} is linked to itself", steps, "remove the edge")
        ways = [(source, target)] if edge.one_way else [(source, target), (target, source)]
        for way in ways:
            if way in self._arc:
                names = " and ".join(edge.between)
                raise PathError(f"{names} are linked twice", steps, "remove one edge, or add up their bandwidths")
        bandwidth = links.bandwidth if edge.bandwidth is None else edge.bandwidth
        latency = links.latency if edge.latency is None else edge.latency
        half = (edge.duplex or links.duplex) == "half" and not edge.one_way
        number = -1
        for way in ways:
            if number < 0 or not half:
                number = self._link(*way, bandwidth, latency, half)
            self._join(*way, number)

    def _attach_host(self, host: schema.Host) -> None:
        if host.at == "all":
            ends = list(range(len(self.chips)))
        else:
            ends = [self._vertex(name, ("host", "at", i)) for i, name in enumerate(host.at)]
        for index, vertex in enumerate(ends):
            if host.at != "all" and vertex in ends[:index]:
                raise PathError("the host is linked twice to one vertex", ("host", "at", index), "remove it")
            for way in ((self.host, vertex), (vertex, self.host)):
                self._join(*way, self._link(*way, host.bandwidth, host.latency, False))

    def _link(self, a: int, b: int, bandwidth: schema.Bandwidth, latency: float, half: bool) -> int:
        if len(self.links) >= MAX_LINKS:
            raise PathError(f"the system has more than {MAX_LINKS} links", ("topology",), "use fewer chips")
        name = f"{self.vertices[a]}{'<->' if half else '->'}{self.vertices[b]}"
        self.links.append(Link(name, None if isinstance(bandwidth, str) else bandwidth, latency))
        return len(self.links) - 1

    def _join(self, source: int, target: int, link: int) -> int:
        arc = Arc(source, target, link)
        self._arc[source, target] = arc
        self.out[source].append(arc)
        self.into[target].append(arc)
        return link

    def _vertex(self, name: str, steps: Steps) -> int:
        if name not in self.number or name == HOST:
            known = ", ".join(self.vertices[:10]) + (", ..." if len(self.vertices) > 10 else "")
            raise PathError(f"{short(name)} is no chip or vertex of this system", steps, f"one of: {known}")
        return self.number[name]

    def _repeated_name(self, system: System) -> None:
        name = Counter(self.vertices).most_common(1)[0][0]
        where: Steps = ("topology", "vertices") if isinstance(system.topology, schema.Edges) else ("chips",)
        raise PathError(f"two vertices are called {short(name)}", where, "rename one of them")


def chip_names(groups: tuple[schema.Chips, ...]) -> tuple[str, ...]:
    """``prefix0``, ``prefix1``, ... over all groups; groups of equal prefix share one numbering."""
    names: list[str] = []
    used: dict[str, int] = {}
    for group in groups:
        first = used.get(group.prefix, 0)
        names.extend(f"{group.prefix}{first + i}" for i in range(group.count))
        used[group.prefix] = first + group.count
    return tuple(names)


def _others(topology: schema.Topology) -> tuple[str, ...]:
    if isinstance(topology, schema.Edges):
        return topology.vertices
    return (SWITCH,) if isinstance(topology, schema.Switch) else ()


def _check_size(topology: schema.Topology, chips: int) -> None:
    if isinstance(topology, schema.Mesh | schema.Torus) and prod(topology.dims) != chips:
        shape = " x ".join(map(str, topology.dims))
        what = f"a grid of {shape} has {prod(topology.dims)} places, and there are {chips} chips"
        raise PathError(what, ("topology", "dims"), "make the product of dims equal to the number of chips")
    ways = chips - 1 if isinstance(topology, schema.Full) else 2
    if isinstance(topology, schema.Mesh | schema.Torus):
        ways = 2 * len(topology.dims)
    if chips * (ways + 2) > MAX_LINKS:  # before they are built; the host adds two a chip
        raise PathError(f"the system has more than {MAX_LINKS} links", ("topology",), "use fewer chips or a switch")


def _pairs(topology: schema.Topology, chips: int) -> Iterator[tuple[int, int]]:
    """Both directions of every link, in the order in which routes prefer them."""
    if isinstance(topology, schema.Mesh | schema.Torus):
        yield from _grid(topology.dims, isinstance(topology, schema.Torus))
    elif isinstance(topology, schema.Line | schema.Ring):
        yield from _grid((chips,), isinstance(topology, schema.Ring))
    elif isinstance(topology, schema.Switch):
        for chip in range(chips):
            yield chip, chips
            yield chips, chip
    else:
        yield from ((a, b) for a in range(chips) for b in range(chips) if a != b)


def _grid(dims: tuple[int, ...], closed: bool) -> Iterator[tuple[int, int]]:
    """Neighbours of every place: first dimension first, upwards before downwards.

    With the rule that a route takes the first arc that brings it nearer, this gives dimension-ordered
    routes that go upwards when both ways around a ring are equally long.
    """
    strides = [prod(dims[axis + 1 :]) for axis in range(len(dims))]
    for place in range(prod(dims)):
        for size, stride in zip(dims, strides, strict=True):
            at = place // stride % size
            base = place - at * stride
            up, down = at + 1, at - 1
            if closed and size > 2:
                up, down = up % size, down % size
            for other in (up, down):
                if 0 <= other < size:
                    yield place, base + other * stride
