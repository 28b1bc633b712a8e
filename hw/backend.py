"""The simulated backend: every worker is a chip, every parcel crosses the network, the clock is SimPy's.

The work itself is done by the same WorkerState and Controller as on real cores; here only time passes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from ampsim.engine.assemble import assemble
from ampsim.engine.controller import Controller, Orders
from ampsim.engine.null import stalled
from ampsim.engine.placement import units_of
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.worker import WorkerState
from ampsim.errors import RunError, UsageError
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
        slots = len(plan.job.training.optimizer.slots)
        for node, owner in zip(plan.job.graph.nodes, plan.program.owner, strict=True):
            if isinstance(node, Parameterised):
                size = sum(spec.nbytes for spec in node.parameters().values())
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
        self.finished = self.env.event()
        self.free_host = all(
            wire.latency == 0 and wire.pace.ticks(1 << 30) == 0
            for w in range(plan.workers)
            for ends in ((w, HOST), (HOST, w))
            for wire in self.network.open(*ends, 0).route
        )

    def run(self) -> Run:
        """Simulate to the end."""
        initial = {name: value.copy() for unit in self.units for name, value in unit.state.values().items()}
        for unit in self.units:
            self.env.process(unit.process())
        self.env.process(self._start())
        try:
            self.env.run(until=self.finished)
        except RuntimeError as error:
            if self.finished.triggered or self.env.peek() != float("inf"):
                raise RunError(f"the simulation failed: {error}") from error
        if not self.controller.done:
            raise self._stalled()
        for unit in self.units:
            unit.state.policy.finish()
        final = {name: value for unit in self.units for name, value in unit.state.values().items()}
        return assemble(
            self.plan,
            SimBackend.name,
            [unit.log.tables() for unit in self.units],
            [unit.state.static_memory() for unit in self.units],
            self.controller,
            1 / FS,
            initial,
            final,
            worker_names=self.system.chip_names[: self.plan.workers],
            links=[wire.name for wire in self.network.wires],
            link_table=self.network.table(),
            capacity=[unit.memory.capacity for unit in self.units],
            settings={"system": self.system.to_dict()},
        )

    def report(self, worker: int, effects: Any) -> None:
        """A worker's reports leave for the controller."""
        count = len(effects.completed) + len(effects.metrics) + effects.acks
        if self.free_host:
            self._reported(effects)
        else:
            self.transport.send(worker, HOST, REPORT_BYTES * count, self._reported, effects)

    def _start(self) -> Generator[simpy.Event, Any, None]:
        self._obey(self.controller.start(0))
        yield self.env.timeout(0)

    def _reported(self, effects: Any) -> None:
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
        if orders.update or orders.flush:
            for worker in self.program.update_workers:
                self._command(worker, ("update", orders.update), ADMIT_BYTES)
        if orders.done:
            self.finished.succeed()

    def _command(self, worker: int, command: tuple[str, Any], nbytes: int) -> None:
        unit = self.units[worker]
        sent = self.now
        if self.free_host:
            unit.arrive((HOST, sent, nbytes, command))
        else:
            self.transport.send(HOST, worker, nbytes, unit.arrive, (HOST, sent, nbytes, command))

    def _stalled(self) -> RunError:
        for unit in self.units:
            unit.state.policy.finish()
        return stalled([unit.state for unit in self.units], self.controller)
