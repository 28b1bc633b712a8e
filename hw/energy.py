"""What a run consumed, chip by chip, from its tables.

matmul    energy.matmul * FLOP of matrix products            both also of what was recomputed; padding to the tile is
vector    energy.vector * FLOP elsewhere                     not counted
memory    energy.memory * bytes read and written             in the chip's format
off_chip  energy.off_chip * bytes spilled and fetched
link      energy.link * bytes sent * links taken             by the chips' units, ports apart; the host is not counted
idle      energy.idle * time of the run                      drawn all the time, busy or not

Chips without a worker are taken to be switched off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ampsim.hw.cost import REFERENCE_BYTES, arithmetic
from ampsim.hw.schema.chips import REFERENCE, Chips
from ampsim.hw.system import System
from ampsim.ir.message import Array
from ampsim.result.schema import OVERFLOWS, Table

PARTS = ("matmul", "vector", "memory", "off_chip", "link", "idle")
_MOVED = [OVERFLOWS.index("spill"), OVERFLOWS.index("fetch")]
_AGAIN = OVERFLOWS.index("recompute")


def energy(system: System, chips: Sequence[int], tables: Mapping[str, Table], seconds: float) -> dict[str, Any]:
    """Energy (J) of a run of ``seconds``, where worker w sat on chip ``chips[w]``.

    ``chips`` has one entry a chip in use, in order: its parts and their ``total``; None where the file states no
    energy of the chip. ``total`` is the sum over chips, None if that of one is not known.
    """
    used = sorted(set(chips))
    place = np.searchsorted(used, np.asarray(chips))
    kinds = [system.chip_kinds[chip] for chip in used]
    ports = np.array([link.port for link in system.fabric.links], bool)
    amounts = _amounts(tables, place, kinds, ports)
    found = [_joules(kind, amounts[:, number], seconds) for number, kind in enumerate(kinds)]
    known = [entry["total"] for entry in found if entry is not None]
    return {"chips": found, "total": sum(known) if len(known) == len(found) else None}


def _amounts(tables: Mapping[str, Table], place: Array, kinds: Sequence[Chips], ports: Array) -> Array:
    """FLOP of both sorts, bytes in memory, bytes moved off chip, bytes times links: (5, chips in use)."""
    tasks, overflow, links = tables["tasks"], tables["overflow"], tables["links"]
    size = len(kinds)

    def add(table: Table, column: str, worker: str = "worker", chosen: Array | None = None) -> Array:
        rows = slice(None) if chosen is None else chosen
        return np.bincount(place[table[worker][rows]], table[column][rows].astype(np.float64), size)

    again = overflow["kind"] == _AGAIN
    moved = np.isin(overflow["kind"], _MOVED)
    scale = np.asarray([arithmetic(kind).element / REFERENCE_BYTES for kind in kinds])
    touched = (add(tasks, "read") + add(tasks, "written")) * scale + add(overflow, "bytes", chosen=again)
    return np.stack(
        [
            add(tasks, "matmul") + add(overflow, "matmul", chosen=again),
            add(tasks, "vector") + add(overflow, "vector", chosen=again),
            touched,
            add(overflow, "bytes", chosen=moved),
            add(links, "bytes", "source", (links["source"] >= 0) & ~ports[links["link"]]),
        ]
    )


def _joules(kind: Chips, amounts: Array, seconds: float) -> dict[str, float] | None:
    rates = kind.energy
    if rates is None:
        return None
    by_format = None if kind.format == REFERENCE else kind.formats[kind.format]
    matmul, vector = rates.matmul, rates.vector
    if by_format is not None:
        matmul = matmul if by_format.matmul_energy is None else by_format.matmul_energy
        vector = vector if by_format.vector_energy is None else by_format.vector_energy
    prices = (matmul, vector, rates.memory, rates.off_chip or 0.0, rates.link)
    parts = [price * float(amount) for price, amount in zip(prices, amounts, strict=True)]
    found = dict(zip(PARTS, [*parts, rates.idle * seconds], strict=True))
    return {**found, "total": sum(found.values())}
