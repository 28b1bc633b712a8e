"""What a group of chips can be given: rates by number format, levels of memory, overheads, energy, measured times."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ampsim.hw.schema.base import (
    MAX_CHIPS,
    Bandwidth,
    ByteEnergy,
    Capacity,
    FlopEnergy,
    Flops,
    Name,
    Rows,
    Seconds,
    Side,
    Strict,
    Watts,
)
from ampsim.hw.schema.network import Port
from ampsim.hw.schema.processor import Cores, Kernel, Software

MAX_UNITS = 1024
REFERENCE = "fp32"
"""The format of ``Chips.matmul`` and ``Chips.vector``; its elements have four bytes, as in the IR."""


class Table(Strict, frozen=True):
    """Measured times of one operation: ``seconds[i]`` for ``rows[i]`` rows; rows increase."""

    rows: Annotated[tuple[Rows, ...], Meta(min_length=1, max_length=1000, description="numbers of rows, increasing")]
    seconds: Annotated[tuple[Seconds, ...], Meta(min_length=1, max_length=1000, description="the time of each")]
    message: Annotated[Seconds, Meta(description="added for each message that the task takes")] = 0.0
    cold: Annotated[
        Seconds, Meta(description="added for each row and each doubling beyond 1 MiB of what its worker holds")
    ] = 0.0


class Format(Strict, frozen=True):
    """A number format beside fp32: its rates, and the bytes of an element in memory and on links."""

    matmul: Annotated[Flops, Meta(description="peak rate of matrix products")]
    vector: Annotated[Flops, Meta(description="rate of elementwise arithmetic")]
    bytes: Annotated[int, Meta(ge=1, le=8, description="of one element, in memory and on links")]
    matmul_energy: Annotated[FlopEnergy | None, Meta(description="of a FLOP of a product; left out: as in fp32")] = None
    vector_energy: Annotated[FlopEnergy | None, Meta(description="of another FLOP; left out: as in fp32")] = None


class Level(Strict, frozen=True):
    """A further level of memory behind the first."""

    capacity: Annotated[Capacity, Meta(description="bytes of this level of one chip")]
    bandwidth: Annotated[Bandwidth, Meta(description="between this level and the first")]


class Energy(Strict, frozen=True):
    """What a chip consumes: by FLOP, by byte, and by the second."""

    matmul: Annotated[FlopEnergy, Meta(description="of a FLOP of a matrix product")]
    vector: Annotated[FlopEnergy, Meta(description="of a FLOP of elementwise arithmetic")]
    memory: Annotated[ByteEnergy, Meta(description="of a byte read or written in memory")]
    link: Annotated[ByteEnergy, Meta(description="of a byte that the chip sends, on each link it takes")]
    idle: Annotated[Watts, Meta(description="drawn all the time, busy or not")]
    off_chip: Annotated[ByteEnergy | None, Meta(description="of a byte moved to or from off-chip memory")] = None


class Chips(Strict, frozen=True):
    """A group of equal chips."""

    count: Annotated[int, Meta(ge=1, le=MAX_CHIPS, description="how many chips of this kind")]
    matmul: Annotated[Flops, Meta(description="peak rate of matrix products in fp32, of one unit")]
    vector: Annotated[Flops, Meta(description="rate of elementwise arithmetic in fp32, of one unit")]
    memory_bandwidth: Annotated[Bandwidth, Meta(description="between arithmetic and memory; units have equal shares")]
    memory_capacity: Annotated[Capacity, Meta(description="bytes of memory of one chip")]
    tile: Annotated[
        tuple[Side, ...],
        Meta(min_length=3, max_length=3, description="rows, inner and columns of the matrix array"),
    ] = (1, 1, 1)
    units: Annotated[
        int, Meta(ge=1, le=MAX_UNITS, description="execution units of one chip; they share its memory and its links")
    ] = 1
    format: Annotated[Name, Meta(description="the format it computes in: fp32 or one of formats")] = REFERENCE
    formats: Annotated[dict[Name, Format], Meta(max_length=16, description="by name: number formats beside fp32")] = (
        msgspec.field(default_factory=dict)
    )
    off_chip: Annotated[Level | None, Meta(description="a second level of memory, for what spills")] = None
    energy: Annotated[Energy | None, Meta(description="what it consumes; left out: energy is not known")] = None
    task_overhead: Annotated[Seconds, Meta(description="added to every task")] = 0.0
    parcel_overhead: Annotated[Seconds, Meta(description="cost of a parcel to its sender and its receiver")] = 0.0
    copy_bandwidth: Annotated[Bandwidth, Meta(description="of copying a parcel, at either end")] = "unlimited"
    port: Annotated[Port, Meta(description="what all that it sends or receives shares")] = Port()
    software: Annotated[Software, Meta(description="what the program around the tasks costs")] = Software()
    cores: Annotated[Cores | None, Meta(description="cores that the units share; left out: each unit has its own")] = (
        None
    )
    prefix: Annotated[Name, Meta(description="chips are called prefix0, prefix1, ...")] = "chip"
    measured: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=200)], Table],
        Meta(max_length=1000, description="by operation: times that replace the formula"),
    ] = msgspec.field(default_factory=dict)
    kernels: Annotated[
        dict[Annotated[str, Meta(min_length=1, max_length=200)], Kernel],
        Meta(max_length=1000, description="by kind of operation: its time where nothing was measured"),
    ] = msgspec.field(default_factory=dict)
