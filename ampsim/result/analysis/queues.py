"""Messages that wait at a worker: from their arrival to the start of the task that takes them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Table


def queue_lengths(tables: Mapping[str, Table], workers: int) -> list[Steps]:
    """Messages waiting at each worker over time."""
    messages, tasks = tables["messages"], tables["tasks"]
    worker = tasks["worker"][messages["task"]]
    start = tasks["start"][messages["task"]]
    arrived = np.minimum(messages["arrived"], start)
    order = np.argsort(worker, kind="stable")
    bounds = np.searchsorted(worker[order], np.arange(workers + 1))
    parts = [order[bounds[w] : bounds[w + 1]] for w in range(workers)]
    return [Steps.counting(arrived[part], start[part]) for part in parts]
