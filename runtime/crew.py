"""The workers of one run: their processes, their channels, and what they have been told."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from ampsim.engine.plan import Plan
from ampsim.errors import AmpsimError, NonFinite, WorkerDied
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Loss
from ampsim.runtime.endpoint import SPIN, SPIN_CROWDED, Endpoint
from ampsim.runtime.mesh import make_mesh
from ampsim.runtime.packet import Message, Packet
from ampsim.runtime.pool import Ended, Event, Pool
from ampsim.runtime.setup import describe
from ampsim.runtime.shared import ArrayStore

ENTRY = "ampsim.runtime.worker:serve"
OTHERS = 0.1  # seconds to wait for workers that fail of the same cause


class Crew:
    """Owns everything a run needs from the system, from entering it to leaving it, also where entering fails."""

    def __init__(self, plan: Plan, start_method: str) -> None:
        self.plan = plan
        self.start_method = start_method
        self._stack = ExitStack()
        self._over = False
        self._ended: list[Ended] = []
        self._failed: list[Ended] = []

    def __enter__(self) -> Self:
        text, arrays = describe(self.plan)
        workers = self.plan.workers
        with ExitStack() as stack:
            store = stack.enter_context(ArrayStore(arrays))
            mesh = make_mesh(workers)
            stack.callback(mesh.close)
            spin = SPIN if workers <= len(os.sched_getaffinity(0)) else SPIN_CROWDED
            pool = Pool(ENTRY, workers, text, mesh=mesh, arrays=store, method=self.start_method, spin=spin)
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
        self._note(self._pool.watch(timeout, self._endpoint))
        if self._failed:
            raise self._error()
        return self._endpoint.receive()

    def expect(self, worker: int) -> None:
        """Raise WorkerDied if the worker, all of whose messages have been received, has ended."""
        if any(event.worker == worker for event in self._ended):
            what = f"worker {worker} ended without handing in what it wrote down"
            raise WorkerDied(what, self._nodes(worker), "look for code that ends the process")

    def _note(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Ended):
                (self._ended if event.well and self._over else self._failed).append(event)

    def _error(self) -> AmpsimError:
        """The error of a worker that has failed; where numbers stopped being finite, of the one nearest to the loss.

        What is not finite travels on, from the loss to the sources, so several workers fail within moments, and are
        heard of in any order. The first node is to be named, not the last.
        """
        first = self._failed[0]
        if _not_finite(first):
            deadline = time.monotonic() + OTHERS
            while (left := deadline - time.monotonic()) > 0 and self._pool.running:
                self._note(self._pool.watch(left))
            distance = _distances(self.plan.job.graph)
            first = min(filter(_not_finite, self._failed), key=lambda event: distance.get(_place(event), 0))
        return first.error(self._nodes(first.worker), "look at the cause above, then start the run again")

    def _nodes(self, worker: int) -> str:
        graph, owner = self.plan.job.graph, self.plan.program.owner
        names = [node.name for node, at in zip(graph.nodes, owner, strict=True) if at == worker]
        if not names:
            return f"worker {worker}, which has no nodes"
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        return f"worker {worker} with nodes {', '.join(names[:12])}{more}"


def _not_finite(event: Ended) -> bool:
    return event.failure is not None and event.failure.kind == NonFinite.__name__


def _place(event: Ended) -> str | None:
    """The node that an error names."""
    parts = event.failure and event.failure.parts
    return parts[1] if parts else None


def _distances(graph: Graph) -> dict[str | None, int]:
    """Edges from each node to the nearest loss."""
    found = {index: 0 for index, node in enumerate(graph.nodes) if isinstance(node, Loss)}
    waiting = deque(found)
    while waiting:
        index = waiting.popleft()
        for edge in (edge for edges in graph.incoming[index] for edge in edges):
            source = graph.edges[edge].source
            if source not in found:
                found[source] = found[index] + 1
                waiting.append(source)
    return {graph.nodes[index].name: distance for index, distance in found.items()}
