"""The simulated backend: every worker is a chip, every parcel crosses the network, the clock is SimPy's.

The work itself is done by the same WorkerState and Controller as on real cores; here only time passes.
"""

from __future__ import annotations

from typing import Any

import simpy
from simpy.core import EmptySchedule

from ampsim.engine.assemble import assemble
from ampsim.engine.controller import Controller, Orders
from ampsim.engine.null import stalled
from ampsim.engine.placement import units_of
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.task import Effects
from ampsim.engine.worker import WorkerState
from ampsim.errors import Stalled, UsageError
from ampsim.hw.clock import FS
from ampsim.hw.memory import Share, check_static
from ampsim.hw.network import HOST, Network
from ampsim.hw.system import System
from ampsim.hw.transport import Transport
from ampsim.hw.unit import Unit
from ampsim.ir.nodes import Parameterised
from ampsim.job import Job
from ampsim.result.run import Run

REPORT_BYTES = 32  # of one completion, score or acknowledgement on its way to the controller
ADMIT_BYTES = 8  # of one instance number on its way to a worker


class SimBackend:
    """Executes plans on ``system``: worker w is chip w."""

    name = "sim"

    def __init__(self, system: System) -> None:
        self.system = system

    @staticmethod
    def default_workers(job: Job, system: System) -> int:
        """A chip for every unit of the job, as far as there are chips."""
        return min(len(set(units_of(job.graph))), len(system.chip_names))

    def execute(self, plan: Plan) -> Run:
        """Run the plan to its end. Raises UsageError before it starts and RunError after."""
        if plan.workers > len(self.system.chip_names):
            chips = len(self.system.chip_names)
            what = f"{plan.workers} workers do not fit on the {chips} chips of system {self.system.name}"
            raise UsageError(what, "workers", f"use at most {chips}")
        plan.check()
        self._check_memory(plan)
        with quiet(plan.mode == "numeric"):
            return Simulation(plan, self.system).run()

    def _check_memory(self, plan: Plan) -> None:
        placed: dict[int, list[Share]] = {}
        for node, owner in zip(plan.job.graph.nodes, plan.program.owner, strict=True):
            if isinstance(node, Parameterised):
                size = sum(spec.nbytes for spec in node.parameters().values())
                slots = len(plan.job.training.of_node(node.name, node.base).optimizer.slots)
                placed.setdefault(owner, []).append(Share(node.name, size, size, size * slots))
        check_static(self.system, placed)


class Simulation:
    """One run: the chips' units, the network between them, and the controller at the host."""

    def __init__(self, plan: Plan, system: System) -> None:
        self.plan = plan
        self.system = system
        self.env = simpy.Environment(initial_time=0)
        self.network = Network(system)
        self.transport = Transport(self.env, self.network)
        self.program = plan.program
        self.controller = Controller(self.program)
        self.units = [
            Unit(self, WorkerState(self.program, w, plan.policy(w), plan.values)) for w in range(plan.workers)
        ]
        self.free_host = self._free_host()

    def run(self) -> Run:
        """Simulate to the end."""
        initial = {name: value.copy() for unit in self.units for name, value in unit.state.values().items()}
        self._obey(self.controller.start(0))
        # The end is the controller's to say: an event queue that runs empty before is a deadlock, never an end.
        controller, step = self.controller, self.env.step
        try:
            while not controller.done:
                step()
        except EmptySchedule:
            raise self._stalled() from None
        for unit in self.units:
            unit.state.policy.finish()
        final = {name: value for unit in self.units for name, value in unit.state.values().items()}
        run = assemble(
            self.plan,
            SimBackend.name,
            [unit.tables() for unit in self.units],
            [unit.state.static_memory() for unit in self.units],
            self.controller,
            FS,
            initial,
            final,
            worker_names=self.system.chip_names[: self.plan.workers],
            links=[wire.name for wire in self.network.wires],
            link_table=self.network.table(),
            capacity=[unit.memory.capacity for unit in self.units],
            settings={"system": self.system.to_dict()},
        )
        run.summary["peak_memory"] = [unit.memory.peak for unit in self.units]
        return run

    @staticmethod
    def report_bytes(effects: Effects) -> int:
        """Bytes of what a worker tells the controller."""
        return REPORT_BYTES * (len(effects.completed) + len(effects.metrics) + effects.acks)

    def report(self, worker: int, nbytes: int, effects: Effects) -> None:
        """A worker's reports leave for the controller."""
        if self.free_host:
            self._reported(effects)
        else:
            self.transport.send(worker, HOST, nbytes, self._reported, effects)

    def _reported(self, effects: Effects) -> None:
        now = self.now
        self._obey(self.controller.report(effects, now))
        if self.plan.progress:
            self.plan.progress(self.controller, now / FS)

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
