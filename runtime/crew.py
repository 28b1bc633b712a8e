"""The workers of one run: their processes, their channels, and what they have been told."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from ampsim.engine.plan import Plan
from ampsim.errors import WorkerDied
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.packet import Message, Packet
from ampsim.runtime.pool import Ended, Pool
from ampsim.runtime.setup import describe
from ampsim.runtime.shared import ArrayStore

ENTRY = "ampsim.runtime.worker:serve"


class Crew:
    """Owns everything a run needs from the system, from entering it to leaving it, also where entering fails."""

    def __init__(self, plan: Plan, start_method: str) -> None:
        self.plan = plan
        self.start_method = start_method
        self._stack = ExitStack()
        self._over = False
        self._ended: list[int] = []

    def __enter__(self) -> Self:
        text, arrays = describe(self.plan)
        workers = self.plan.workers
        with ExitStack() as stack:
            store = stack.enter_context(ArrayStore(arrays))
            mesh = stack.enter_context(make_mesh(workers))
            pool = Pool(ENTRY, workers, text, mesh=mesh, arrays=store, method=self.start_method)
            self._pool = stack.enter_context(pool)
            self._endpoint: Endpoint = mesh.controller
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def send(self, worker: int, packet: Packet) -> None:
        """Send a note to a worker; never blocks."""
        self._endpoint.send(worker, packet)

    def send_all(self, packet: Packet) -> None:
        """Send a note to every worker."""
        for worker in range(self.plan.workers):
            self.send(worker, packet)

    def finish(self, packet: Packet) -> None:
        """The last order to all workers; from now on they may end."""
        self._over = True
        self.send_all(packet)

    def receive(self, timeout: float) -> list[tuple[int, Message]]:
        """What has come from workers within ``timeout`` seconds; at once if there is something.

        Raises the error of a worker that has died.
        """
        for event in self._pool.watch(timeout, self._endpoint):
            if isinstance(event, Ended):
                if not (event.well and self._over):
                    raise event.error(self._nodes(event.worker), "look at the cause above, then start the run again")
                self._ended.append(event.worker)
        return self._endpoint.receive()

    def expect(self, worker: int) -> None:
        """Raise WorkerDied if the worker, all of whose messages have been received, has ended."""
        if worker in self._ended:
            what = f"worker {worker} ended without handing in what it wrote down"
            raise WorkerDied(what, self._nodes(worker), "look for code that ends the process")

    def _nodes(self, worker: int) -> str:
        graph, owner = self.plan.job.graph, self.plan.program.owner
        names = [node.name for node, at in zip(graph.nodes, owner, strict=True) if at == worker]
        if not names:
            return f"worker {worker}, which has no nodes"
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        return f"worker {worker} with nodes {', '.join(names[:12])}{more}"
