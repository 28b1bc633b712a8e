"""What the units of one chip share of its memory: the account of it, and the way to the level behind it.

Off-chip memory moves one thing at a time, first come first served: n bytes asked for at time t are there at

    max(t, end of the transfer before) + n / bandwidth
"""

from __future__ import annotations

from collections.abc import Mapping

from ampsim.hw.clock import Pace
from ampsim.hw.memory.account import Ledger
from ampsim.hw.memory.overflow import OverflowLog
from ampsim.hw.memory.residents import capacity, off_chip
from ampsim.hw.system import System


class Store:
    """The memory of chip number ``chip``, which holds ``static`` bytes by kind from the beginning."""

    def __init__(self, system: System, chip: int, static: Mapping[str, int], log: OverflowLog) -> None:
        self.ledger = Ledger(system.chip_names[chip], capacity(system, chip), static, off_chip(system, chip))
        self.log = log
        self.recompute = system.overflow == "recompute"
        level = system.chip_kinds[chip].off_chip
        limited = level is not None and not isinstance(level.bandwidth, str)
        self._pace = Pace(float(level.bandwidth) if level is not None and limited else None)
        self._free = 0

    def move(self, worker: int, way: str, nbytes: int, now: int) -> int:
        """Move bytes to off-chip memory (``way`` is ``spill``) or from there (``fetch``); gives the time of the end."""
        start = max(now, self._free)
        self._free = start + self._pace.ticks(nbytes)
        self.log.add(worker, way, start, self._free, nbytes)
        return self._free
