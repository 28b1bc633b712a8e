"""What a network can be given: links, a topology, the host, routes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ampsim.hw.schema.base import MAX_CHIPS, Bandwidth, Name, Seconds, Side, Strict


class Links(Strict, frozen=True):
    """What the links of the topology are like, unless an edge says otherwise."""

    bandwidth: Annotated[Bandwidth, Meta(description="of one direction of one link")]
    latency: Annotated[Seconds, Meta(description="from one end of a link to the other")]
    duplex: Annotated[Literal["full", "half"], Meta(description="half: both directions share one link")] = "full"


class Line(Strict, frozen=True, tag="line", tag_field="kind"):
    """Each chip is linked to the next one."""


class Ring(Strict, frozen=True, tag="ring", tag_field="kind"):
    """A line whose last chip is linked to the first."""


class Mesh(Strict, frozen=True, tag="mesh", tag_field="kind"):
    """A grid of one to four dimensions; the last dimension varies fastest over the chips."""

    dims: Annotated[tuple[Side, ...], Meta(min_length=1, max_length=4)]


class Torus(Strict, frozen=True, tag="torus", tag_field="kind"):
    """A mesh whose every row is closed to a ring."""

    dims: Annotated[tuple[Side, ...], Meta(min_length=1, max_length=4)]


class Switch(Strict, frozen=True, tag="switch", tag_field="kind"):
    """Each chip is linked to one non-blocking switch, the vertex ``switch``."""


class Full(Strict, frozen=True, tag="full", tag_field="kind"):
    """Each chip is linked to each other chip."""


class Edge(Strict, frozen=True):
    """A link between two vertices; what is left out is taken from ``links``."""

    between: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=2)]
    bandwidth: Bandwidth | None = None
    latency: Seconds | None = None
    duplex: Literal["full", "half"] | None = None
    one_way: Annotated[bool, Meta(description="only from the first vertex to the second")] = False


class Edges(Strict, frozen=True, tag="edges", tag_field="kind"):
    """Any graph: chips and further vertices (switches, routers), and the links between them."""

    edges: Annotated[tuple[Edge, ...], Meta(max_length=100_000)]
    vertices: Annotated[tuple[Name, ...], Meta(max_length=100_000, description="vertices that are no chips")] = ()


Topology = Line | Ring | Mesh | Torus | Switch | Full | Edges


class Host(Strict, frozen=True):
    """The controller and its data. Its links are full duplex; by default each chip has one, free of cost."""

    at: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_CHIPS)] | Literal["all"] = "all"
    bandwidth: Bandwidth = "unlimited"
    latency: Seconds = 0.0


class Route(Strict, frozen=True):
    """The way from the first vertex of ``path`` to the last, in place of the shortest one."""

    path: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=MAX_CHIPS)]
