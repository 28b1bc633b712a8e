"""The graph a system stands for: vertices, links, and the arcs over them.

A *link* is what messages share: one direction of a full-duplex connection, or both of a half-duplex one. An
*arc* is a way from a vertex to the next one and names the link it uses. Vertices are numbered: chips first
(0 .. n - 1), then the other vertices, the host last. Chips with a port have two more links, one out and one in, which
lie before the first arc and behind the last one of a message; they come behind all other links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ampsim.hw import schema
from ampsim.hw.topology import topologies
from ampsim.hw.topology.chip_names import chip_names
from ampsim.hw.topology.topologies import MAX_LINKS
from ampsim.strict_yaml import PathError, Steps, short

if TYPE_CHECKING:
    from ampsim.hw.system import System

HOST = "host"
_NO_PORT = schema.Port()


class Link(NamedTuple):
    """Bandwidth in bytes/s (None: no limit), latency in seconds.

    A ``port`` is between a chip and its links; a message keeps it for at least ``gap`` seconds.
    """

    name: str
    bandwidth: float | None
    latency: float
    gap: float = 0.0
    port: bool = False


class Arc(NamedTuple):
    """From vertex ``source`` to vertex ``target`` over link number ``link``."""

    source: int
    target: int
    link: int


class Fabric:
    """Vertices, links and arcs of a system; ``out[v]`` and ``into[v]`` are the arcs of vertex ``v`` in order.

    The order of ``out`` breaks ties between shortest routes, with ``strides`` if there are any
    (``hw.topology.topologies``). ``ports``: the links out of and into a chip that has a port. Raises PathError for an
    unknown vertex, a self link, a repeated link, or more links than can be simulated.
    """

    def __init__(self, system: System) -> None:
        self.chips = chip_names((group.prefix, group.count) for group in system.chips)
        self.vertices = (*self.chips, *topologies.others(system.topology), HOST)
        self.number = {name: index for index, name in enumerate(self.vertices)}
        if len(self.number) != len(self.vertices):
            self._repeated_name(system)
        self.host = len(self.vertices) - 1
        self.links: list[Link] = []
        self.out: list[list[Arc]] = [[] for _ in self.vertices]
        self.into: list[list[Arc]] = [[] for _ in self.vertices]
        self._arc: dict[tuple[int, int], Arc] = {}
        self.ports: dict[int, tuple[int, int]] = {}
        self._build(system)
        self._attach_host(system.host)
        self._attach_ports(system.chips)
        self.strides = topologies.strides(system.topology, len(self.chips))

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
        topologies.check(topology, len(self.chips))
        half = links.duplex == "half"
        if half and links.backward is not None:
            raise PathError("a half-duplex link has one bandwidth", ("links", "backward"), "remove it, or use full")
        shared: dict[tuple[int, int], int] = {}
        for way in topologies.ways(topology, len(self.chips)):
            pair = (min(way.source, way.target), max(way.source, way.target))
            if half and pair in shared:
                self._join(way.source, way.target, shared[pair])
            else:
                ends = pair if half else (way.source, way.target)
                number = self._link(*ends, *_worth(way, links, topology), half)
                shared[pair] = self._join(way.source, way.target, number)

    def _edge(self, edge: schema.Edge, links: schema.Links, steps: Steps) -> None:
        source, target = (self._vertex(name, (*steps, "between", i)) for i, name in enumerate(edge.between))
        if source == target:
            raise PathError(f"{short(edge.between[0])} is linked to itself", steps, "remove the edge")
        ways = [(source, target)] if edge.one_way else [(source, target), (target, source)]
        for way in ways:
            if way in self._arc:
                names = " and ".join(edge.between)
                raise PathError(f"{names} are linked twice", steps, "remove one edge, or add up their bandwidths")
        half = (edge.duplex or links.duplex) == "half" and not edge.one_way
        forth = links.bandwidth if edge.bandwidth is None else edge.bandwidth
        back = edge.backward if edge.bandwidth is not None else edge.backward or links.backward
        if back is not None and (half or (edge.one_way and edge.backward is not None)):
            kind = "one-way" if edge.one_way else "half-duplex"
            raise PathError(f"a {kind} link has one bandwidth", steps, "give the edge a bandwidth, and none backward")
        latency = links.latency if edge.latency is None else edge.latency
        number = -1
        for way, bandwidth in zip(ways, (forth, forth if back is None else back), strict=False):
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

    def _attach_ports(self, groups: tuple[schema.Chips, ...]) -> None:
        ports = [group.port for group in groups for _ in range(group.count)]
        for chip, port in enumerate(ports):
            if port != _NO_PORT:
                bandwidth = _limit(port.bandwidth)
                first = len(self.links)
                gap = max(port.gap, port.overhead)
                for way in ("out", "in"):
                    name = f"{self.chips[chip]}.{way}"
                    self._add(Link(name, bandwidth, port.overhead, gap, port=True))
                self.ports[chip] = (first, first + 1)

    def _link(self, a: int, b: int, bandwidth: schema.Bandwidth, latency: float, half: bool) -> int:
        name = f"{self.vertices[a]}{'<->' if half else '->'}{self.vertices[b]}"
        return self._add(Link(name, _limit(bandwidth), latency))

    def _add(self, link: Link) -> int:
        if len(self.links) >= MAX_LINKS:
            raise PathError(f"the system has more than {MAX_LINKS} links", ("topology",), "use fewer chips")
        self.links.append(link)
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


def _limit(bandwidth: schema.Bandwidth) -> float | None:
    return None if isinstance(bandwidth, str) else bandwidth


def _worth(way: topologies.Way, links: schema.Links, topology: schema.Topology) -> tuple[schema.Bandwidth, float]:
    """Bandwidth and latency of one direction of a link."""
    bandwidth = links.bandwidth if way.forward or links.backward is None else links.backward
    latency = links.latency
    if way.remote and isinstance(topology, schema.Dragonfly):
        bandwidth = bandwidth if topology.global_bandwidth is None else topology.global_bandwidth
        latency = latency if topology.global_latency is None else topology.global_latency
    return bandwidth, latency
