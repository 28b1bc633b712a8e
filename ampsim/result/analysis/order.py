"""What came before what: the tasks, messages and completions of a run, looked up from a task backwards."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np

from ampsim.result.analysis.idle import Breakdown
from ampsim.result.schema import CONTROLLER, Array, Table

NONE = -1
TOOK_NONE = -2
"""Where the source of a task's last message would stand: it took none."""


class Order:
    """Lists by task, times in ticks of a Breakdown; ``sent`` and ``source`` are of the last message a task took.

    ``rank`` numbers tasks in order of their ends. Whoever goes from rank to lower rank comes to an end, whatever the
    tables hold.
    """

    def __init__(self, tables: Mapping[str, Table], idle: Breakdown) -> None:
        tasks, messages = tables["tasks"], tables["messages"]
        start, end = _tick(idle, tasks["start"]), _tick(idle, tasks["end"])
        order = np.lexsort((start, end))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        self.last = int(order[-1])
        self.start, self.end, self.rank = np.minimum(start, end).tolist(), end.tolist(), rank.tolist()
        self.worker = tasks["worker"].tolist()
        self.sent, self.source = [0] * len(order), [TOOK_NONE] * len(order)
        newest = _latest(messages, idle.workers)
        for task, sent, source in zip(messages["task"][newest].tolist(), _tick(idle, messages["sent"][newest]).tolist(),
                                      messages["source"][newest].tolist(), strict=True):  # fmt: skip
            self.sent[task], self.source[task] = sent, source
        self._of: dict[int, tuple[list[int], list[int]]] = {}  # by worker: ends, and tasks, in order of rank
        for worker, task, ended in zip(tasks["worker"][order].tolist(), order.tolist(), end[order].tolist(),
                                       strict=True):  # fmt: skip
            ends, mine = self._of.setdefault(worker, ([], []))
            ends.append(ended)
            mine.append(task)
        self._completed, self._completing = _completions(tables, order, idle)
        self._waits: dict[int, list[int]] = {}  # by worker: their ends
        waits = tables["waits"]
        for worker, ended in sorted(zip(waits["worker"].tolist(), _tick(idle, waits["end"]).tolist(), strict=True)):
            self._waits.setdefault(worker, []).append(ended)

    def before(self, task: int, worker: int, time: int) -> int:
        """The last task of ``worker`` that had ended by ``time``, below ``task`` in rank; or NONE."""
        ends, mine = self._of.get(worker, ([], []))
        return self._below(task, mine, bisect_right(ends, time))

    def completed(self, task: int, time: int) -> int:
        """The last task of the instance that was the last to be completed by ``time``; or NONE."""
        return self._below(task, self._completing, bisect_right(self._completed, time))

    def slept(self, worker: int, begin: int, end: int) -> bool:
        """Whether a wait of ``worker`` ended within (begin, end]."""
        ends = self._waits.get(worker, [])
        return bisect_right(ends, end) > bisect_right(ends, begin)

    def _below(self, task: int, others: list[int], place: int) -> int:
        rank = self.rank
        while place and rank[others[place - 1]] >= rank[task]:
            place -= 1
        return others[place - 1] if place else NONE


def _tick(idle: Breakdown, seconds: Array) -> Array:
    ticks: Array = np.rint(np.clip(seconds / idle.horizon, 0.0, 1.0) * idle.total).astype(np.int64)
    return ticks


def _latest(messages: Table, workers: int) -> Array:
    """The row of the message that came last, for each task that took any from a worker or the controller."""
    order: Array = np.lexsort((messages["sent"], messages["arrived"], messages["task"]))
    source = messages["source"][order]
    order = order[(source >= CONTROLLER) & (source < workers)]
    task = messages["task"][order]
    last = np.append(task[1:] != task[:-1], True)[: len(order)]
    newest: Array = order[last]
    return newest


def _completions(tables: Mapping[str, Table], order: Array, idle: Breakdown) -> tuple[list[int], list[int]]:
    """When instances were completed, in order of time, and of each the last task that took a message of it."""
    instances, messages = tables["instances"], tables["messages"]
    if not len(messages["task"]) or not len(instances["instance"]):
        return [], []
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    number = messages["state"][:, 0]
    by = np.lexsort((rank[messages["task"]], number))
    newest = by[np.append(number[by][1:] != number[by][:-1], True)]
    found = number[newest]
    place = np.minimum(np.searchsorted(found, instances["instance"]), len(found) - 1)
    there = found[place] == instances["instance"]
    completed = _tick(idle, instances["completed"])[there]
    tasks = messages["task"][newest][place][there]
    along = np.argsort(completed, kind="stable")
    return completed[along].tolist(), tasks[along].tolist()
