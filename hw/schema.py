"""The fields of a system file: types, units and both bounds of every number.

A quantity is a number in base units; in a file it may be a string with a unit, which ``hw.quantity``
rewrites before these types are checked.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ampsim.hw.units import BANDWIDTH, BYTES, RATE, TIME

MAX_CHIPS = 16_384


def _quantity(dimension: str, low: float, high: float, text: str) -> Meta:
    """Bounds and unit of a number; the unit is what ``hw.quantity`` and the JSON Schema look for."""
    extra = {"dimension": dimension}
    return Meta(ge=low, le=high, description=text, extra=extra, extra_json_schema={"x-dimension": dimension})


Seconds = Annotated[float, _quantity(TIME, 0, 1e6, "a time; a number is in seconds")]
Bytes = Annotated[int, _quantity(BYTES, 1, 10**18, "a size; a number is in bytes")]
Flops = Annotated[float, _quantity(RATE, 1, 1e21, "a rate of arithmetic; a number is in FLOP/s")]
Speed = Annotated[float, _quantity(BANDWIDTH, 1, 1e18, "a bandwidth; a number is in bytes/s")]
Bandwidth = Speed | Literal["unlimited"]
Capacity = Bytes | Literal["unlimited"]

Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$(?!\n)", max_length=64)]
Text = Annotated[str, Meta(max_length=2000)]
Side = Annotated[int, Meta(ge=1, le=MAX_CHIPS)]
Rows = Annotated[int, Meta(ge=1, le=10**9)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts of a system: immutable, and an unknown field is an error."""


class Table(_Strict, frozen=True):
    """Measured times of one operation: ``seconds[i]`` for ``rows[i]`` rows; rows increase."""

    rows: Annotated[tuple[Rows, ...], Meta(min_length=1, max_length=1000)]
    seconds: Annotated[tuple[Seconds, ...], Meta(min_length=1, max_length=1000)]


class Chips(_Strict, frozen=True):
    """A group of equal chips."""

    count: Annotated[int, Meta(ge=1, le=MAX_CHIPS, description="how many chips of this kind")]
    matmul: Annotated[Flops, Meta(description="peak rate of matrix products")]
    vector: Annotated[Flops, Meta(description="rate of elementwise arithmetic")]
    memory_bandwidth: Annotated[Bandwidth, Meta(description="between arithmetic and memory")]
    memory_capacity: Annotated[Capacity, Meta(description="bytes of memory of one chip")]
    tile: Annotated[
        tuple[Side, ...],
        Meta(min_length=3, max_length=3, description="rows, inner and columns of the matrix array"),
    ] = (1, 1, 1)
    task_overhead: Annotated[Seconds, Meta(description="added to every task")] = 0.0
    parcel_overhead: Annotated[Seconds, Meta(description="cost of a parcel to its sender and its receiver")] = 0.0
    copy_bandwidth: Annotated[Bandwidth, Meta(description="of copying a parcel, at either end")] = "unlimited"
    prefix: Annotated[Name, Meta(description="chips are called prefix0, prefix1, ...")] = "chip"
    measured: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=200)], Table],
        Meta(max_length=1000, description="by operation: times that replace the formula"),
    ] = {}


class Links(_Strict, frozen=True):
    """What the links of the topology are like, unless an edge says otherwise."""

    bandwidth: Annotated[Bandwidth, Meta(description="of one direction of one link")]
    latency: Annotated[Seconds, Meta(description="from one end of a link to the other")]
    duplex: Annotated[Literal["full", "half"], Meta(description="half: both directions share one link")] = "full"


class Line(_Strict, frozen=True, tag="line", tag_field="kind"):
    """Each chip is linked to the next one."""


class Ring(_Strict, frozen=True, tag="ring", tag_field="kind"):
    """A line whose last chip is linked to the first."""


class Mesh(_Strict, frozen=True, tag="mesh", tag_field="kind"):
    """A grid of one to four dimensions; the last dimension varies fastest over the chips."""

    dims: Annotated[tuple[Side, ...], Meta(min_length=1, max_length=4)]


class Torus(_Strict, frozen=True, tag="torus", tag_field="kind"):
    """A mesh whose every row is closed to a ring."""

    dims: Annotated[tuple[Side, ...], Meta(min_length=1, max_length=4)]


class Switch(_Strict, frozen=True, tag="switch", tag_field="kind"):
    """Each chip is linked to one non-blocking switch, the vertex ``switch``."""


class Full(_Strict, frozen=True, tag="full", tag_field="kind"):
    """Each chip is linked to each other chip."""


class Edge(_Strict, frozen=True):
    """A link between two vertices; what is left out is taken from ``links``."""

    between: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=2)]
    bandwidth: Bandwidth | None = None
    latency: Seconds | None = None
    duplex: Literal["full", "half"] | None = None
    one_way: Annotated[bool, Meta(description="only from the first vertex to the second")] = False


class Edges(_Strict, frozen=True, tag="edges", tag_field="kind"):
    """Any graph: chips and further vertices (switches, routers), and the links between them."""

    edges: Annotated[tuple[Edge, ...], Meta(max_length=100_000)]
    vertices: Annotated[tuple[Name, ...], Meta(max_length=100_000, description="vertices that are no chips")] = ()


Topology = Line | Ring | Mesh | Torus | Switch | Full | Edges


class Host(_Strict, frozen=True):
    """The controller and its data. Its links are full duplex; by default each chip has one, free of cost."""

    at: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_CHIPS)] | Literal["all"] = "all"
    bandwidth: Bandwidth = "unlimited"
    latency: Seconds = 0.0


class Route(_Strict, frozen=True):
    """The way from the first vertex of ``path`` to the last, in place of the shortest one."""

    path: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=MAX_CHIPS)]


class Source(_Strict, frozen=True):
    """Where a number comes from."""

    status: Literal["measured", "datasheet", "hypothetical"]
    note: Annotated[str, Meta(min_length=1, max_length=500)]
