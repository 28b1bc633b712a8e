"""The real backend: worker processes, shared-memory channels, the wall clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from ampsim.engine.assemble import assemble
from ampsim.engine.controller import Controller, Orders
from ampsim.engine.log import Columns, seconds
from ampsim.engine.parameters import initial_values
from ampsim.engine.plan import Plan
from ampsim.engine.task import Effects, Metric
from ampsim.engine.waits import Standing, Waits, groups_of
from ampsim.errors import RunError
from ampsim.ir.message import Array
from ampsim.ir.nodes import Parameterised
from ampsim.result.load import Meter, Spent
from ampsim.result.run import Run
from ampsim.runtime.codec import Note, decode, note
from ampsim.runtime.crew import Crew
from ampsim.runtime.watch import QUIET, StallWatch
from ampsim.runtime.worker import FREQUENCY


class RuntimeBackend:
    """Executes plans on worker processes of this machine, one BLAS thread each.

    ``start_method`` is ``forkserver`` or ``spawn``.
    """

    name = "runtime"

    def __init__(self, start_method: str = "forkserver") -> None:
        self.start_method = start_method

    def execute(self, plan: Plan) -> Run:
        """Run the plan to its end. Raises UsageError before any process is started and RunError after."""
        plan.check()
        initial = _initial(plan)
        with Crew(plan, self.start_method) as crew:
            return Conductor(plan, crew).run(initial)


class Conductor:
    """The controller's side of one run: sends orders, hears reports, notices when nothing moves."""

    def __init__(self, plan: Plan, crew: Crew) -> None:
        self.plan = plan
        self.crew = crew
        self.program = plan.program
        self.controller = Controller(self.program)
        self.controller.busy, self.controller.ticks = self._busy, FREQUENCY
        self._load = [(0.0, 0.0)] * plan.workers  # seconds in tasks, and when that was so, as each worker last said
        self._asked = 0  # answers about it that are still to come
        self._watch = StallWatch(plan.workers)
        self._watch.groups = groups_of(self.program.graph)
        self._watch.explain = self._explain
        self._began = 0

    def run(self, initial: Mapping[str, Array]) -> Run:
        """From the first admission, when the clock starts, to the Run. All workers stand ready then."""
        self._gather("ready")
        meter = Meter()
        self._began = time.monotonic_ns()
        first = self.controller.start(0)
        self.crew.send_all(note("go", self._began))
        self._obey(first)
        quiet_since = time.monotonic()
        while not self.controller.done:
            heard = self._hear(self.crew.receive(QUIET))
            if heard:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= QUIET:
                quiet_since = time.monotonic()
                self.crew.send_all(note("status", self._watch.ask()))
        meter.stop()
        return self._collect(initial, meter)

    def _hear(self, messages: Sequence[tuple[int, Any]]) -> bool:
        """Handle what came in; True if a run moved on by it."""
        moved = False
        for worker, message in messages:
            content = decode(message)
            assert isinstance(content, Note)
            if content.name == "report":
                completed, metrics, acks = content.body
                effects = Effects(completed=completed, metrics=[Metric(*metric) for metric in metrics], acks=acks)
                self._obey(self.controller.report(effects, self._now()))
                self._watch.reset()
                moved = True
            elif content.name == "busy":
                busy, at = content.body
                self._load[worker] = busy / FREQUENCY, at / FREQUENCY
                self._asked -= 1
            elif content.name == "status":
                stalled = self._watch.answer(worker, content.body, sorted(self.controller.in_flight))
                if stalled:
                    raise stalled
        if moved and self.plan.progress:
            self.plan.progress(self.controller, self._now() / FREQUENCY)
        return moved

    def _busy(self) -> list[tuple[float, float]]:
        """What the workers last said, and they are asked again. Nothing is sent in a run that nobody watches."""
        if not self._asked:
            self._asked = self.plan.workers
            self.crew.send_all(note("busy"))
        return list(self._load)

    def _explain(self, standing: list[Any]) -> list[str]:
        """The wait-for cycle, or what is missing, from what stands at each worker."""
        return Waits([msgspec.convert(worker, Standing) for worker in standing], self.controller).told()

    def _obey(self, orders: Orders) -> None:
        if orders.admit:
            packet = note("admit", [self._now(), orders.admit])
            for worker in self.program.entry_workers:
                self.crew.send(worker, packet)
        if orders.updates:
            packet = note("update", orders.update)
            for worker in self.program.update_workers:
                self.crew.send(worker, packet)
        if orders.sync:
            packet = note("sync", [self._now(), *orders.sync])
            for worker in self.program.sync_workers(orders.sync.groups):
                self.crew.send(worker, packet)

    def _now(self) -> int:
        return time.monotonic_ns() - self._began

    def _gather(self, name: str) -> list[Note]:
        """Wait until every worker has sent a note of this name; the notes, by worker."""
        found: dict[int, Note] = {}
        while len(found) < self.plan.workers:
            messages = self.crew.receive(QUIET)
            for worker, message in messages:
                content = decode(message)
                if isinstance(content, Note) and content.name == name:
                    found[worker] = content
            if not messages:
                for worker in range(self.plan.workers):
                    if worker not in found:
                        self.crew.expect(worker)
        return [found[worker] for worker in range(self.plan.workers)]

    def _collect(self, initial: Mapping[str, Array], meter: Meter) -> Run:
        """Ask every worker for what it wrote down, and put it together."""
        self.crew.finish(note("finish"))
        tables, static, resident, final = [], [], [], {}
        arrivals, spent = [], []
        for result in self._gather("result"):
            arrays = dict(zip(result.body["names"], result.arrays, strict=True))
            tables.append(_tables(arrays))
            static.append(result.body["static"])
            resident.append(result.body["resident"])
            spent.append(Spent(*result.body["spent"]))
            final.update({n.removeprefix("final:"): a for n, a in arrays.items() if n.startswith("final:")})
            arrivals.append(arrays["arrivals"])
        names, links = _links(arrivals)
        return assemble(
            self.plan,
            RuntimeBackend.name,
            tables,
            static,
            self.controller,
            FREQUENCY,
            initial,
            final,
            links=names,
            link_table=links,
            resident=resident,
            settings={"start_method": self.crew.start_method},
            load=meter.load(spent),
        )


def _initial(plan: Plan) -> dict[str, Array]:
    """The parameters every worker starts from."""
    found: dict[str, Array] = {}
    if plan.mode != "numeric":
        return found
    for node in plan.job.graph.nodes:
        if isinstance(node, Parameterised):
            values = plan.values or {}
            given = values.get(node.name) or values.get(node.base) or initial_values(node, plan.job.training.seed)
            found.update({f"{node.name}/{name}": np.array(value) for name, value in given.items()})
    return found


def _tables(arrays: Mapping[str, Array]) -> dict[str, Columns]:
    """``{"table:tasks.start": array}`` as tables of columns."""
    tables: dict[str, Columns] = {}
    for path, array in arrays.items():
        kind, _, rest = path.partition(":")
        if kind == "table":
            table, _, column = rest.partition(".")
            tables.setdefault(table, {})[column] = array
    if not tables:
        raise RunError("a worker sent no tables")
    return tables


def _links(arrivals: Sequence[Array]) -> tuple[list[str], Columns]:
    """One row per parcel: a link is a directed pair of workers; arrays are (n, 4): source, sent, arrived, bytes."""
    rows = [np.column_stack([part, np.full(len(part), w)]) for w, part in enumerate(arrivals)]
    every = np.concatenate(rows) if rows else np.empty((0, 5), np.int64)
    every = every[np.argsort(every[:, 1], kind="stable")]
    pairs = sorted({(int(a), int(b)) for a, b in every[:, [0, 4]]})
    number = {pair: index for index, pair in enumerate(pairs)}
    link = np.asarray([number[int(a), int(b)] for a, b in every[:, [0, 4]]], np.int32)
    columns = {
        "link": link,
        "start": seconds(every[:, 1].tolist(), FREQUENCY),
        "end": seconds(every[:, 2].tolist(), FREQUENCY),
        "bytes": every[:, 3].astype(np.int64),
        "source": every[:, 0].astype(np.int32),
        "destination": every[:, 4].astype(np.int32),
    }
    return [f"worker{a}->worker{b}" for a, b in pairs], columns
