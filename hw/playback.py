"""The simulator with the times of a run on real workers: what takes time takes as long as it did there.

Tasks, the messaging between them and the ways of parcels and orders are given; who waits for whom, and for how long,
comes out. A system gives names and memory only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ampsim.engine.controller import Orders
from ampsim.engine.plan import Plan
from ampsim.engine.task import Effects, Task
from ampsim.engine.worker import WorkerState
from ampsim.hw.backend import ADMIT_BYTES, SimBackend, Simulation
from ampsim.hw.measured import Measured, Step, Way
from ampsim.hw.memory.books import size
from ampsim.hw.memory.store import Store
from ampsim.hw.network.messages import HOST
from ampsim.hw.system import System
from ampsim.hw.unit import SLEEP, Act, Script, Unit
from ampsim.hw.ways import Ways
from ampsim.result.run import Run


class PlaybackBackend(SimBackend):
    """Executes the plan of a replay with the times of the run that it replays. Overflow of memory is refused."""

    def __init__(self, system: System, measured: Run) -> None:
        super().__init__(msgspec.structs.replace(system, overflow="refuse"))
        self.measured = measured

    def simulation(self, plan: Plan, told: Plan | None = None) -> Simulation:
        """The simulation of a plan."""
        limit = plan.job.training.max_active_keys
        return Playback(plan, self.system, Measured(self.measured, plan.program.schedule.segments(), limit))


class Letter(NamedTuple):
    """A parcel, and when it was there and could be looked at."""

    content: Any
    way: Way


class Playback(Simulation):
    """A simulation in which everything takes as long as ``measured``."""

    def __init__(self, plan: Plan, system: System, measured: Measured) -> None:
        self.measured = measured
        self._step: Step | None = None  # what is being done between segments
        self._drained = 0  # when nothing was in flight any more
        self._shift = 0  # from its time as measured to that of the simulation
        self._last = 0  # instance before the last order
        super().__init__(plan, system)
        self.transport = self.ways = Ways(self.env, self.network)
        if measured.began:
            self.env.run(until=measured.began)

    def unit(self, state: WorkerState, store: Store) -> Unit:
        """A worker."""
        return Player(self, state, store)

    def run(self) -> Run:
        """Simulate to the end."""
        run = super().run()
        run.summary["links"], run.tables["links"] = self.ways.table()
        return run

    def tell(self, effects: Effects, since: int) -> None:
        """A worker's reports leave for the controller; ``since`` is when they left when they were measured.

        A loss was heard of at the time of its row. The end of an instance is taken to have been heard of with the last
        of its reports, an acknowledgement with the last of them: when the controller went on. Where nothing waited for
        it, it takes no time.
        """
        known = [self.measured.heard[metric.node, metric.instance].popleft() for metric in effects.metrics]
        known = known or [self.measured.completed[instance] for _, instance in effects.completed]
        if not known and self._step and self._step.done is not None:
            known, since = [self._step.done], self.now - self._shift
        self.ways.later(max(*known, since) - since if known else 0, lambda: self._told(effects))

    def _told(self, effects: Effects) -> None:
        flying = bool(self.controller.in_flight)
        orders = self.controller.report(effects, self.now)
        if flying and not self.controller.in_flight:
            self._drained = self.now
        self._obey(orders)

    def _obey(self, orders: Orders) -> None:
        if orders.updates or orders.sync:
            self._order("sync" if orders.sync else "flush")
        super()._obey(orders)

    def _order(self, kind: str) -> None:
        """An order leaves, as a step behind a drained segment unless something is in flight."""
        self._last = next(reversed(self.controller.instances))
        self._step = None if self.controller.in_flight else self.measured.steps.get((kind, self._last))
        if self._step:
            # In a given order the controller may wait first for updates that it asked for while the segment ran.
            self._shift = (self.now if kind == "sync" else self._drained) - self._step.sent

    def _command(self, worker: int, command: tuple[str, Any], nbytes: int) -> None:
        kind, body = command
        measured, unit, sent, step = self.measured, self.units[worker], self.now, self._step

        def send(took: int, content: tuple[str, Any]) -> None:
            self.ways.later(took, lambda: unit.arrive((HOST, sent, ADMIT_BYTES, content)))

        # An order that asks nothing of a worker left no trace, and nothing waits for it.
        if kind == "admit":
            for instance in body:
                send(measured.admissions.get((worker, instance), 0), (kind, [instance]))
        elif step:
            name = "sync" if kind == "sync" else "flush"
            send(max(step.sent + measured.orders.get((name, worker, self._last), 0) + self._shift - sent, 0), command)
        else:
            send(max((measured.orders.get((kind, worker, i), 0) for i in body or ()), default=0), command)


class Player(Unit):
    """A worker that takes as long as it did. It looks at what has come when a task ends and when it has waited."""

    simulation: Playback

    def __init__(self, simulation: Playback, state: WorkerState, store: Store) -> None:
        self._tasks = simulation.measured.tasks[state.worker]
        self._parcels = simulation.measured.parcels
        super().__init__(simulation, state, store)
        self.cores = None

    def _work(self) -> Script:
        now = yield SLEEP
        while True:
            self._take_in(now)
            task = self.state.next_task()
            if task is None:
                now = yield SLEEP
            else:
                now = yield from self._run(task, now)

    def _run(self, task: Task, start: int) -> Act:
        took = self._tasks.popleft()
        if took.before:
            start = yield took.before
        effects = self.state.run(task)
        self.books.hold(start, effects)
        now = start
        if took.time:
            now = yield took.time
        self.books.release(now)
        self.log.task(task, start, now, self.books.levels["outbox"], self.books.resident())
        self._give_out(effects, now, took.end)
        self._take_in(now)
        if took.after:
            now = yield took.after
        return now

    def _take_in(self, now: int) -> None:
        """What is here, one after the other; what routing nodes pass on leaves with a time of its own."""
        arrivals, self._inbox = self._inbox, []
        for source, sent, nbytes, content in arrivals:
            letter = content if isinstance(content, Letter) else Letter(content, Way(0, 0))
            self._deliver((source, sent, nbytes, letter.content), now)
            effects = self.state.take_effects()
            self.books.hold(now, effects)
            self._give_out(effects, now, letter.way.seen)
        if arrivals:
            self.books.release(now)

    def _give_out(self, effects: Effects, now: int, since: int) -> None:
        worker, simulation = self.state.worker, self.simulation
        for destination, parcel in effects.parcels.items():
            way = self._parcels[worker, destination].popleft()
            nbytes = size(parcel)
            arrival = (worker, now, nbytes, Letter(parcel, way))
            simulation.ways.carry(arrival, destination, max(way.there - since, 0), simulation.units[destination].arrive)
        if effects.reports:
            simulation.tell(effects, since)
