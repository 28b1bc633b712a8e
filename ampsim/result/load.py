"""What else ran on the machine during a run, so that a disturbed measurement says so.

The kernel counts, core by core, for how long something ran and for how long a host took the core away (``/proc/stat``,
Linux). What is left of that without the run's own processes was others'.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ampsim.result.run import Run

LIMIT = 0.05
"""Share of the cores that others may take before a run counts as disturbed."""
SHORTEST = 0.4
"""Seconds below which nothing is said: the kernel counts in ticks of 10 ms, two of which are 5 % of a core by then."""


class Spent(NamedTuple):
    """Seconds of a process so far: ``computing`` on some core, and ``waiting`` for one although it could run."""

    computing: float
    waiting: float | None

    def since(self, before: Spent) -> Spent:
        """What was added."""
        both = None not in (self.waiting, before.waiting)
        return Spent(self.computing - before.computing, (self.waiting or 0) - (before.waiting or 0) if both else None)


class _Counted(NamedTuple):
    """Seconds that cores were busy, were taken away by a host, and passed in all."""

    busy: float
    steal: float
    total: float


class Load(NamedTuple):
    """Means over ``seconds``, in cores: 1.0 is one core all the time. None: the system does not tell.

    ``cores`` are those this process may use; the other figures are about them. ``own`` is what the processes of the run
    used, ``others`` what all other processes did, ``steal`` what the host of a virtual machine took away. ``waiting``
    is the mean number of the run's processes that could run and had no core: their part of the run queue.
    """

    seconds: float
    cores: int | None
    own: float
    others: float | None
    steal: float | None
    waiting: float | None

    @property
    def disturbed(self) -> bool | None:
        """Whether others and the host took more than 5 % of the cores; None if that cannot be told."""
        if self.others is None or self.steal is None or not self.cores or self.seconds < SHORTEST:
            return None
        return self.others + self.steal > LIMIT * self.cores


def load_of(run: Run) -> Load | None:
    """The load while a run went on, from its provenance; None where an older version wrote nothing down."""
    found = run.provenance.get("load")
    return Load(**found) if found else None


def disturbed(run: Run) -> bool | None:
    """Whether other load took part in the times of a run; None if that cannot be told. Simulated time knows no load."""
    load = load_of(run)
    if run.backend == "sim":
        return False
    return load.disturbed if load else None


class Meter:
    """Counts from now on, until :meth:`stop`. It looks twice and never in between, for a tenth of a millisecond."""

    def __init__(self) -> None:
        self._cores = _usable()
        self._own = spent()
        self._counted = _counted(self._cores)
        self._began = time.monotonic()
        self._stopped: tuple[float, _Counted | None, Spent] | None = None

    def stop(self) -> None:
        """The run is over; what follows does not count."""
        self._stopped = time.monotonic() - self._began, _counted(self._cores), spent().since(self._own)

    def load(self, processes: Iterable[Spent] = ()) -> Load:
        """The load until now, or until it was stopped. ``processes`` are those of the run apart from this one."""
        if self._stopped is None:
            self.stop()
        assert self._stopped
        seconds, counted, mine = self._stopped
        every = [mine, *processes]
        own = sum(process.computing for process in every)
        waits = [process.waiting for process in every]
        others = steal = None
        if counted and self._counted:
            busy, taken, total = (after - before for after, before in zip(counted, self._counted, strict=True))
            # In some containers these counters stand still.
            if total > len(self._cores) * (seconds / 2 - 0.02):
                others, steal = max(0.0, busy - own), taken
        waiting = None if None in waits else sum(wait or 0.0 for wait in waits)

        def cores(total: float | None) -> float | None:
            return None if total is None else total / max(seconds, 1e-6)

        there = len(self._cores) or None
        return Load(seconds, there, own / max(seconds, 1e-6), cores(others), cores(steal), cores(waiting))


def spent() -> Spent:
    """Of this process so far; the waiting is that of the calling thread."""
    try:
        waiting = int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return Spent(time.process_time(), None)
    return Spent(time.process_time(), waiting)


def _usable() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 0))


def _stat() -> str:
    return Path("/proc/stat").read_text(encoding="ascii")


def _counted(cores: frozenset[int]) -> _Counted | None:
    """What the kernel has counted of these cores."""
    sums = [0, 0, 0]
    try:
        for line in _stat().splitlines():
            name, *rest = line.split()
            if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in cores:
                user, nice, system, idle, iowait, irq, softirq, steal = map(int, rest[:8])
                busy = user + nice + system + irq + softirq
                sums = [sums[0] + busy, sums[1] + steal, sums[2] + busy + steal + idle + iowait]
        tick = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
    return _Counted(*(ticks / tick for ticks in sums))
