"""How long a task keeps a chip busy.

    time(task)  =  task_overhead  +  the measured table of all its operations, joined by " + ", if the chip has one,
                   else the sum over its parts of time(part)
    time(part)  =  the measured table of its operation, if the chip has one, else by the kernel of its kind
                   fixed + rows row + FLOP of products / matmul + bytes / bandwidth , if the chip has one, else
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

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import log2
from typing import NamedTuple, Protocol

from ampsim.hw.clock import to_fs
from ampsim.hw.schema.chips import REFERENCE, Chips, Table
from ampsim.hw.schema.processor import CACHE, Kernel
from ampsim.ir.work import Work

_OPERATION = re.compile(r"(\w+).*? (forward|backward(?: without dx)?|update)$")
_SIZES = re.compile(r"\(.*?\)")
ANY = "any"  # the kernel of kinds that have none
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
        self._waking = Fraction(kind.software.waking).limit_denominator(10**6)
        self._known: dict[tuple[str, int, Work], int] = {}
        self._software = bool(kind.measured or kind.kernels)
        # Whether any time depends on what a worker holds: that is a sum at every task.
        self.counts_held = any(table.cold for table in kind.measured.values())
        self._extra: dict[tuple[str, ...], tuple[int, float]] = {}
        self._wholes: dict[tuple[tuple[str, int], ...], int | None] = {}

    def chip_time(self, parts: Iterable[Part], messages: int = 0, held: int = 0, woken: bool = False) -> int:
        """Femtoseconds of a task of these parts, overhead included.

        It takes so many messages, its worker holds so many bytes of caches, deferred rows and queues, and it may be the
        first after a wait.
        """
        parts = tuple(parts)
        time = self._chip_time(parts)
        if self._software and parts:
            message, cold = self._each(parts)
            time += messages * message
            if cold:
                time += to_fs(cold * parts[0].rows * doublings(held))
        return int(time * self._waking) if woken and self._waking != 1 else time

    def _chip_time(self, parts: tuple[Part, ...]) -> int:
        total = self.task_overhead
        known = self._known
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

    def _each(self, parts: tuple[Part, ...]) -> tuple[int, float]:
        """Femtoseconds of each message of a task, and seconds of a row per doubling.

        By the table of the whole, else of its first part, else by its kernel.
        """
        operations = tuple([part.operation for part in parts])
        cost = self._extra.get(operations)
        if cost is None:
            table = self.kind.measured.get(" + ".join(operations)) or self._table(operations[0])
            kernel = self._kernel(operations[0])
            message = table.message if table else kernel.message if kernel else 0.0
            cost = self._extra[operations] = to_fs(message), table.cold if table else 0.0
        return cost

    def _whole(self, parts: tuple[Part, ...]) -> int | None:
        """The measured time of a task of several parts as a whole, if the chip has such a table."""
        if len(parts) < 2 or not self.kind.measured:
            return None
        key = tuple([(part.operation, part.rows) for part in parts])
        if key not in self._wholes:
            table = self.kind.measured.get(" + ".join(part.operation for part in parts))
            self._wholes[key] = None if table is None else to_fs(interpolate(table, parts[0].rows))
        return self._wholes[key]

    def _table(self, operation: str) -> Table | None:
        """Of the operation, or else of all of its name, whatever the sizes in brackets."""
        return self.kind.measured.get(operation) or self.kind.measured.get(_SIZES.sub("", operation))

    def _kernel(self, operation: str) -> Kernel | None:
        """Of the operation's kind, or else of any."""
        kernels = self.kind.kernels
        return (kernels.get(kind_of(operation)) or kernels.get(ANY)) if kernels else None

    def part_time(self, part: Part) -> int:
        """Femtoseconds of one part, without overhead. Raises RunError if it is NaN, infinite or negative."""
        table = self._table(part.operation)
        if table is not None:
            return to_fs(interpolate(table, part.rows))
        kernel = self._kernel(part.operation)
        return to_fs(self.roofline(part.work) if kernel is None else kernel_time(kernel, part.rows, part.work))

    def stored(self, nbytes: int) -> int:
        """Bytes that ``nbytes`` of fp32 take in the format of the chip, rounded up."""
        element = self._element
        return nbytes if element == REFERENCE_BYTES else -(-nbytes * element // REFERENCE_BYTES)

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


def kernel_time(kernel: Kernel, rows: int, work: Work) -> float:
    """Seconds of a piece of work by the formula of its kind."""
    products = work.matmul / kernel.matmul if kernel.matmul else 0.0
    passes = (work.read + work.written) / kernel.bandwidth if kernel.bandwidth else 0.0
    return kernel.fixed + rows * kernel.row + products + passes


def doublings(held: int) -> float:
    """How often ``held`` bytes have doubled since they filled a cache of 1 MiB: log2, at least 0."""
    return log2(held / CACHE) if held > CACHE else 0.0


def kind_of(operation: str) -> str:
    """The kind of an operation: ``Linear backward`` of ``Linear(784, 784) backward``, whatever its sizes and names."""
    found = _OPERATION.match(operation)
    return f"{found[1]} {found[2]}" if found else operation


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
