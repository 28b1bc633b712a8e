"""Numbers of a system file: their units and both bounds."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ampsim.hw.files.units import BANDWIDTH, BYTE_ENERGY, BYTES, FLOP_ENERGY, POWER, RATE, TIME

MAX_CHIPS = 16_384


def quantity(dimension: str, low: float, high: float, text: str) -> Meta:
    """Bounds and unit of a number; the unit is what ``hw.files.quantity`` and the JSON Schema look for."""
    extra = {"dimension": dimension}
    return Meta(ge=low, le=high, description=text, extra=extra, extra_json_schema={"x-dimension": dimension})


Seconds = Annotated[float, quantity(TIME, 0, 1e6, "a time; a number is in seconds")]
Bytes = Annotated[int, quantity(BYTES, 1, 10**18, "a size; a number is in bytes")]
Flops = Annotated[float, quantity(RATE, 1, 1e21, "a rate of arithmetic; a number is in FLOP/s")]
Speed = Annotated[float, quantity(BANDWIDTH, 1, 1e18, "a bandwidth; a number is in bytes/s")]
FlopEnergy = Annotated[float, quantity(FLOP_ENERGY, 0, 1, "the energy of a FLOP; a number is in J/FLOP")]
ByteEnergy = Annotated[float, quantity(BYTE_ENERGY, 0, 1, "the energy of moving a byte; a number is in J/B")]
Watts = Annotated[float, quantity(POWER, 0, 1e9, "a power; a number is in W")]
Bandwidth = Speed | Literal["unlimited"]
Capacity = Bytes | Literal["unlimited"]

Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$(?!\n)", max_length=64)]
Text = Annotated[str, Meta(max_length=2000)]
Side = Annotated[int, Meta(ge=1, le=MAX_CHIPS)]
Rows = Annotated[int, Meta(ge=1, le=10**9)]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts of a system: immutable, and an unknown field is an error."""


class Source(Strict, frozen=True):
    """Where a number comes from."""

    status: Annotated[
        Literal["measured", "datasheet", "hypothetical"], Meta(description="how far the number can be trusted")
    ]
    note: Annotated[str, Meta(min_length=1, max_length=500, description="who says so, or why it was assumed")]
    spread: Annotated[
        Annotated[float, Meta(ge=0, le=1e6)] | None,
        Meta(description="of what was measured: the width of its middle half / its median"),
    ] = None
