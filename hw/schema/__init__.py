"""The fields of a system file: types, units and both bounds of every number.

A quantity is a number in base units; in a file it may be a string with a unit, which ``hw.files.quantity``
rewrites before these types are checked.
"""

from __future__ import annotations

from ampsim.hw.schema.base import MAX_CHIPS, Bandwidth, Bytes, Name, Source, Text
from ampsim.hw.schema.chips import Chips, Energy, Format, Level, Table
from ampsim.hw.schema.network import (
    Dragonfly,
    Edge,
    Edges,
    FatTree,
    Full,
    GraphFile,
    Host,
    Line,
    Links,
    Mesh,
    Port,
    Ring,
    Route,
    Switch,
    Topology,
    Torus,
)
from ampsim.hw.schema.processor import Cores, Kernel, Machine, Software, Uncertainty

__all__ = [
    "MAX_CHIPS",
    "Bandwidth",
    "Bytes",
    "Chips",
    "Cores",
    "Dragonfly",
    "Edge",
    "Edges",
    "Energy",
    "FatTree",
    "Format",
    "Full",
    "GraphFile",
    "Host",
    "Kernel",
    "Level",
    "Line",
    "Links",
    "Machine",
    "Mesh",
    "Name",
    "Port",
    "Ring",
    "Route",
    "Software",
    "Source",
    "Switch",
    "Table",
    "Text",
    "Topology",
    "Torus",
    "Uncertainty",
]
