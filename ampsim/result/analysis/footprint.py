"""How much memory a worker needs at most: what it holds, and the arrays of the task that it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ampsim.result.analysis.memory import memory
from ampsim.result.schema import KINDS, Array, Table


def workspace(tables: Mapping[str, Table]) -> Array:
    """Bytes (int64) of the arrays that each task makes for itself: its results, and its messages side by side.

    A forward or backward task writes every result into an array of its own, and copies the payloads of several messages
    into one. Updates and syncs write in place.
    """
    tasks, messages = tables["tasks"], tables["messages"]
    given = np.bincount(messages["task"], messages["bytes"], len(tasks["kind"])).astype(np.int64)
    computing = tasks["kind"] <= KINDS.index("backward")
    found: Array = np.where(computing, tasks["written"] + np.where(tasks["messages"] > 1, given, 0), 0)
    return found


def footprint(tables: Mapping[str, Table], workers: int, static: Sequence[Mapping[str, Any]]) -> Array:
    """Bytes (int64) that each worker needs at most: static parts, what it holds, the arrays of a task.

    While a task runs its worker holds what it held before, or what it holds after it if that is more.
    """
    levels = memory(tables, workers, static).levels
    own, tasks = workspace(tables), tables["tasks"]
    found = np.zeros(workers, np.int64)
    for worker in range(workers):
        mine = tasks["worker"] == worker
        held = np.maximum(levels[worker].at(tasks["start"][mine]), levels[worker].at(tasks["end"][mine]))
        found[worker] = max(levels[worker].highest, int((held + own[mine]).max(initial=0)))
    return found
