"""The backend without processes: the protocol in a plain loop. It tests graphs, routing and order in milliseconds."""

from __future__ import annotations

from collections.abc import Callable

from ampsim.engine.assemble import assemble
from ampsim.engine.complete import check_complete
from ampsim.engine.controller import Controller, Orders
from ampsim.engine.log import WorkerLog
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.task import Effects
from ampsim.engine.waits import stalled
from ampsim.engine.worker import WorkerState
from ampsim.ir.message import Origin
from ampsim.result.load import Meter
from ampsim.result.run import Run


class NullBackend:
    """Executes a plan in this process, one task at a time.

    Without a ``clock`` all times are zero. With one (``frequency`` ticks a second, such as
    ``time.monotonic_ns``) the
    tables hold real service times: that is how tasks are measured for calibration.
    """

    name = "null"

    def __init__(self, clock: Callable[[], int] | None = None, frequency: int = 10**9) -> None:
        self._clock = clock or (lambda: 0)
        self._timed = clock is not None
        self._frequency = frequency
        self._began = 0
        self.logs: list[WorkerLog] = []  # of the last execution, by worker

    def execute(self, plan: Plan) -> Run:
        """Run the plan to its end."""
        with quiet(plan.mode == "numeric"):
            return self._execute(plan)

    def _execute(self, plan: Plan) -> Run:
        plan.check()
        program = plan.program
        workers = [WorkerState(program, w, plan.policy(w), plan.values) for w in range(plan.workers)]
        initial = {name: value.copy() for state in workers for name, value in state.values().items()}
        logs = [WorkerLog(state, self._frequency) for state in workers]
        if self._timed:
            self.logs = logs
        controller = Controller(program)
        meter = Meter()
        self._began = self._clock()
        self._obey(controller, workers, controller.start(0))
        while not controller.done:
            moved = False
            for state, log in zip(workers, logs, strict=True):
                task = state.next_task()
                if task is None:
                    continue
                moved = True
                start = self._now()
                effects = state.run(task)
                log.task(task, start, self._now())
                self._spread(controller, workers, state.worker, effects)
            if not moved and not controller.done:
                raise stalled(workers, controller)
        load = meter.load()
        for state in workers:
            state.policy.finish()
        check_complete(workers)
        final = {name: value for state in workers for name, value in state.values().items()}
        static = [state.static_memory() for state in workers]
        tables = [log.tables() for log in logs]
        return assemble(plan, self.name, tables, static, controller, self._frequency, initial, final, load=load)

    def _now(self) -> int:
        return self._clock() - self._began

    def _spread(self, controller: Controller, workers: list[WorkerState], source: int, effects: Effects) -> None:
        """Deliver what a worker emitted at once, and what the delivery emits in turn."""
        if effects.reports:
            self._obey(controller, workers, controller.report(effects, self._now()))
        now = self._now()
        for destination, parcel in effects.parcels.items():
            workers[destination].deliver(parcel, Origin(source, now, now))
            self._spread(controller, workers, destination, workers[destination].take_effects())

    def _obey(self, controller: Controller, workers: list[WorkerState], orders: Orders) -> None:
        program = controller.program
        if orders.admit:
            now = self._now()
            for worker in program.entry_workers:
                workers[worker].admit(orders.admit, Origin(-1, now, now))
                self._spread(controller, workers, worker, workers[worker].take_effects())
        if orders.updates:
            for worker in program.update_workers:
                workers[worker].update_now(orders.update)
                self._spread(controller, workers, worker, workers[worker].take_effects())
        if orders.sync:
            now = self._now()
            for worker in program.sync_workers(orders.sync.groups):
                workers[worker].synchronise(*orders.sync, Origin(-1, now, now))
                self._spread(controller, workers, worker, workers[worker].take_effects())
