"""How long a task keeps a chip busy.

    time(task)  =  task_overhead  +  the measured table of all its operations, joined by " + ", if the chip has one,
                   else the sum over its parts of time(part)
    time(part)  =  the measured table of its operation, if the chip has one, else
                   max( padded / matmul + vector / vector_rate ,  bytes / share )
    padded      =  sum over its products (m, k, n) of  2 * up(m, R) * up(k, K) * up(n, C)

where (R, K, C) is the chip's ``tile`` (rows, inner, columns) and up(x, t) is x rounded up to a multiple of
t: a product that does not fill the array takes as long as one that does, so a 1-row product on a 128-row
array runs at 1/128 of the peak. With a tile of (1, 1, 1) this is the roofline: FLOP / min(peak, bandwidth *
FLOP / byte).

The rates are those of the number format that the chip computes in. The engine counts bytes of fp32; in a format of b
bytes an element all of them, read + written, become b / 4 as many: ``bytes``. ``share`` is memory_bandwidth / units, so
that the units of a chip together never read faster than its memory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from ampsim.hw.clock import Pace, to_fs
from ampsim.hw.schema.chips import REFERENCE, Chips, Table
from ampsim.ir.work import Work

REFERENCE_BYTES = 4  # of an element as the engine counts them


class Part(Protocol):
    """What is known of a piece of a task: ``ampsim.engine.task.Part`` is one."""

    @property
    def operation(self) -> str:
        """Such as ``Linear(784, 784) forward``: the key of a measured table."""

    @property
    def rows(self) -> int:
        """Rows of the payload."""

    @property
    def work(self) -> Work:
        """Arithmetic and bytes."""


class Arithmetic(NamedTuple):
    """Rates of the format a chip computes in (FLOP/s), and bytes of an element."""

    matmul: float
    vector: float
    element: int


def arithmetic(kind: Chips) -> Arithmetic:
    """What a unit of this kind of chip computes with."""
    if kind.format == REFERENCE:
        return Arithmetic(kind.matmul, kind.vector, REFERENCE_BYTES)
    chosen = kind.formats[kind.format]
    return Arithmetic(chosen.matmul, chosen.vector, chosen.bytes)


class ChipCost:
    """Times on one unit of one kind of chip, in integer femtoseconds. Part times are remembered."""

    def __init__(self, kind: Chips) -> None:
        self.kind = kind
        self.arithmetic = arithmetic(kind)
        self._element = self.arithmetic.element
        bandwidth = kind.memory_bandwidth
        self._share = None if isinstance(bandwidth, str) else bandwidth / kind.units
        self.task_overhead = to_fs(kind.task_overhead)
        self._parcel = to_fs(kind.parcel_overhead)
        self._copy = Pace(None if isinstance(kind.copy_bandwidth, str) else kind.copy_bandwidth)
        self._known: dict[tuple[str, int, Work], int] = {}
        self._wholes: dict[tuple[tuple[str, int], ...], int | None] = {}

    def chip_time(self, parts: Iterable[Part]) -> int:
        """Femtoseconds of a task of these parts, overhead included."""
        total = self.task_overhead
        known = self._known
        parts = tuple(parts)
        whole = self._whole(parts)
        if whole is not None:
            return total + whole
        for part in parts:
            key = (part.operation, part.rows, part.work)
            time = known.get(key)
            if time is None:
                if len(known) >= 1 << 16:
                    known.clear()
                time = known[key] = self.part_time(part)
            total += time
        return total

    def _whole(self, parts: tuple[Part, ...]) -> int | None:
        """The measured time of a task of several parts as a whole, if the chip has such a table."""
        if len(parts) < 2 or not self.kind.measured:
            return None
        key = tuple((part.operation, part.rows) for part in parts)
        if key not in self._wholes:
            table = self.kind.measured.get(" + ".join(part.operation for part in parts))
            self._wholes[key] = None if table is None else to_fs(interpolate(table, parts[0].rows))
        return self._wholes[key]

    def part_time(self, part: Part) -> int:
        """Femtoseconds of one part, without overhead. Raises RunError if it is NaN, infinite or negative."""
        table = self.kind.measured.get(part.operation)
        return to_fs(interpolate(table, part.rows) if table is not None else self.roofline(part.work))

    def stored(self, nbytes: int) -> int:
        """Bytes that ``nbytes`` of fp32 take in the format of the chip, rounded up."""
        element = self._element
        return nbytes if element == REFERENCE_BYTES else -(-nbytes * element // REFERENCE_BYTES)

    def parcel_time(self, nbytes: int) -> int:
        """Femtoseconds that a parcel of ``nbytes``, as stored, keeps its sender busy, and again its receiver."""
        return self._parcel + self._copy.ticks(nbytes)

    def roofline(self, work: Work) -> float:
        """Seconds of a piece of work by the formula above."""
        rates = self.arithmetic
        computing = padded(work.products, self.kind.tile) / rates.matmul + work.vector / rates.vector
        nbytes = (work.read + work.written) * self._element / REFERENCE_BYTES
        memory = 0.0 if self._share is None else nbytes / self._share
        # A maximum would hide a negative or NaN cost; whoever turns this into a time refuses it.
        return max(computing, memory) if computing >= 0 <= memory else min(computing, memory)


def chip_time(kind: Chips, parts: Iterable[Part]) -> int:
    """Femtoseconds of one task on a chip of this kind; a :class:`ChipCost` is faster for many."""
    return ChipCost(kind).chip_time(parts)


def padded(products: Iterable[tuple[int, int, int]], tile: Sequence[int]) -> int:
    """FLOP of the products with every side rounded up to the tile (rows, inner, columns)."""
    rows, inner, columns = tile
    total = 0
    for m, k, n in products:
        total += 2 * (-(-m // rows) * rows) * (-(-k // inner) * inner) * (-(-n // columns) * columns)
    return total


def interpolate(table: Table, rows: int) -> float:
    """Seconds for ``rows`` rows: linear between measured points, proportional to rows beyond them."""
    known, seconds = table.rows, table.seconds
    at = bisect_left(known, rows)
    if at == len(known) or at == 0:
        end = min(at, len(known) - 1)
        return seconds[end] * (rows / known[end])
    low, high = known[at - 1], known[at]
    weight = (rows - low) / (high - low)
    return seconds[at - 1] * (1.0 - weight) + seconds[at] * weight
