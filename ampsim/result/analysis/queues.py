"""Messages that wait at a worker: from their arrival to the start of the task that takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ampsim.result.analysis.groups import Groups
from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Table


def queue_lengths(tables: Mapping[str, Table], workers: int) -> Iterator[Steps]:
    """Messages waiting at each worker over time, one worker after the other."""
    tasks = Groups.of_workers(tables["tasks"], workers)
    messages = Groups.taken(tables, tasks)
    for worker in range(workers):
        task, arrived = messages.take(worker, "task", "arrived")
        (start,) = tasks.take(worker, "start")
        start = start[tasks.places(worker, task)]
        yield Steps.counting(np.minimum(arrived, start), start)
