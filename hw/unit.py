"""One chip at work: receive, choose, compute, send, each for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import NORMAL

from ampsim.engine.log import Columns, WorkerLog
from ampsim.engine.task import Effects, Task
from ampsim.engine.worker import WorkerState
from ampsim.hw.clock import FS
from ampsim.hw.cost import ChipCost
from ampsim.hw.memory import Ledger, capacity
from ampsim.hw.network import HOST
from ampsim.hw.transport import AFTER_NETWORK
from ampsim.ir.message import Messages, Origin

if TYPE_CHECKING:
    from ampsim.hw.backend import Simulation

Arrival = tuple[int, int, int, Any]  # source, time sent, bytes, parcel or command
Script = Generator[int | None, int, None]
"""What a chip does, in pauses: femtoseconds of being busy, 0 to let everything arrive that arrives now, None to sleep.

A pause gives the time at its end. What follows happens before the network moves anything at that time; what follows 0
or a sleep, after all deliveries of that time. So all that is sent at one time is known before a link chooses whom to
serve, and all that has arrived is known before a chip chooses what to do.
"""
Act = Generator[int | None, int, int]
"""A part of a script; returns the time at its end."""
SETTLE = 0
SLEEP = None


class Unit:
    """A worker on its chip.

    receive (parcel cost each) -> next task -> run (chip time) -> send (parcel cost each) -> ...
    """

    def __init__(self, simulation: Simulation, state: WorkerState) -> None:
        system = simulation.system
        self.simulation = simulation
        self.env = simulation.env
        self.state = state
        self.log = WorkerLog(state, FS)
        self.cost = ChipCost(system.chip_kinds[state.worker])
        self.memory = Ledger(system.chip_names[state.worker], capacity(system, state.worker), state.static_memory())
        self._inbox: list[Arrival] = []
        self._inbox_bytes = 0
        self._asleep = True
        # One event, scheduled again and again, in place of a SimPy process: an error of a node comes out as it is.
        self._script = self._work()
        next(self._script)
        self._callbacks: list[Callable[[simpy.Event], None]] = [self._go_on]
        self._pause = simpy.Event(self.env)
        self._pause._ok, self._pause._value = True, None

    def tables(self) -> dict[str, Columns]:
        """What was written down, as tables; it is let go of, and the unit is at its end.

        Millions of small objects would otherwise wait, in cycles, for the garbage collector to walk them.
        """
        found = self.log.tables()
        self.log = WorkerLog(self.state, FS)
        self._script.close()
        return found

    def arrive(self, arrival: Arrival) -> None:
        """Something has come over the network, or from the controller."""
        source, _, nbytes, _ = arrival
        self._inbox.append(arrival)
        if source != HOST:
            now = self.simulation.now
            self.simulation.units[source].memory.add("outbox", -nbytes, now)
            self._inbox_bytes += nbytes
            self.memory.add("queues", nbytes, now)
        if self._asleep:
            self._asleep = False
            self._schedule(SETTLE)

    def _schedule(self, delay: int) -> None:
        self._pause.callbacks = self._callbacks
        self.env.schedule(self._pause, NORMAL if delay else AFTER_NETWORK, delay)

    def _go_on(self, _: simpy.Event) -> None:
        now: Any = self.env.now  # an int; SimPy's types allow for floats
        delay = self._script.send(now)
        if delay is None:
            self._asleep = True
        else:
            self._schedule(delay)

    def _work(self) -> Script:
        """The chip's life; it ends with the simulation."""
        peek, next_task = self.env.peek, self.state.next_task
        now = yield SLEEP
        while True:
            if self._inbox:
                now = yield from self._receive(now)
            else:
                task = next_task()
                if task is None:
                    now = yield SLEEP
                    continue
                now = yield from self._run(task, now)
            if peek() == now:
                yield SETTLE

    def _run(self, task: Task, start: int) -> Act:
        """A task: what it takes on counts from its start, what it gives up and sends counts from its end."""
        effects = self.state.run(task)
        self._hold(start, effects)
        now = yield self.cost.chip_time(task.parts)
        self._release(now)
        self.log.task(task, start, now, self.memory.levels["outbox"])
        if effects.parcels or effects.reports:
            now = yield from self._send(effects, now)
        return now

    def _receive(self, now: int) -> Act:
        """Take in all that is here, one after the other, and pass on what routing nodes pass on."""
        arrivals, self._inbox = self._inbox, []
        cost = sum([self.cost.parcel_time(nbytes) for _, _, nbytes, _ in arrivals])
        if cost:
            now = yield cost
        state = self.state
        for source, sent, nbytes, content in arrivals:
            if source != HOST:
                self._inbox_bytes -= nbytes
                state.deliver(content, Origin(source, sent, now))
            elif content[0] == "admit":
                state.admit(content[1], Origin(HOST, sent, now))
            elif content[0] == "sync":
                instance, groups = content[1]
                state.synchronise(instance, groups, Origin(HOST, sent, now))
            else:
                state.update_now(content[1])
        effects = state.take_effects()
        self._release(now)
        self._hold(now, effects)
        if effects.parcels or effects.reports:
            now = yield from self._send(effects, now)
        return now

    def _send(self, effects: Effects, now: int) -> Act:
        """Parcels leave one after the other, each after the time it keeps the sender busy; reports go last."""
        simulation, worker = self.simulation, self.state.worker
        for destination, parcel in effects.parcels.items():
            nbytes = size(parcel)
            cost = self.cost.parcel_time(nbytes)
            if cost:
                now = yield cost
            arrival = (worker, now, nbytes, parcel)
            simulation.transport.send(worker, destination, nbytes, simulation.units[destination].arrive, arrival)
        if effects.reports:
            nbytes = simulation.report_bytes(effects)
            cost = self.cost.parcel_time(nbytes)
            if cost:
                now = yield cost
            simulation.report(worker, nbytes, effects)
        return now

    # -- memory, by the same rule as on every backend ---------------------------------------------------------------

    def _changes(self) -> tuple[tuple[str, int], ...]:
        """By how many bytes each kind differs from what is on the books. What waits to be taken in lies in a queue."""
        caches, deferred, queues = self.state.memory()
        levels = self.memory.levels
        return (
            ("caches", caches - levels["caches"]),
            ("deferred", deferred - levels["deferred"]),
            ("queues", queues + self._inbox_bytes - levels["queues"]),
        )

    def _hold(self, now: int, effects: Effects) -> None:
        """Count what there is more of. A parcel is held by its sender until it has arrived."""
        for kind, change in self._changes():
            if change > 0:
                self.memory.add(kind, change, now)
        for parcel in effects.parcels.values():
            self.memory.add("outbox", size(parcel), now)

    def _release(self, now: int) -> None:
        """Count what there is less of."""
        for kind, change in self._changes():
            if change < 0:
                self.memory.add(kind, change, now)


def size(parcel: Sequence[Messages]) -> int:
    """Bytes of payload."""
    return parcel[0].nbytes if len(parcel) == 1 else sum(messages.nbytes for messages in parcel)
