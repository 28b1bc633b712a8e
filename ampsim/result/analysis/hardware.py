"""The hardware that a simulated run speaks of, as its configuration describes it.

Reports know no simulator, so this reads of the description what figures need, and leaves alone what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

REFERENCE = "fp32"
REFERENCE_BYTES = 4
"""Of an element: tables count bytes as of this format, whatever a chip computes in."""


class Format(msgspec.Struct, frozen=True):
    """Rates (FLOP/s) of a number format, and bytes of an element."""

    matmul: float
    vector: float
    bytes: int


class Group(msgspec.Struct, frozen=True):
    """Equal chips of ``units`` units each; rates (FLOP/s) are of one unit, the bandwidth (B/s) is of the chip."""

    count: int
    matmul: float
    vector: float
    memory_bandwidth: float | str
    prefix: str = "chip"
    units: int = 1
    format: str = REFERENCE
    formats: dict[str, Format] = {}


class Topology(msgspec.Struct, frozen=True):
    """The shape of the network; ``dims`` of a mesh or torus."""

    kind: str
    dims: tuple[int, ...] = ()


class Host(msgspec.Struct, frozen=True):
    """What the controller is linked to: vertices, or ``all`` chips."""

    at: tuple[str, ...] | str = "all"


class Hardware(msgspec.Struct, frozen=True):
    """Chips in groups, and the shape of what links them."""

    name: str
    chips: tuple[Group, ...]
    topology: Topology
    host: Host = Host()

    def groups(self) -> dict[str, int]:
        """Of each chip, by name and in order, the number of its group."""
        found: dict[str, int] = {}
        used: dict[str, int] = {}
        for number, group in enumerate(self.chips):
            first = used.get(group.prefix, 0)
            found |= {f"{group.prefix}{first + i}": number for i in range(group.count)}
            used[group.prefix] = first + group.count
        return found


class Roof(NamedTuple):
    """What a unit of a kind of chip can reach: FLOP/s of products and elsewhere, B/s of memory (inf: no limit).

    ``element`` is the bytes of an element in the format that it computes in.
    """

    name: str
    matmul: float
    vector: float
    bandwidth: float
    element: int


def hardware(config: Mapping[str, Any]) -> Hardware | None:
    """The system in the configuration of a run; None if there is none, or none that can be understood."""
    settings = config.get("run")
    system = settings.get("system") if isinstance(settings, Mapping) else None
    if not isinstance(system, Mapping):
        return None
    try:
        found = msgspec.convert(dict(system), Hardware)
    except msgspec.ValidationError:
        return None
    sane = all(0 < group.count <= 1 << 16 and group.units > 0 for group in found.chips)
    known = all(group.format == REFERENCE or group.format in group.formats for group in found.chips)
    return found if found.chips and sane and known else None


def roof(group: Group) -> Roof:
    """Rates of the format in use, and the share of memory bandwidth that each unit of a chip has."""
    rates = Format(group.matmul, group.vector, REFERENCE_BYTES)
    if group.format != REFERENCE:
        rates = group.formats[group.format]
    bandwidth = group.memory_bandwidth
    share = float("inf") if isinstance(bandwidth, str) else bandwidth / group.units
    return Roof(group.prefix, rates.matmul, rates.vector, share, rates.bytes)
