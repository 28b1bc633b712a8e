"""The workers of one run: their processes, their channels, and what they have been told."""

from __future__ import annotations

from typing import Self

from ampsim.engine.plan import Plan
from ampsim.runtime.endpoint import Endpoint
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.packet import Message, Packet
from ampsim.runtime.pool import Ended, Pool
from ampsim.runtime.setup import describe
from ampsim.runtime.shared import ArrayStore

ENTRY = "ampsim.runtime.worker:serve"


class Crew:
    """Owns everything a run needs from the system; leaving it gives everything back, also on error."""

    def __init__(self, plan: Plan, start_method: str) -> None:
        self.plan = plan
        self.start_method = start_method
        self._text, arrays = describe(plan)
        self._arrays = ArrayStore(arrays)
        self._mesh = make_mesh(plan.workers)
        self._pool = Pool(
            ENTRY, plan.workers, self._text, mesh=self._mesh, arrays=self._arrays, method=start_method
        )
        self._endpoint: Endpoint = self._mesh.controller
        self._over = False

    def __enter__(self) -> Self:
        try:
            self._pool.__enter__()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.__exit__(*error)
        self._close()

    def send(self, worker: int, packet: Packet) -> None:
        """Send a note to a worker; never blocks."""
        self._endpoint.send(worker, packet)

    def finish(self, packet: Packet) -> None:
        """The last order to all workers; from now on they may end."""
        self._over = True
        for worker in range(self.plan.workers):
            self.send(worker, packet)

    def receive(self, timeout: float) -> list[tuple[int, Message]]:
        """What has come from workers within ``timeout`` seconds; at once if there is something.

        Raises the error of a worker that has died.
        """
        for event in self._pool.watch(timeout, self._endpoint):
            if isinstance(event, Ended) and not (event.well and self._over):
                raise event.error(self._nodes(event.worker), "look at the cause above, then start the run again")
        return self._endpoint.receive()

    def _nodes(self, worker: int) -> str:
        graph, owner = self.plan.job.graph, self.plan.program.owner
        names = [node.name for node, at in zip(graph.nodes, owner, strict=True) if at == worker]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        return f"worker {worker} with nodes {', '.join(names[:12])}{more}"

    def _close(self) -> None:
        self._mesh.close()
        self._arrays.close()
