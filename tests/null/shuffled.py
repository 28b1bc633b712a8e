"""A backend that makes things come late and in any order that the rules allow, and watches what happens.

Between any two workers, and between the controller and each worker, there is one queue: first in, first out. Which
queue moves next, or which worker runs a task, is drawn at random.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from ampsim.engine.assemble import assemble
from ampsim.engine.chain import Chain
from ampsim.engine.controller import Controller, Orders
from ampsim.engine.log import WorkerLog
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.site import Site
from ampsim.engine.station import Station
from ampsim.engine.task import Effects
from ampsim.engine.waits import stalled
from ampsim.engine.worker import WorkerState
from ampsim.ir.message import BACKWARD, Origin, Payload, Spec, State, spec_of
from ampsim.result.run import Run

CONTROLLER = -1


class Watched(WorkerState):
    """Writes down every message that it sends, edge by edge."""

    sent: defaultdict[tuple[int, int], list[tuple[State, int, Spec | None]]]

    def emit(self, edge: int, direction: int, states: Sequence[State], rows: Sequence[int], payload: Payload) -> None:
        between_copies = edge >= len(self.graph.edges)
        if payload is None:
            assert direction == BACKWARD
            assert not self.graph.needs_gradient[edge]
        else:
            assert direction != BACKWARD or between_copies or self.graph.needs_gradient[edge]
            assert payload.shape[0] == sum(rows)
        spec = None if payload is None else spec_of(payload)
        for state, count in zip(states, rows, strict=True):
            self.sent[edge, direction].append((tuple(state), count, spec and spec.with_rows(count)))
        super().emit(edge, direction, states, rows, payload)

    def sites(self) -> Iterator[Site]:
        """Whatever remembers something at this worker."""
        for handlers in self.handlers:
            for handler in handlers:
                if not isinstance(handler, partial):
                    continue
                hosts = [getattr(handler.func, "__self__", None)]
                hosts += [getattr(arg.run, "__self__", None) for arg in handler.args if isinstance(arg, Station)]
                for host in hosts:
                    inner = [host.site, host.join] if isinstance(host, Chain) else [host]
                    yield from (site for site in inner if isinstance(site, Site))


class ShuffledBackend:
    """Executes a plan in a random order that the protocol allows; ``seed`` draws it."""

    name = "shuffled"

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._queues: defaultdict[tuple[int, int], deque[tuple[int, Any]]] = defaultdict(deque)
        self._now = 0
        self.workers: list[Watched] = []
        self.sent: defaultdict[tuple[int, int], list[tuple[State, int, Spec | None]]] = defaultdict(list)
        self.completed: Counter[tuple[int, int]] = Counter()
        self.most_in_flight = 0

    def execute(self, plan: Plan) -> Run:
        with quiet(plan.mode == "numeric"):
            return self._execute(plan)

    def _execute(self, plan: Plan) -> Run:
        plan.check()
        program = plan.program
        self.workers = [Watched(program, w, plan.policy(w), plan.values) for w in range(plan.workers)]
        for state in self.workers:
            state.sent = self.sent
        initial = {name: value.copy() for state in self.workers for name, value in state.values().items()}
        logs = [WorkerLog(state, 1) for state in self.workers]
        self.controller = controller = Controller(program)
        self._obey(controller.start(0))
        while not controller.done:
            moves: list[Any] = [pair for pair, queue in self._queues.items() if queue] + self.workers
            self._random.shuffle(moves)
            if not any(self._move(move, logs) for move in moves):
                raise stalled(self.workers, controller)
        for state in self.workers:
            state.policy.finish()
        final = {name: value for state in self.workers for name, value in state.values().items()}
        static = [state.static_memory() for state in self.workers]
        tables = [log.tables() for log in logs]
        return assemble(plan, self.name, tables, static, controller, 1, initial, final)

    def _move(self, move: Any, logs: Sequence[WorkerLog]) -> bool:
        """One step of one queue or one worker; False if there was nothing to do."""
        self._now += 1
        if isinstance(move, Watched):
            task = move.next_task()
            if task is None:
                return False
            effects = move.run(task)
            self._now += 1
            logs[move.worker].task(task, self._now - 1, self._now)
            self._send(move.worker, effects)
        else:
            source, destination = move
            sent, content = self._queues[move].popleft()
            if destination == CONTROLLER:
                self._hear(content)
            else:
                self._deliver(self.workers[destination], Origin(source, sent, self._now), content)
        return True

    def _deliver(self, state: Watched, origin: Origin, content: Any) -> None:
        if isinstance(content, Orders):
            if content.admit:
                state.admit(content.admit, origin)
            if content.updates:
                state.update_now(content.update)
            if content.sync:
                state.synchronise(*content.sync, origin)
        else:
            state.deliver(content, origin)
        self._send(state.worker, state.take_effects())

    def _send(self, worker: int, effects: Effects) -> None:
        for destination, parcel in effects.parcels.items():
            assert destination != worker
            self._queues[worker, destination].append((self._now, parcel))
        if effects.reports:
            self._queues[worker, CONTROLLER].append((self._now, effects))

    def _hear(self, effects: Effects) -> None:
        self.completed.update(effects.completed)
        self._obey(self.controller.report(effects, self._now))

    def _obey(self, orders: Orders) -> None:
        self.most_in_flight = max(self.most_in_flight, len(self.controller.in_flight))
        program = self.controller.program
        if orders.admit:
            for worker in program.entry_workers:
                self._queues[CONTROLLER, worker].append((self._now, Orders(admit=orders.admit)))
        if orders.updates:
            for worker in program.update_workers:
                command = Orders(update=orders.update, flush=orders.flush)
                self._queues[CONTROLLER, worker].append((self._now, command))
        if orders.sync:
            for worker in program.sync_workers(orders.sync.groups):
                self._queues[CONTROLLER, worker].append((self._now, Orders(sync=orders.sync)))
