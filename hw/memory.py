"""Memory of chips: what must be resident before a run starts, and a running account that never goes wrong silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ampsim.errors import CapacityError, OutOfMemory, RunError
from ampsim.hw import units
from ampsim.hw.clock import to_seconds
from ampsim.hw.system import System

STATIC = ("parameters", "gradients", "optimizer")
RUNNING = ("caches", "deferred", "queues", "outbox")


class Share(NamedTuple):
    """Bytes that one node keeps on its chip for the whole run."""

    name: str
    parameters: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All three together."""
        return self.parameters + self.gradients + self.optimizer


def capacity(system: System, chip: int) -> int | None:
    """Bytes of memory of a chip; None when it is unlimited."""
    limit = system.chip_kinds[chip].memory_capacity
    return None if isinstance(limit, str) else limit


def check_static(system: System, placed: Mapping[int, Sequence[Share]]) -> None:
    """Refuse a placement (shares by chip number) whose static parts do not fit.

    Raises CapacityError with a table of every chip that is too small: needed, available, missing, and what would fit.
    """
    rows, advice = [], []
    for chip, shares in sorted(placed.items()):
        limit = capacity(system, chip)
        needed = sum(share.total for share in shares)
        if limit is None or needed <= limit:
            continue
        parts = [sum(getattr(share, kind) for share in shares) for kind in STATIC]
        name = system.chip_names[chip]
        rows.append((name, *map(show, (*parts, needed, limit, needed - limit))))
        advice.append(_what_fits(name, shares, limit))
    if not rows:
        return
    what = f"the job does not fit the memory of {len(rows)} of {len(placed)} chips in use"
    heads = ("chip", *STATIC, "needed", "available", "missing")
    more = [f"and {len(rows) - 20} more chips"] if len(rows) > 20 else []
    lines = [what, *_table(heads, rows[:20]), *more]
    do = "place fewer nodes on a chip or choose larger chips; " + "; ".join(advice[:5])
    raise CapacityError("\n".join(lines), f"memory of system {system.name}", do)


class Ledger:
    """The memory of one chip during a run, by kind of content; policy ``refuse``.

    ``capacity`` in bytes, None for no limit. Levels and their sum are never negative, and the sum never exceeds the
    capacity: a step that would do so is refused, and the ledger stays as it was.
    """

    __slots__ = ("capacity", "chip", "level", "levels", "peak")

    def __init__(self, chip: str, capacity: int | None, static: Mapping[str, int] | None = None) -> None:
        self.chip = chip
        self.capacity = capacity
        self.level = 0
        self.peak = 0
        self.levels: dict[str, int] = dict.fromkeys((*STATIC, *RUNNING), 0)
        for kind, nbytes in (static or {}).items():
            self.add(kind, nbytes)

    def add(self, kind: str, nbytes: int, now: int = 0) -> None:
        """``nbytes`` more of ``kind``, or less if negative, at time ``now`` (fs).

        Raises OutOfMemory with a table when the chip would overflow, RunError when more is freed than there is.
        """
        level = self.levels.get(kind, 0) + nbytes
        total = self.level + nbytes
        if level < 0:
            what = f"{-nbytes} bytes of {kind} are freed on {self.chip}, and there are {level - nbytes}"
            raise RunError(what, self._at(now), "this is a fault of the simulator; please report it")
        if nbytes > 0 and self.capacity is not None and total > self.capacity:
            raise OutOfMemory(*self._refusal(kind, nbytes, now))
        self.levels[kind] = level
        self.level = total
        self.peak = max(self.peak, total)

    def set(self, kind: str, nbytes: int, now: int = 0) -> None:
        """Make ``kind`` take ``nbytes`` in all; otherwise as :meth:`add`."""
        self.add(kind, nbytes - self.levels.get(kind, 0), now)

    def table(self) -> list[str]:
        """Lines of text: bytes by kind, their sum, and the capacity."""
        rows = [(kind, show(level)) for kind, level in self.levels.items() if level]
        rows.append(("in use", show(self.level)))
        rows.append(("available", "unlimited" if self.capacity is None else show(self.capacity)))
        return _table(("memory", self.chip), rows)

    def _refusal(self, kind: str, nbytes: int, now: int) -> tuple[str, str, str]:
        free = (self.capacity or 0) - self.level
        what = f"{self.chip} is out of memory: {show(nbytes)} more of {kind} are needed, and {show(free)} are free"
        do = "lower max_active_keys, spread the nodes over more chips, or choose chips with more memory"
        return "\n".join([what, *self.table()]), self._at(now), do

    def _at(self, now: int) -> str:
        return f"{self.chip} at {to_seconds(now):.9g} s of simulated time"


def show(nbytes: int) -> str:
    """Bytes for a reader: exact if that is short, else with four digits."""
    exact = f"{nbytes} B" if nbytes < 10_000 else units.format(nbytes, units.BYTES)
    if len(exact) <= 10:
        return exact
    size, unit = float(nbytes), 0
    while size >= 1024 and unit < 6:
        size, unit = size / 1024, unit + 1
    return f"{size:.4g} {['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit]}"


def _what_fits(name: str, shares: Sequence[Share], limit: int) -> str:
    """How many of the nodes, in their order, the chip could hold, and how many such chips would hold all."""
    used, fitting = 0, []
    for share in shares:
        if used + share.total <= limit:
            used += share.total
            fitting.append(share.name)
    largest = max(shares, key=lambda share: share.total)
    if largest.total > limit:
        return f"{largest.name} alone needs {show(largest.total)} of the {show(limit)} of {name}"
    needed = -(-sum(share.total for share in shares) // limit)
    kept = ", ".join(fitting[:4]) + (", ..." if len(fitting) > 4 else "")
    return (
        f"{name} could hold {len(fitting)} of its {len(shares)} nodes ({kept}), all need at least {needed} such chips"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = []
    for row in (heads, *rows):
        cells = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  " + "  ".join(cells))
    return lines
