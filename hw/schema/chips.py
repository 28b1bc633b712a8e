"""What a group of chips can be given: rates, memory, overheads, measured times."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ampsim.hw.schema.base import MAX_CHIPS, Bandwidth, Capacity, Flops, Name, Rows, Seconds, Side, Strict


class Table(Strict, frozen=True):
    """Measured times of one operation: ``seconds[i]`` for ``rows[i]`` rows; rows increase."""

    rows: Annotated[tuple[Rows, ...], Meta(min_length=1, max_length=1000)]
    seconds: Annotated[tuple[Seconds, ...], Meta(min_length=1, max_length=1000)]


class Chips(Strict, frozen=True):
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
    ] = msgspec.field(default_factory=dict)
