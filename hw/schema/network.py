"""What a network can be given: links and their sharing, the ports of chips, a topology, the host, routes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ampsim.hw.schema.base import MAX_CHIPS, Bandwidth, Name, Seconds, Side, Strict

Levels = Annotated[int, Meta(ge=1, le=6)]
Radix = Annotated[int, Meta(ge=2, le=MAX_CHIPS)]
Dims = Annotated[
    tuple[Side, ...], Meta(min_length=1, max_length=4, description="chips along each dimension; their product is all")
]
Sides = Annotated[tuple[Side, ...], Meta(min_length=1, max_length=6)]


class Links(Strict, frozen=True):
    """What the links of the topology are like, unless an edge says otherwise."""

    bandwidth: Annotated[Bandwidth, Meta(description="of one direction of one link")]
    latency: Annotated[Seconds, Meta(description="from one end of a link to the other")]
    duplex: Annotated[Literal["full", "half"], Meta(description="half: both directions share one link")] = "full"
    backward: Annotated[
        Bandwidth | None, Meta(description="bandwidth of the other direction; left out: the same in both")
    ] = None


class Port(Strict, frozen=True):
    """Between a chip and its links: what all messages that it sends share, and all that it receives."""

    bandwidth: Annotated[
        Bandwidth, Meta(description="of all that is sent at one time; as much again for receiving")
    ] = "unlimited"
    overhead: Annotated[Seconds, Meta(description="of a message, at its sender and again at its receiver")] = 0.0
    gap: Annotated[Seconds, Meta(description="least time from one message to the next")] = 0.0


class Line(Strict, frozen=True, tag="line", tag_field="kind"):
    """Each chip is linked to the next one."""


class Ring(Strict, frozen=True, tag="ring", tag_field="kind"):
    """A line whose last chip is linked to the first."""


class Mesh(Strict, frozen=True, tag="mesh", tag_field="kind"):
    """A grid of one to four dimensions; the last dimension varies fastest over the chips."""

    dims: Dims


class Torus(Strict, frozen=True, tag="torus", tag_field="kind"):
    """A mesh whose every row is closed to a ring."""

    dims: Dims


class Switch(Strict, frozen=True, tag="switch", tag_field="kind"):
    """Each chip is linked to one non-blocking switch, the vertex ``switch``."""


class Full(Strict, frozen=True, tag="full", tag_field="kind"):
    """Each chip is linked to each other chip."""


class FatTree(Strict, frozen=True, tag="fat_tree", tag_field="kind"):
    """Levels of switches with more than one way up: given by ``radix`` and ``levels``, or by ``down`` and ``up``."""

    radix: Annotated[Radix | None, Meta(description="ports of each switch, an even number")] = None
    levels: Annotated[Levels | None, Meta(description="of switches; left out: 3")] = None
    down: Annotated[Sides | None, Meta(description="by level: links down of a switch")] = None
    up: Annotated[Sides | None, Meta(description="by level: links up to it of what is below")] = None


class Dragonfly(Strict, frozen=True, tag="dragonfly", tag_field="kind"):
    """Groups of routers that are all linked within a group, and one link between any two groups."""

    groups: Annotated[Side, Meta(description="how many groups")]
    routers: Annotated[Side, Meta(description="routers of a group")]
    chips: Annotated[Side, Meta(description="chips of a router")]
    global_bandwidth: Annotated[
        Bandwidth | None, Meta(description="of links between groups; left out: as other links")
    ] = None
    global_latency: Annotated[Seconds | None, Meta(description="of links between groups; left out: as other links")] = (
        None
    )


class Edge(Strict, frozen=True):
    """A link between two vertices; what is left out is taken from ``links``."""

    between: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=2, description="the two vertices")]
    bandwidth: Annotated[Bandwidth | None, Meta(description="of one direction; left out: as in links")] = None
    backward: Annotated[Bandwidth | None, Meta(description="bandwidth from the second vertex to the first")] = None
    latency: Annotated[Seconds | None, Meta(description="from one end to the other; left out: as in links")] = None
    duplex: Annotated[Literal["full", "half"] | None, Meta(description="left out: as in links")] = None
    one_way: Annotated[bool, Meta(description="only from the first vertex to the second")] = False


class Edges(Strict, frozen=True, tag="edges", tag_field="kind"):
    """Any graph: chips and further vertices (switches, routers), and the links between them."""

    edges: Annotated[tuple[Edge, ...], Meta(max_length=100_000, description="the links")]
    vertices: Annotated[tuple[Name, ...], Meta(max_length=100_000, description="vertices that are no chips")] = ()


class GraphFile(Strict, frozen=True, tag="file", tag_field="kind"):
    """A graph in another file; it becomes ``edges`` when the system is read."""

    path: Annotated[
        str, Meta(min_length=1, max_length=1000, description=".graphml, or a list of edges; relative to this file")
    ]


Topology = Line | Ring | Mesh | Torus | Switch | Full | FatTree | Dragonfly | Edges | GraphFile


class Host(Strict, frozen=True):
    """The controller and its data. Its links are full duplex; by default each chip has one, free of cost."""

    at: Annotated[
        Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_CHIPS)] | Literal["all"],
        Meta(description="the vertices that it is linked to; all: every chip"),
    ] = "all"
    bandwidth: Annotated[Bandwidth, Meta(description="of one direction of each of its links")] = "unlimited"
    latency: Annotated[Seconds, Meta(description="of each of its links")] = 0.0
    handling: Annotated[Seconds, Meta(description="of a report: it hears one after the other")] = 0.0
    within: Annotated[
        Name | None, Meta(description="prefix of the chips whose cores it shares; left out: it has its own")
    ] = None


class Route(Strict, frozen=True):
    """The way from the first vertex of ``path`` to the last, in place of the one that ``routing`` gives."""

    path: Annotated[
        tuple[Name, ...], Meta(min_length=2, max_length=MAX_CHIPS, description="vertices, each linked to the next one")
    ]
