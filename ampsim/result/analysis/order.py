"""What came before what: the tasks, messages and completions of a run, looked up from a task backwards.

A run may have more tasks than there is memory for Python's objects, so everything is in columns of the smallest type,
and is read one by one through memoryviews, which give plain numbers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import numpy as np

from ampsim.result.analysis.groups import Groups
from ampsim.result.analysis.idle import Breakdown
from ampsim.result.schema import CONTROLLER, Array, Table
from ampsim.result.table import chunks, rows

NONE = -1
TOOK_NONE = -2
"""Where the source of a task's last message would stand: it took none."""

INSTANCES = 4096
"""Instances whose tasks are kept in order once that has been asked for."""

_EMPTY: memoryview[int] = np.zeros(0, np.int64).data


class Order:
    """Columns by task, times in ticks of a Breakdown.

    ``sent``, ``arrived``, ``source`` and ``instance`` are of the last message of the task.

    Tasks have a rank, by end, start and row. Whoever goes from rank to lower rank comes to an end, whatever the tables
    hold.
    """

    def __init__(self, tables: Mapping[str, Table], idle: Breakdown) -> None:
        tasks, waits, instances = (tables[name] for name in ("tasks", "waits", "instances"))
        self._scale = idle.horizon, idle.total
        start, end = self._column(tasks, "start"), self._column(tasks, "end")
        np.minimum(start, end, out=start)
        self.start, self.end = start.data, end.data
        self.worker = _small(tasks["worker"], idle.workers).data
        latest = np.flatnonzero(end == end.max())
        self.last = int(latest[np.lexsort((latest, start[latest]))[-1]])
        groups = Groups.of_workers(tasks, idle.workers)
        self._of_worker = [self._ranked(groups.rows(worker)) for worker in range(idle.workers)]
        self._last_messages(tables, groups, idle.workers)
        self._group_by_instance(tables["messages"])
        entered = np.argsort(instances["instance"], kind="stable")
        self._entered = instances["instance"][entered].data
        self._admitted = self._ticks(instances["admitted"])[entered].data
        completed = self._ticks(instances["completed"])
        ended = np.argsort(completed, kind="stable")
        self._completed, self._completing = completed[ended].data, instances["instance"][ended].data
        slept = Groups.of_workers(waits, idle.workers)
        self._woke = [np.sort(self._ticks(slept.take(worker, "end")[0])).data for worker in range(idle.workers)]
        self._kept: dict[int, memoryview[int]] = {}

    def of_worker(self, task: int, worker: int, time: int) -> int:
        """The last task of ``worker`` that had ended by ``time``, below ``task`` in rank; or NONE."""
        return self._below(task, self._of_worker[worker], time)

    def of_instance(self, task: int, instance: int, time: int) -> int:
        """The same among the tasks, of any worker, that took a message of ``instance``."""
        if instance not in self._kept:
            if len(self._kept) == INSTANCES:
                self._kept.clear()
            self._kept[instance] = self._tasks_of(instance)
        return self._below(task, self._kept[instance], time)

    def admitted(self, instance: int) -> int:
        """When an instance was let in; 0 where that is not known."""
        place = bisect_right(self._entered, instance) - 1
        return self._admitted[place] if place >= 0 and self._entered[place] == instance else 0

    def of_completed(self, task: int, time: int) -> int:
        """The last task of the instance that was the last to be completed by ``time``; or NONE."""
        place = bisect_right(self._completed, time)
        return self.of_instance(task, self._completing[place - 1], time) if place else NONE

    def slept(self, worker: int, begin: int, end: int) -> bool:
        """Whether a wait of ``worker`` ended within (begin, end]."""
        woke = self._woke[worker]
        return bisect_right(woke, end) > bisect_right(woke, begin)

    def _below(self, task: int, others: range | memoryview[int], time: int) -> int:
        rank = self._rank(task)
        if isinstance(others, range):
            place = bisect_right(self.end, time, others.start, others.stop) - others.start
        else:
            place = bisect_right(others, time, key=self.end.__getitem__)
        while place and self._rank(others[place - 1]) >= rank:
            place -= 1
        return others[place - 1] if place else NONE

    def _rank(self, task: int) -> tuple[int, int, int]:
        return self.end[task], self.start[task], task

    def _ticks(self, seconds: Array) -> Array:
        horizon, total = self._scale
        found: Array = np.rint(np.clip(seconds / horizon, 0.0, 1.0) * total).astype(np.int64)
        return found

    def _column(self, table: Table, name: str) -> Array:
        found, done = np.empty(rows(table), np.int64), 0
        for (seconds,) in chunks(table, name):
            found[done : done + len(seconds)] = self._ticks(seconds)
            done += len(seconds)
        return found

    def _ranked(self, tasks: range | Array) -> range | memoryview[int]:
        """Tasks in order of rank; as a range where that is the order of the table."""
        inside = slice(tasks.start, tasks.stop) if isinstance(tasks, range) else tasks
        start, end = np.asarray(self.start)[inside], np.asarray(self.end)[inside]
        later = (end[1:] > end[:-1]) | ((end[1:] == end[:-1]) & (start[1:] >= start[:-1]))
        if isinstance(tasks, range) and later.all():
            return tasks
        found: Array = np.asarray(tasks, np.int64)[np.lexsort((start, end))]
        return found.data

    def _last_messages(self, tables: Mapping[str, Table], tasks: Groups, workers: int) -> None:
        """Of each task sender, moments of sending and arrival, and instance of the message that came last."""
        count, messages = rows(tables["tasks"]), Groups.taken(tables, tasks)
        source = np.full(count, TOOK_NONE, _type(max(workers, -TOOK_NONE)))
        sent, arrived, instance = (np.zeros(count, np.int64) for _ in range(3))
        for worker in range(workers):
            task, senders, left, came, state = messages.take(worker, "task", "source", "sent", "arrived", "state")
            kept = np.flatnonzero((senders >= CONTROLLER) & (senders < workers))
            order = kept[np.lexsort((left[kept], came[kept], task[kept]))]
            newest = order[np.append(task[order][1:] != task[order][:-1], True)[: len(order)]]
            row = task[newest]
            source[row], instance[row] = senders[newest], state[newest, 0]
            sent[row], arrived[row] = self._ticks(left[newest]), self._ticks(came[newest])
        self.source, self.sent, self.arrived, self.instance = source.data, sent.data, arrived.data, instance.data

    def _group_by_instance(self, messages: Table) -> None:
        """Tasks of each instance, in the order of the table."""
        numbers = np.concatenate([np.zeros(0, np.int64), *(state[:, 0] for (state,) in chunks(messages, "state"))])
        if len(numbers) and abs(numbers).max() < 1 << 31:
            numbers = numbers.astype(np.int32)
        order = np.argsort(numbers, kind="stable")
        numbers = numbers[order]
        first = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)])
        self._tasks_by_instance = messages["task"][order].astype(np.int32 if len(self.end) < 1 << 31 else np.int64)
        self._numbers, self._bounds = numbers[first].data, np.append(first, len(numbers)).data

    def _tasks_of(self, instance: int) -> memoryview[int]:
        """Tasks that took a message of an instance, in order of rank."""
        place = bisect_left(self._numbers, instance)
        if place == len(self._numbers) or self._numbers[place] != instance:
            return _EMPTY
        tasks = self._tasks_by_instance[self._bounds[place] : self._bounds[place + 1]].astype(np.int64)
        found: Array = tasks[np.lexsort((tasks, np.asarray(self.start)[tasks], np.asarray(self.end)[tasks]))]
        return found.data


def _type(largest: int) -> type[np.signedinteger]:
    return np.int16 if largest < 1 << 15 else np.int32


def _small(numbers: Array, count: int) -> Array:
    """In the smallest type that holds numbers below ``count``."""
    return numbers.astype(_type(count))
