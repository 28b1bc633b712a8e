"""How much every node has to do, found by trying: a few instances in shapes mode, every node on a worker of its own.

Loops, branches and ragged rows count as often as they really occur.
"""

from __future__ import annotations

from collections import deque

from ampsim.engine.program import Program
from ampsim.engine.schedule import Schedule
from ampsim.engine.worker import WorkerState
from ampsim.errors import AmpsimError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Origin, Parcel
from ampsim.job import Training

INSTANCES = 3


def weigh(graph: Graph, data: Dataset, settings: Training) -> list[float]:
    """FLOP of every node over the first few instances of ``data``: forward, backward and the updates that fall due.

    What the copies of a node have to do is divided among them evenly. An error of the graph ends the trial early and
    is left to the run itself.
    """
    count = len(graph.nodes)
    schedule = Schedule(data, None, 1, shuffle=False)
    program = Program(graph, schedule, settings, tuple(range(count)), count, numeric=False)
    workers = [WorkerState(program, node) for node in range(count)]
    found = [0.0] * count
    try:
        for instance in range(min(INSTANCES, len(data))):
            for source in program.entry_workers:
                workers[source].admit([instance], Origin())
            _work_off(workers, found)
        for worker in workers:
            worker.update_now()
        _work_off(workers, found)
    except AmpsimError:
        pass
    shared: dict[str, float] = {}
    for node, load in zip(graph.nodes, found, strict=True):
        shared[node.base] = shared.get(node.base, 0.0) + load
    return [shared[node.base] / (node.replica.copies if node.replica else 1) for node in graph.nodes]


def _work_off(workers: list[WorkerState], found: list[float]) -> None:
    """Run every task there is, and those that follow from them."""
    parcels: deque[tuple[int, Parcel]] = deque()
    busy = deque(workers)
    while busy or parcels:
        while parcels:
            destination, parcel = parcels.popleft()
            worker = workers[destination]
            worker.deliver(parcel, Origin())
            parcels.extend(worker.take_effects().parcels.items())
            busy.append(worker)
        worker = busy.popleft()
        while task := worker.next_task():
            parcels.extend(worker.run(task).parcels.items())
            found[worker.worker] += task.work.matmul + task.work.vector
