"""One chip at work: receive, choose, compute, send, each for as long as it takes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import simpy

from ampsim.engine.log import WorkerLog
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


class Pause(simpy.Event):
    """Wakes a process after ``delay`` femtoseconds, behind everything that is delivered at that time."""

    def __init__(self, env: simpy.Environment, delay: int) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, AFTER_NETWORK, delay)


class Unit:
    """A worker on its chip.

    receive (parcel cost each) -> next task -> run (chip time) -> send (parcel cost each) -> ...
    """

    def __init__(self, simulation: Simulation, state: WorkerState) -> None:
        system = simulation.system
        self.simulation = simulation
        self.env = simulation.env
        self.state = state
        self.log = WorkerLog(state, 1 / FS)
        self.cost = ChipCost(system.chip_kinds[state.worker])
        static = state.static_memory()
        self.memory = Ledger(system.chip_names[state.worker], capacity(system, state.worker), static)
        self._inbox: list[Arrival] = []
        self._asleep: simpy.Event | None = None

    def arrive(self, arrival: Arrival) -> None:
        """Something has come over the network, or from the controller."""
        self._inbox.append(arrival)
        if self._asleep is not None:
            self._asleep._ok = True
            self._asleep._value = None
            self.env.schedule(self._asleep, AFTER_NETWORK)
            self._asleep = None

    def process(self) -> Generator[simpy.Event, Any, None]:
        """The chip's SimPy process; it ends with the simulation."""
        state, env = self.state, self.env
        while True:
            if self._inbox:
                yield from self._receive()
                continue
            task = state.next_task()
            if task is None:
                self._asleep = env.event()
                yield self._asleep
                continue
            start = self.simulation.now
            effects = state.run(task)
            self._account(effects.parcels)
            yield Pause(env, self.cost.chip_time(task.parts))
            self.log.task(task, start, self.simulation.now, self.memory.levels["outbox"])
            yield from self._send(effects)

    def _receive(self) -> Generator[simpy.Event, Any, None]:
        arrivals, self._inbox = self._inbox, []
        cost = sum(self.cost.parcel_time(nbytes) for _, _, nbytes, _ in arrivals)
        if cost:
            yield Pause(self.env, cost)
        now = self.simulation.now
        for source, sent, _, content in arrivals:
            if source != HOST:
                self.state.deliver(content, Origin(source, sent, now))
            elif content[0] == "admit":
                self.state.admit(content[1], Origin(HOST, sent, now))
            else:
                self.state.update_now(content[1])
        effects = self.state.take_effects()
        self._account(effects.parcels)
        yield from self._send(effects)

    def _send(self, effects: Any) -> Generator[simpy.Event, Any, None]:
        """Parcels leave one after the other, each after the time it keeps the sender busy; reports go last."""
        transport = self.simulation.transport
        for destination, parcel in effects.parcels.items():
            nbytes = sum(messages.nbytes for messages in parcel)
            cost = self.cost.parcel_time(nbytes)
            if cost:
                yield Pause(self.env, cost)
            self.memory.add("outbox", -nbytes, self.simulation.now)
            arrival = (self.state.worker, self.simulation.now, nbytes, parcel)
            transport.send(self.state.worker, destination, nbytes, self.simulation.units[destination].arrive, arrival)
        if effects.reports:
            self.simulation.report(self.state.worker, effects)

    def _account(self, parcels: dict[int, Sequence[Messages]]) -> None:
        """What the task holds from its start on, by the same rule as on every backend."""
        now = self.simulation.now
        caches, deferred, queues = self.state.memory()
        self.memory.set("caches", caches, now)
        self.memory.set("deferred", deferred, now)
        self.memory.set("queues", queues, now)
        self.memory.add("outbox", sum(m.nbytes for parcel in parcels.values() for m in parcel), now)
