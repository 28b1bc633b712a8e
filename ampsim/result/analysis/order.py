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

_EMPTY: memoryview[int] = np.zeros(0, np.int64).data


class Order:
    """Columns by task, times in ticks of a Breakdown. ``sent``, ``source`` and ``instance`` are of its last message.

    ``rank`` numbers tasks in order of their ends. Whoever goes from rank to lower rank comes to an end, whatever the
    tables hold.
    """

    def __init__(self, tables: Mapping[str, Table], idle: Breakdown) -> None:
        def ticks(seconds: Array) -> Array:
            found: Array = np.rint(np.clip(seconds / idle.horizon, 0.0, 1.0) * idle.total).astype(np.int64)
            return found

        tasks, messages, waits, instances = (tables[name] for name in ("tasks", "messages", "waits", "instances"))
        start, end = ticks(tasks["start"]), ticks(tasks["end"])
        order = np.lexsort((start, end))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        self.last = int(order[-1])
        # Read one by one: a memoryview gives plain numbers, and needs no object for each as a list does.
        self.start, self.end, self.rank = np.minimum(start, end).data, end.data, rank.data
        self.worker = tasks["worker"].astype(np.int32).data
        newest, count = _latest(messages, idle.workers), len(order)
        self.source = _by_task(messages, "source", newest, np.full(count, TOOK_NONE))
        self.instance = _by_task({**messages, "instance": messages["state"][:, 0]}, "instance", newest, np.zeros(count))
        self.sent = _by_task({**messages, "sent": ticks(messages["sent"])}, "sent", newest, np.zeros(count))
        self.admitted = dict(zip(instances["instance"].tolist(), ticks(instances["admitted"]).tolist(), strict=True))
        self._of_worker = _grouped(tasks["worker"][order], order)
        along = np.argsort(rank[messages["task"]], kind="stable")
        self._of_instance = _grouped(messages["state"][along, 0], messages["task"][along])
        completed = ticks(instances["completed"])
        ended = np.argsort(completed, kind="stable")
        self._completed, self._completing = completed[ended].data, instances["instance"][ended].data
        woke = ticks(waits["end"])
        self._woke = _grouped(waits["worker"][np.argsort(woke)], np.sort(woke))

    def of_worker(self, task: int, worker: int, time: int) -> int:
        """The last task of ``worker`` that had ended by ``time``, below ``task`` in rank; or NONE."""
        return self._below(task, self._of_worker.get(worker, _EMPTY), time)

    def of_instance(self, task: int, instance: int, time: int) -> int:
        """The same among the tasks, of any worker, that took a message of ``instance``."""
        return self._below(task, self._of_instance.get(instance, _EMPTY), time)

    def of_completed(self, task: int, time: int) -> int:
        """The last task of the instance that was the last to be completed by ``time``; or NONE."""
        place = bisect_right(self._completed, time)
        return self.of_instance(task, self._completing[place - 1], time) if place else NONE

    def slept(self, worker: int, begin: int, end: int) -> bool:
        """Whether a wait of ``worker`` ended within (begin, end]."""
        woke = self._woke.get(worker, _EMPTY)
        return bisect_right(woke, end) > bisect_right(woke, begin)

    def _below(self, task: int, others: memoryview[int], time: int) -> int:
        rank, place = self.rank, bisect_right(others, time, key=self.end.__getitem__)
        while place and rank[others[place - 1]] >= rank[task]:
            place -= 1
        return others[place - 1] if place else NONE


def _latest(messages: Table, workers: int) -> Array:
    """The row of the message that came last, for each task that took any from a worker or the controller."""
    order: Array = np.lexsort((messages["sent"], messages["arrived"], messages["task"]))
    source = messages["source"][order]
    order = order[(source >= CONTROLLER) & (source < workers)]
    task = messages["task"][order]
    last = np.append(task[1:] != task[:-1], True)[: len(order)]
    newest: Array = order[last]
    return newest


def _by_task(messages: Table, column: str, newest: Array, default: Array) -> memoryview[int]:
    """Whole numbers of the messages in rows ``newest`` by their tasks."""
    found = default.astype(np.int64)
    found[messages["task"][newest]] = messages[column][newest]
    return found.data


def _grouped(keys: Array, values: Array) -> dict[int, memoryview[int]]:
    """Values by key, in the order given."""
    order = np.argsort(keys, kind="stable")
    found, first = np.unique(keys[order], return_index=True)
    parts = np.split(values[order], first[1:]) if len(found) else []
    return {key: part.data for key, part in zip(found.tolist(), parts, strict=True)}
