"""What a unit does between its tasks, and for how long: it chooses, takes in, sends, reports.

    choosing a task of n messages           choosing  +  n gathering, if n > 1
    a parcel of n messages and b bytes      parcel_overhead  +  n message  +  b / copy_bandwidth,  at either end
    a command of the controller             as a parcel without messages
    a report to the controller              report, or as a parcel
    after a task that filled the cache      cold

All of it is zero for a chip that is given none of these fields. Where a table ``CLASS structure`` says how long looking
up the structure of an instance takes, of that class of data, a unit that first hears of an instance from another one
takes that long too. Where an instance is admitted that is part of its source's task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ampsim.hw.clock import Pace, to_fs
from ampsim.hw.cost import ChipCost, Part
from ampsim.hw.memory.books import count
from ampsim.ir.message import Parcel


class Messaging:
    """Times in integer femtoseconds, on a unit with the costs ``cost``; ``data`` is the class of the data set."""

    def __init__(self, cost: ChipCost, data: str) -> None:
        kind = cost.kind
        software = kind.software
        self._parcel = to_fs(kind.parcel_overhead)
        self._copy = Pace(None if isinstance(kind.copy_bandwidth, str) else kind.copy_bandwidth)
        self._message = to_fs(software.message)
        self._report = None if software.report is None else to_fs(software.report)
        self._choosing, self._gathering = to_fs(software.choosing), to_fs(software.gathering)
        self._cold, self._cache = to_fs(software.cold), software.cache
        table = kind.measured.get(f"{data} structure")
        self._structure = 0 if table is None else to_fs(table.seconds[0])
        self._met: set[int] = set()  # instances that it knows of

    def choosing(self, messages: int) -> int:
        """Choosing a task of so many messages, and gathering them."""
        return self._choosing + (messages * self._gathering if messages > 1 else 0)

    def after(self, parts: Sequence[Part]) -> int:
        """What follows a task of these parts takes longer by this."""
        if not self._cold:
            return 0
        nbytes = sum([part.work.read + part.work.written for part in parts])
        return self._cold if nbytes > self._cache else 0

    def admitted(self, instances: Iterable[int]) -> None:
        """The controller has told the unit of these instances."""
        if self._structure:
            self._met.update(instances)

    def command(self, nbytes: int) -> int:
        """Taking in a command of the controller."""
        return self._parcel + self._copy.ticks(nbytes)

    def sending(self, parcel: Parcel, nbytes: int) -> int:
        """Sending a parcel of so many bytes, as stored."""
        return self._parcel + count(parcel) * self._message + self._copy.ticks(nbytes)

    def receiving(self, parcel: Parcel, nbytes: int) -> int:
        """Taking in a parcel of so many bytes, as stored by its sender."""
        time = self.sending(parcel, nbytes)
        if self._structure:
            here = {state[0] for messages in parcel for state in messages.states} - self._met
            self._met |= here
            time += len(here) * self._structure
        return time

    def report(self, nbytes: int) -> int:
        """Telling the controller something of so many bytes."""
        return self.command(nbytes) if self._report is None else self._report
