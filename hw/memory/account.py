"""Memory of a chip during a run: a running account of its levels that never goes wrong silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ampsim.errors import OutOfMemory, RunError
from ampsim.hw.clock import to_seconds
from ampsim.hw.memory.sizes import lines, show

STATIC = ("parameters", "gradients", "optimizer")
RUNNING = ("caches", "deferred", "queues", "outbox")
NO_LEVEL = 0
"""Capacity of an off-chip level that is not there."""

Giver = Callable[[int, int], None]
"""Asked to free so many bytes at a time (fs); it may free fewer."""


class Ledger:
    """The memory of one chip during a run, by kind of content.

    ``capacity`` in bytes, None for no limit; ``off_chip`` the same of the level behind it, 0 if there is none.

        level of a kind  =  what of it lies in memory  +  what of it lies off chip
        add n            what does not fit goes off chip                                  that much is written there
        free n of kind   the share of n that lies off chip, as of the kind: n * off / level     that much is fetched

    No level is ever negative, what lies in memory never exceeds the capacity and what lies off chip not that of its
    level: a step that would do so is refused, and the ledger stays as it was. Before it refuses, a ledger asks its
    ``givers`` to free what is missing.
    """

    __slots__ = ("capacity", "chip", "givers", "level", "levels", "off", "off_chip", "off_level", "off_peak", "peak")

    def __init__(
        self, chip: str, capacity: int | None, static: Mapping[str, int] | None = None, off_chip: int | None = NO_LEVEL
    ) -> None:
        self.chip = chip
        self.capacity = capacity
        self.off_chip = off_chip
        self.level = 0  # of both levels together
        self.off_level = 0
        self.peak = 0  # of what lies in memory
        self.off_peak = 0
        self.levels: dict[str, int] = dict.fromkeys((*STATIC, *RUNNING), 0)
        self.off: dict[str, int] = dict.fromkeys(self.levels, 0)
        self.givers: list[Giver] = []
        for kind, nbytes in (static or {}).items():
            self.add(kind, nbytes)

    def add(self, kind: str, nbytes: int, now: int = 0) -> int:
        """``nbytes`` more of ``kind``, or less if negative, at time ``now`` (fs); gives the bytes moved between levels.

        Raises OutOfMemory with a table when the chip would overflow, RunError when more is freed than there is.
        """
        if nbytes < 0:
            return self._free(kind, -nbytes, now)
        over = 0 if self.capacity is None else self._over(kind, nbytes, now)
        self.levels[kind] = self.levels.get(kind, 0) + nbytes
        self.level += nbytes
        if over:
            self.off[kind] = self.off.get(kind, 0) + over
            self.off_level += over
            self.off_peak = max(self.off_peak, self.off_level)
        held = self.level - self.off_level
        self.peak = max(self.peak, held)
        return over

    def _over(self, kind: str, nbytes: int, now: int) -> int:
        """How many of ``nbytes`` more have to go off chip. Raises OutOfMemory if they cannot."""
        over = self.missing(nbytes)
        if over > 0 and self.givers:
            over = self._ask(nbytes, now)
        if over <= 0:
            return 0
        if self.off_chip is not None and self.off_level + over > self.off_chip:
            raise self._refusal(kind, nbytes, now)
        return over

    def missing(self, nbytes: int) -> int:
        """By how much ``nbytes`` more would exceed what is free in memory; not above zero if they fit."""
        return 0 if self.capacity is None else self.level - self.off_level + nbytes - self.capacity

    def _ask(self, nbytes: int, now: int) -> int:
        """Have the givers free what is missing for ``nbytes``; what is missing still."""
        for give in self.givers:
            short = self.missing(nbytes)
            if short <= 0:
                break
            give(short, now)
        return self.missing(nbytes)

    def _free(self, kind: str, nbytes: int, now: int) -> int:
        level = self.levels.get(kind, 0)
        if nbytes > level:
            what = f"{nbytes} bytes of {kind} are freed on {self.chip}, and there are {level}"
            raise RunError(what, self._at(now), "this is a fault of the simulator; please report it")
        off = self.off[kind] if self.off_level else 0
        back = (2 * nbytes * off + level) // (2 * level) if off else 0
        self.levels[kind] = level - nbytes
        self.level -= nbytes
        self.off[kind] = off - back
        self.off_level -= back
        return back

    def set(self, kind: str, nbytes: int, now: int = 0) -> int:
        """Make ``kind`` take ``nbytes`` in all; otherwise as :meth:`add`."""
        return self.add(kind, nbytes - self.levels.get(kind, 0), now)

    def table(self) -> list[str]:
        """Lines of text: bytes by kind, their sum, and the capacity, of each level that there is."""
        rows = [(kind, show(level)) for kind, level in self.levels.items() if level]
        if self.off_chip == NO_LEVEL:
            rows.append(("in use", show(self.level)))
        else:
            rows += [("in all", show(self.level)), ("off chip", show(self.off_level))]
            rows.append(("off chip available", "unlimited" if self.off_chip is None else show(self.off_chip)))
            rows.append(("in use on chip", show(self.level - self.off_level)))
        rows.append(("available", "unlimited" if self.capacity is None else show(self.capacity)))
        return lines(("memory", self.chip), rows)

    def _refusal(self, kind: str, nbytes: int, now: int) -> OutOfMemory:
        free = nbytes - self.missing(nbytes) + (self.off_chip or 0) - self.off_level
        what = f"{self.chip} is out of memory: {show(nbytes)} more of {kind} are needed, and {show(free)} are free"
        do = "lower max_active_keys, spread the nodes over more chips, or choose chips with more memory"
        error = OutOfMemory("\n".join([what, *self.table()]), self._at(now), do)
        error.chip = self.chip
        return error

    def _at(self, now: int) -> str:
        return f"{self.chip} at {to_seconds(now):.9g} s of simulated time"
