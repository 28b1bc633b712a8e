"""What a worker did, written down cheaply while it runs and turned into columns afterwards.

One list append per task and per wait on the hot path; everything per message is done at the end, vectorised.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np

from ampsim.engine.batch import Consumed
from ampsim.engine.task import KINDS, Part, Task
from ampsim.engine.worker import WorkerState
from ampsim.ir.message import Array
from ampsim.ir.work import Work
from ampsim.result.schema import WAITS

Columns = dict[str, Array]
_KIND = {kind: number for number, kind in enumerate(KINDS)}
MESSAGE, MEMORY = map(WAITS.index, ("message", "memory"))
ABSENT = np.iinfo(np.int64).min


class WorkerLog:
    """The tables of one worker. Times come in ticks, ``frequency`` of them a second."""

    def __init__(self, state: WorkerState, frequency: int) -> None:
        self.state = state
        self.frequency = frequency
        self._tasks: list[tuple[int, int, int, int, int, int, tuple[Part, ...]]] = []
        self._waits: list[tuple[int, int, int]] = []
        self._consumed: list[list[Consumed]] = []
        self._memory: list[tuple[int, int, int, int, int, int]] = []
        self._updates: list[tuple[int, int, int, int, int, float, int]] = []
        self._busy = self._counted = 0  # ticks in tasks, and in how many of them

    def task(
        self,
        task: Task,
        start: int,
        end: int,
        outbox: int = 0,
        resident: tuple[int, int, int] | None = None,
        off_chip: int = 0,
    ) -> None:
        """A task has ended. What it sent to its own worker counts as sent and arrived now.

        ``resident`` are the bytes of caches, deferred rows and queues where they are not those of the worker itself.
        """
        if task.origin is not None:
            task.origin.sent = task.origin.arrived = end
        self._tasks.append((_KIND[task.kind], task.node, start, end, task.messages, task.rows, task.parts))
        self._consumed.append(task.consumed)
        self._memory.append((end, *(resident or self.state.memory()), outbox, off_chip))
        if task.update:
            update = task.update
            ages = (update.staleness_mean, update.staleness_max)
            self._updates.append((update.node, update.instance, end, update.version, update.gradients, *ages))

    def waited(self, start: int, end: int, kind: int = MESSAGE) -> None:
        """The worker had nothing to do from ``start`` to ``end``; ``kind`` is a number of ``schema.WAITS``."""
        if end > start:
            self._waits.append((kind, start, end))

    def busy(self) -> int:
        """Ticks spent in tasks that have ended; only what is new is added up, and only when somebody asks."""
        self._busy += sum(row[3] - row[2] for row in self._tasks[self._counted :])
        self._counted = len(self._tasks)
        return self._busy

    def parts(self) -> list[tuple[Part, ...]]:
        """Of each task, the arithmetic in it."""
        return [parts for *_, parts in self._tasks]

    def tables(self) -> dict[str, Columns]:
        """All tables of this worker; ``messages.task`` counts its own tasks from 0."""
        return {
            "tasks": self._task_columns(),
            "waits": self._wait_columns(),
            "messages": self._message_columns(),
            "updates": self._update_columns(),
            "staleness": self._staleness_columns(),
            "memory": self._memory_columns(),
            "edges": self._edge_columns(),
        }

    def _seconds(self, ticks: Any) -> Array:
        return seconds(ticks, self.frequency)

    def _task_columns(self) -> Columns:
        kind, node, start, end, messages, rows, parts = _unzip(self._tasks, 7)
        sums: dict[tuple[Part, ...], Work] = {}
        works = []
        for row in parts:
            work = sums.get(row)
            if work is None:
                works_of = [part.work for part in row]
                products = tuple(p for w in works_of for p in w.products)
                vector, read = sum(w.vector for w in works_of), sum(w.read for w in works_of)
                work = sums[row] = Work(products, vector, read, sum(w.written for w in works_of))
            works.append((work.matmul, work.vector, work.read, work.written))
        matmul, vector, read, written = _unzip(works, 4)
        return {
            "worker": np.full(len(kind), self.state.worker, np.int32),
            "kind": np.asarray(kind, np.int8),
            "node": np.asarray(node, np.int32),
            "start": self._seconds(start),
            "end": self._seconds(end),
            "messages": np.asarray(messages, np.int32),
            "rows": np.asarray(rows, np.int64),
            "matmul": np.asarray(matmul, np.float64),
            "vector": np.asarray(vector, np.float64),
            "read": np.asarray(read, np.int64),
            "written": np.asarray(written, np.int64),
        }

    def _wait_columns(self) -> Columns:
        kind, start, end = _unzip(self._waits, 3)
        return {
            "worker": np.full(len(kind), self.state.worker, np.int32),
            "kind": np.asarray(kind, np.int8),
            "start": self._seconds(start),
            "end": self._seconds(end),
        }

    def _message_columns(self) -> Columns:
        parts = list(chain.from_iterable(self._consumed))
        lengths = np.asarray([len(part.states) for part in parts], np.int64)
        tasks = np.repeat(np.arange(len(self._consumed)), [len(consumed) for consumed in self._consumed])

        def spread(values: list[Any], dtype: Any) -> Array:
            return np.repeat(np.asarray(values, dtype), lengths)

        rows = np.asarray(list(chain.from_iterable(part.rows for part in parts)), np.float64)
        row_bytes = spread([part.row_bytes for part in parts], np.float64)
        return {
            "task": np.repeat(np.asarray(tasks, np.int64), lengths),
            "edge": spread([part.edge for part in parts], np.int32),
            "direction": spread([part.direction for part in parts], np.int8),
            "state": state_columns(list(chain.from_iterable(part.states for part in parts))),
            "bytes": np.rint(rows * row_bytes).astype(np.int64),
            "source": spread([part.origin.source for part in parts], np.int32),
            "sent": np.repeat(self._seconds(part.origin.sent for part in parts), lengths),
            "arrived": np.repeat(self._seconds(part.origin.arrived for part in parts), lengths),
        }

    def _update_columns(self) -> Columns:
        node, instance, time, version, gradients, mean, highest = _unzip(self._updates, 7)
        return {
            "node": np.asarray(node, np.int32),
            "worker": np.full(len(node), self.state.worker, np.int32),
            "instance": np.asarray(instance, np.int64),
            "time": self._seconds(time),
            "version": np.asarray(version, np.int32),
            "gradients": np.asarray(gradients, np.int32),
            "staleness_mean": np.asarray(mean, np.float64),
            "staleness_max": np.asarray(highest, np.int32),
        }

    def _staleness_columns(self) -> Columns:
        states = self.state.parameters.values()
        rows = [(s.index, age, count) for s in states for age, count in sorted(s.staleness.items())]
        node, age, count = _unzip(rows, 3)
        return {
            "node": np.asarray(node, np.int32),
            "staleness": np.asarray(age, np.int32),
            "count": np.asarray(count, np.int64),
        }

    def _memory_columns(self) -> Columns:
        time, *levels = _unzip(self._memory, 6)
        sizes = dict(zip(("caches", "deferred", "queues", "outbox", "off_chip"), levels, strict=True))
        return {
            "worker": np.full(len(time), self.state.worker, np.int32),
            "time": self._seconds(time),
            **{name: np.asarray(values, np.int64) for name, values in sizes.items()},
        }

    def _edge_columns(self) -> Columns:
        rows = [(*where, *pair) for where, pair in self.state.edge_counts().items()]
        edge, direction, messages, nbytes = _unzip(rows, 4)
        return {
            "edge": np.asarray(edge, np.int32),
            "direction": np.asarray(direction, np.int8),
            "messages": np.asarray(messages, np.int64),
            "bytes": np.asarray(nbytes, np.int64),
        }


def seconds(ticks: Iterable[int], frequency: int) -> Array:
    """Times in ticks as float64 seconds, each correctly rounded; ticks may be larger than an int64."""
    return np.fromiter((time / frequency for time in ticks), np.float64)


def _unzip(rows: list[Any], width: int) -> list[Any]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def state_columns(states: list[tuple[int, ...]]) -> Array:
    """States as int64 (n, width), padded with the smallest int64."""
    lengths = np.fromiter(map(len, states), np.int64, len(states))
    width = int(lengths.max()) if len(states) else 1
    table = np.full((len(states), width), ABSENT, np.int64)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        table[chosen, :length] = [states[i] for i in chosen]
    return table
