"""One unit of a chip at work: receive, choose, compute, send, each for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import NORMAL

from ampsim.engine.log import MEMORY, Columns, WorkerLog
from ampsim.engine.task import Effects, Task
from ampsim.engine.worker import WorkerState
from ampsim.hw.clock import FS
from ampsim.hw.cores import later
from ampsim.hw.cost import ChipCost
from ampsim.hw.memory.books import Books, size
from ampsim.hw.memory.store import Store
from ampsim.hw.memory.streaming import Streams
from ampsim.hw.messaging import Messaging
from ampsim.hw.network.messages import HOST
from ampsim.hw.network.transport import AFTER_NETWORK
from ampsim.ir.message import Origin

if TYPE_CHECKING:
    from ampsim.hw.backend import Simulation

Arrival = tuple[int, int, int, Any]  # source, time sent, bytes of fp32, parcel or command
Script = Generator[int | None, int, None]
"""What a unit does, in pauses: femtoseconds of being busy, 0 to let everything arrive that arrives now, None to sleep.

A pause gives the time at its end. What follows happens before the network moves anything at that time; what follows 0
or a sleep, after all deliveries of that time. So all that is sent at one time is known before a link chooses whom to
serve, and all that has arrived is known before a chip chooses what to do.
"""
Act = Generator[int | None, int, int]
"""A part of a script; returns the time at its end."""
SETTLE = 0
SLEEP = None


class Idle(int):
    """A pause, in femtoseconds, in which a unit waits for memory: it leaves cores that it shares to others."""


class Unit:
    """A worker on its unit of a chip; ``store`` is the memory of the chip, which all its units share.

    receive (parcel cost each) -> next task (choosing) -> run (chip time) -> send (parcel cost each) -> ...

    A unit that shares cores with others takes longer over all of it, sleep and waits for memory apart.
    """

    def __init__(self, simulation: Simulation, state: WorkerState, store: Store) -> None:
        system = simulation.system
        self.simulation = simulation
        self.env = simulation.env
        self.state = state
        self.log = WorkerLog(state, FS)
        self.cost = ChipCost(system.chip_kinds[system.unit_chips[state.worker]])
        self.cores = simulation.cores.get(system.unit_chips[state.worker])
        self.messaging = Messaging(self.cost, type(simulation.plan.data.training).__name__)
        self.books = Books(state, self.cost, store)
        self.streams = Streams(state, self.cost, store)
        self.memory = store.ledger
        self._inbox: list[Arrival] = []
        self._asleep = True
        self._woken = False  # since its last task it has waited
        self._since = 0  # when it last went to sleep
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
        if self._asleep:
            self.log.waited(self._since, self.simulation.now)
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
            self.simulation.units[source].books.left(nbytes, now)
            self.books.arrived(nbytes, now)
        if self._asleep:
            self._asleep = False
            if self.cores:
                self.cores.acquire(self, self._wake)
            else:
                self._wake()

    def _wake(self) -> None:
        now = self.simulation.now
        self._woken |= now > self._since
        self.log.waited(self._since, now)
        self._schedule(SETTLE)

    def _schedule(self, delay: int) -> None:
        if delay and self.cores:
            if isinstance(delay, Idle):
                self.cores.release(self)
                later(self.env, delay, self._back)
            else:
                self.cores.work(self, delay, self._go_on)
            return
        self._pause.callbacks = self._callbacks
        ties = self.simulation.ties
        priority = ties.wake(settle=not delay) if ties else NORMAL if delay else AFTER_NETWORK
        self.env.schedule(self._pause, priority, delay)

    def _back(self, event: simpy.Event) -> None:
        """Off-chip memory has moved what it had to; the unit goes on as soon as it has a core."""
        assert self.cores
        self.cores.acquire(self, lambda: self._go_on(event))

    def _go_on(self, _: simpy.Event) -> None:
        now: Any = self.env.now  # an int; SimPy's types allow for floats
        delay = self._script.send(now)
        if delay is None:
            self._asleep = True
            self._since = now
            if self.cores:
                self.cores.release(self)
        else:
            self._schedule(delay)

    def _work(self) -> Script:
        """The unit's life; it ends with the simulation."""
        peek, next_task, messaging = self.env.peek, self.state.next_task, self.messaging
        now = yield SLEEP
        while True:
            if self._inbox:
                now = yield from self._receive(now)
            else:
                task = next_task()
                if task is None:
                    now = yield SLEEP
                    continue
                choosing = messaging.choosing(task.messages)
                if choosing:
                    now = yield choosing
                now = yield from self._run(task, now)
            if peek() == now:
                yield SETTLE

    def _run(self, task: Task, start: int) -> Act:
        """A task: what it takes on counts from its start, what it gives up and sends counts from its end.

        What off-chip memory has to move first and last is not the task's time, but a wait before and one after it.
        """
        effects = self.state.run(task)
        again = self.books.restore(start)
        ready = self.books.hold(start, effects)
        if self.streams.any:
            ready = max(ready, self.streams.run(task, start))
        if self.cores and ready > start:
            start = ready = yield from self._idle(start, ready)
        else:
            self.log.waited(start, ready, MEMORY)
        held = sum(self.books.resident()) if self.cost.counts_held else 0
        now = yield ready - start + again + self.cost.chip_time(task.parts, task.messages, held, self._woken)
        self._woken = False
        done = self.books.release(now)
        self.log.task(task, ready, now, self.books.levels["outbox"], self.books.resident(), self.memory.off_level)
        if done > now:
            now = yield from self._idle(now, done)
        later = self.messaging.after(task.parts)
        if later:
            now = yield later
        if effects.parcels or effects.reports:
            now = yield from self._send(effects, now)
        return now

    def _idle(self, now: int, done: int) -> Act:
        """Wait for off-chip memory, and for a core if others have them all by then."""
        resumed = yield Idle(done - now)
        self.log.waited(now, resumed, MEMORY)
        return resumed

    def _receive(self, now: int) -> Act:
        """Take in all that is here, one after the other, and pass on what routing nodes pass on."""
        arrivals, self._inbox = self._inbox, []
        cost = sum([self._intake(*arrival) for arrival in arrivals])
        if cost:
            now = yield cost
        for arrival in arrivals:
            self._deliver(arrival, now)
        effects = self.state.take_effects()
        done = max(self.books.release(now), self.books.hold(now, effects))
        if done > now:
            now = yield from self._idle(now, done)
        if effects.parcels or effects.reports:
            now = yield from self._send(effects, now)
        return now

    def _intake(self, source: int, sent: int, nbytes: int, content: Any) -> int:
        """Femtoseconds of taking in a parcel, or a command of the controller."""
        if source == HOST:
            if content[0] == "admit":
                self.messaging.admitted(content[1])
            return self.messaging.command(nbytes)
        return self.messaging.receiving(content, self.simulation.carried(source, nbytes))

    def _deliver(self, arrival: Arrival, now: int) -> None:
        """A parcel or a command is with the worker."""
        source, sent, nbytes, content = arrival
        state = self.state
        if source != HOST:
            self.books.taken_in(nbytes)
            state.deliver(content, Origin(source, sent, now))
        elif content[0] == "admit":
            state.admit(content[1], Origin(HOST, sent, now))
        elif content[0] == "sync":
            instance, groups = content[1]
            state.synchronise(instance, groups, Origin(HOST, sent, now))
        else:
            state.update_now(content[1])

    def _send(self, effects: Effects, now: int) -> Act:
        """Parcels leave one after the other, each after the time it keeps the sender busy; reports go last."""
        simulation, worker = self.simulation, self.state.worker
        for destination, parcel in effects.parcels.items():
            nbytes = size(parcel)
            carried = self.cost.stored(nbytes)
            cost = self.messaging.sending(parcel, carried)
            if cost:
                now = yield cost
            arrival = (worker, now, nbytes, parcel)
            simulation.transport.send(worker, destination, carried, simulation.units[destination].arrive, arrival)
        if effects.reports:
            nbytes = simulation.report_bytes(effects)
            cost = self.messaging.report(nbytes)
            if cost:
                now = yield cost
            simulation.report(worker, nbytes, effects)
        return now
