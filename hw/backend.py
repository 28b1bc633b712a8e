"""The simulated backend: every worker is a unit of a chip, every parcel crosses the network, the clock is SimPy's.

The work itself is done by the same WorkerState and Controller as on real cores; here only time passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy
from simpy.core import EmptySchedule

from ampsim.engine.assemble import assemble
from ampsim.engine.complete import check_complete, check_time
from ampsim.engine.controller import Controller, Orders
from ampsim.engine.placement import units_of
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.task import Effects
from ampsim.engine.waits import stalled
from ampsim.engine.worker import WorkerState
from ampsim.errors import Stalled, UsageError
from ampsim.hw.chips_used import chips_used, workers_of
from ampsim.hw.clock import FS, to_fs
from ampsim.hw.collectives.replicas import transport
from ampsim.hw.cost import ChipCost
from ampsim.hw.energy import energy
from ampsim.hw.handling import Handling, shared_cores
from ampsim.hw.memory.overflow import OverflowLog
from ampsim.hw.memory.residents import check_static, residents
from ampsim.hw.memory.stall import run_stalling
from ampsim.hw.memory.store import Store
from ampsim.hw.network.ends import network
from ampsim.hw.network.messages import HOST
from ampsim.hw.network.ties import Ties
from ampsim.hw.system import System
from ampsim.hw.unit import Unit
from ampsim.job import Job
from ampsim.result.load import Meter
from ampsim.result.run import Run

REPORT_BYTES = 32  # of one completion, score or acknowledgement on its way to the controller
ADMIT_BYTES = 8  # of one instance number on its way to a worker


class SimBackend:
    """Executes plans on ``system``: worker w is unit w, units numbered chip by chip.

    ``tie_break`` is the seed of an order that is drawn for events of equal time; without it the order is fixed.
    """

    name = "sim"

    def __init__(self, system: System, tie_break: int | None = None) -> None:
        self.system = system
        self.tie_break = tie_break

    @staticmethod
    def default_workers(job: Job, system: System) -> int:
        """A unit of a chip for every unit of the job, as far as there are some."""
        return min(len(set(units_of(job.graph))), len(system.unit_chips))

    def execute(self, plan: Plan) -> Run:
        """Run the plan to its end. Raises UsageError before it starts and RunError after."""
        units, chips = len(self.system.unit_chips), len(self.system.chip_names)
        if plan.workers > units:
            there = f"{chips} chips" if units == chips else f"{units} units of the {chips} chips"
            what = f"{plan.workers} workers do not fit on the {there} of system {self.system.name}"
            raise UsageError(what, "workers", f"use at most {units}")
        plan.check()
        check_static(self.system, residents(plan, self.system))
        with quiet(plan.mode == "numeric"):
            if self.system.overflow == "stall":
                return run_stalling(plan, lambda narrowed: self._start(narrowed, plan), self._worker_of)
            return self.simulation(plan).run()

    def simulation(self, plan: Plan, told: Plan | None = None) -> Simulation:
        """The simulation of a plan; the Run speaks of ``told``, where that is another one."""
        return Simulation(plan, self.system, told, self.tie_break)

    def _start(self, plan: Plan, told: Plan) -> tuple[Callable[[], Run], Controller]:
        simulation = self.simulation(plan, told)
        return simulation.run, simulation.controller

    def _worker_of(self, chip: str) -> int:
        return self.system.unit_chips.index(self.system.chip_names.index(chip))


def interval(system: System, run: Run) -> dict[str, Any] | None:
    """Between what low and high values a share of ``level`` of real runs would lie, as far as the system knows."""
    known = system.uncertainty
    if known is None:
        return None
    found: dict[str, Any] = {"level": known.level, "makespan": [run.makespan * known.low, run.makespan * known.high]}
    if run.throughput is not None:
        found["throughput"] = [run.throughput / known.high, run.throughput / known.low]
    if run.time_to_target is not None:
        found["time_to_target"] = [run.time_to_target * known.low, run.time_to_target * known.high]
    return found


class Simulation:
    """One run: the units of the chips, the network between them, and the controller at the host.

    ``told`` is the plan that the Run speaks of, where it is not the one that is carried out.
    """

    def __init__(self, plan: Plan, system: System, told: Plan | None = None, tie_break: int | None = None) -> None:
        self.plan = plan
        self.told = told or plan
        self.system = system
        self.env = simpy.Environment(initial_time=0)
        self.network = network(system, plan.workers)
        self.tie_break = tie_break
        self.ties = None if tie_break is None else Ties(tie_break)
        self.program = plan.program
        self.transport = transport(self.env, self.network, self.ties, self.program, system.all_reduce)
        self.controller = Controller(self.program)
        self.controller.busy, self.controller.ticks = self._busy, FS
        self.chips = system.unit_chips[: plan.workers]
        self.overflow = OverflowLog()
        host, kinds = system.host, system.chip_kinds
        self.cores = shared_cores(self.env, system, system.unit_chips[: plan.workers])
        within = next((cores for chip, cores in self.cores.items() if kinds[chip].prefix == host.within), None)
        self.handling = Handling(self.env, to_fs(host.handling), within, self._heard)
        states = [WorkerState(self.program, w, plan.policy(w), plan.values) for w in range(plan.workers)]
        self.static = [self._static(state) for state in states]
        self.stores = {chip: self._store(chip, here) for chip, here in workers_of(self.chips).items()}
        self.units = [self.unit(state, self.stores[self.chips[state.worker]]) for state in states]
        self.free_host = self._free_host()

    def unit(self, state: WorkerState, store: Store) -> Unit:
        """A worker on its unit of a chip."""
        return Unit(self, state, store)

    def run(self) -> Run:
        """Simulate to the end."""
        initial = {name: value.copy() for unit in self.units for name, value in unit.state.values().items()}
        meter = Meter()
        self._obey(self.controller.start(self.now))
        # The end is the controller's to say: an event queue that runs empty before is a deadlock, never an end.
        controller, step = self.controller, self.env.step
        try:
            while not controller.done:
                step()
        except EmptySchedule:
            raise self._stalled() from None
        load = meter.load()
        for unit in self.units:
            unit.state.policy.finish()
        check_complete([unit.state for unit in self.units], self.transport.in_flight)
        final = {name: value for unit in self.units for name, value in unit.state.values().items()}
        run = assemble(
            self.told,
            SimBackend.name,
            [unit.tables() for unit in self.units],
            self.static,
            self.controller,
            FS,
            initial,
            final,
            worker_names=self.system.unit_names[: self.plan.workers],
            links=[wire.name for wire in self.network.wires],
            link_table=self.network.table(),
            capacity=[unit.memory.capacity for unit in self.units],
            settings={"system": self.system.to_dict()} | ({"tie_break": self.tie_break} if self.ties else {}),
            load=load,
        )
        check_time(run.summary["makespan"], len(run.tables["tasks"]["kind"]), self.system.name)
        run.tables["overflow"] = self.overflow.table()
        run.summary["peak_memory"] = [unit.memory.peak for unit in self.units]
        run.summary["chips"] = chips_used(self.system, self.chips, self.stores)
        run.summary["interval"] = interval(self.system, run)
        run.summary["energy"] = energy(self.system, self.chips, run.tables, run.makespan)
        return run

    def _static(self, state: WorkerState) -> dict[str, int]:
        """Bytes that a worker holds all the time, in the format of its chip."""
        cost = ChipCost(self.system.chip_kinds[self.chips[state.worker]])
        return {kind: cost.stored(nbytes) for kind, nbytes in state.static_memory().items()}

    def _store(self, chip: int, workers: list[int]) -> Store:
        """The memory of a chip with what these workers hold there all the time."""
        total = {kind: sum(self.static[worker][kind] for worker in workers) for kind in self.static[workers[0]]}
        return Store(self.system, chip, total, self.overflow)

    def carried(self, source: int, nbytes: int) -> int:
        """Bytes on the way of ``nbytes`` of fp32 that a worker sends; what the host sends has no format."""
        return nbytes if source == HOST else self.units[source].cost.stored(nbytes)

    @staticmethod
    def report_bytes(effects: Effects) -> int:
        """Bytes of what a worker tells the controller."""
        return REPORT_BYTES * (len(effects.completed) + len(effects.metrics) + effects.acks)

    def report(self, worker: int, nbytes: int, effects: Effects) -> None:
        """A worker's reports leave for the controller."""
        if self.free_host:
            self.handling.report(effects)
        else:
            self.transport.send(worker, HOST, nbytes, self.handling.report, effects)

    def _heard(self, effects: Effects) -> None:
        now = self.now
        self._obey(self.controller.report(effects, now))
        if self.plan.progress:
            # The number the next event gets: how many there were. One number is skipped, and their order is the same.
            self.controller.events = next(self.env._eid)
            self.plan.progress(self.controller, now / FS)

    def _busy(self) -> list[tuple[float, float]]:
        now = self.now / FS
        return [(unit.log.busy() / FS, now) for unit in self.units]

    @property
    def now(self) -> int:
        """Simulated time in femtoseconds."""
        now = self.env.now
        assert isinstance(now, int)
        return now

    def _obey(self, orders: Orders) -> None:
        if orders.admit:
            for worker in self.program.entry_workers:
                self._command(worker, ("admit", orders.admit), ADMIT_BYTES * len(orders.admit))
        if orders.updates:
            for worker in self.program.update_workers:
                self._command(worker, ("update", orders.update), ADMIT_BYTES)
        if orders.sync:
            for worker in self.program.sync_workers(orders.sync.groups):
                self._command(worker, ("sync", orders.sync), ADMIT_BYTES)

    def _command(self, worker: int, command: tuple[str, Any], nbytes: int) -> None:
        unit = self.units[worker]
        sent = self.now
        if self.free_host:
            unit.arrive((HOST, sent, nbytes, command))
        else:
            self.transport.send(HOST, worker, nbytes, unit.arrive, (HOST, sent, nbytes, command))

    def _free_host(self) -> bool:
        """Whether commands and reports take no time on the links, so that they need no events."""
        ends = [end for w in range(self.plan.workers) for end in ((w, HOST), (HOST, w))]
        links = [self.system.fabric.links[wire.number] for end in ends for wire in self.network.open(*end, 0).route]
        return all(link.latency == 0 and link.bandwidth is None for link in links)

    def _stalled(self) -> Stalled:
        return stalled([unit.state for unit in self.units], self.controller)
