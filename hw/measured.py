"""How long everything took in a run on real workers, so that the simulator can let it take as long again.

Only what takes time is looked up here; what waits for what, and for how long, is for the simulation to find out. A gap
between two tasks of a worker is made of

    end of a task   after       waits for a message       before   start of the next
          |-- send, receive --|-------- left out --------|-- receive, choose --|

A message is **there** when its worker saw it: at the end of the wait that it ended. Of one that came while its worker
was busy only the latest possible moment is known: it is taken to have been under way for as long as others usually
were, at most until then. Times are integer femtoseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ampsim.engine.schedule import Segment
from ampsim.errors import UsageError
from ampsim.hw.clock import FS
from ampsim.ir.message import Array
from ampsim.result.run import Run

UPDATE, SYNC = 2, 3  # tasks.kind
ADMISSION = -1
MESSAGE = 0  # waits.kind


class Took(NamedTuple):
    """A task: messaging before it, its own time, messaging after it, and when it ended."""

    before: int
    time: int
    after: int
    end: int


class Way(NamedTuple):
    """A message: when it was there, and from when on its worker, which may have been at work, could look at it."""

    there: int
    seen: int


class Step(NamedTuple):
    """What the controller orders when a segment is drained: when it was sent, and when it was heard that all is done.

    The latter is None at the end of the run, where nothing follows.
    """

    sent: int
    done: int | None


class Measured:
    """The times of ``run``, whose instances came in ``segments``, at most ``limit`` in flight.

    ``began``: the first admission. ``tasks``: by worker, in order. ``parcels``: by source and destination, in order of
    sending. ``admissions``: by worker and instance, how long it took from when there was room. ``orders``: how long
    others were under way, by "update", worker and instance, and by "flush" or "sync", worker and last instance of a
    segment. ``steps``: by "flush" or "sync" and last instance. ``heard``: when the controller had the losses of (node,
    instance), in order. ``completed``: when it knew of the end of an instance. Raises UsageError unless the run is one
    of real workers.
    """

    def __init__(self, run: Run, segments: Sequence[Segment], limit: int) -> None:
        if run.backend != "runtime":
            what = f"a run of the backend {run.backend} has no measured durations"
            raise UsageError(what, "durations", "replay a run on real workers, as ampsim run makes it")
        self._tables = run.tables
        workers = range(run.workers)
        self._tasks = [self._of("tasks", worker) for worker in workers]
        self._waits = [self._wait_ends(worker) for worker in workers]
        self.tasks = [self._took(worker) for worker in workers]
        self.parcels = self._parcels()
        instances, metrics = run.tables["instances"], run.tables["metrics"]
        self.began = int(ticks(instances["admitted"]).min())
        self.completed = dict(zip(instances["instance"].tolist(), ticks(instances["completed"]).tolist(), strict=True))
        self.heard: dict[tuple[int, int], deque[int]] = {}
        columns = (metrics["node"].tolist(), metrics["instance"].tolist(), ticks(metrics["time"]).tolist())
        for node, instance, time in zip(*columns, strict=True):
            self.heard.setdefault((node, instance), deque()).append(time)
        self.admissions: dict[tuple[int, int], int] = {}
        self.orders: dict[tuple[str, int, int], int] = {}
        self.steps: dict[tuple[str, int], Step] = {}
        synced, self._usual = self._admissions(self._free(segments, limit))
        self._steps(segments, synced)
        self._updates()

    def _of(self, table: str, worker: int) -> dict[str, Array]:
        columns = self._tables[table]
        here = np.flatnonzero(columns["worker"] == worker)
        return {name: columns[name][here] for name in columns}

    def _wait_ends(self, worker: int) -> tuple[Array, Array]:
        """Start and end of the waits for messages."""
        waits = self._of("waits", worker)
        chosen = waits["kind"] == MESSAGE
        return ticks(waits["start"][chosen]), ticks(waits["end"][chosen])

    def _took(self, worker: int) -> deque[Took]:
        start, end = (ticks(self._tasks[worker][name]) for name in ("start", "end"))
        wait_start, wait_end = self._waits[worker]
        ends = np.concatenate(([0], end))  # a gap goes from here to the start of the task, the last one without end
        starts = np.concatenate((start, [np.iinfo(np.int64).max]))
        first, behind = np.searchsorted(wait_start, ends), np.searchsorted(wait_start, starts)
        some = behind > first
        padded = [np.concatenate((times, [0])) for times in (wait_start, wait_end)]
        after = np.where(some, padded[0][first] - ends, np.append(start, end[-1:] if len(end) else 0) - ends)
        before = np.where(some, starts - padded[1][behind - 1], 0)
        columns = (before[:-1], end - start, after[1:], end)
        return deque(Took(*row) for row in zip(*(column.tolist() for column in columns), strict=True))

    def _arrivals(self, worker: int, sent: Array, handled: Array) -> tuple[Array, Array, Array]:
        """Of messages to a worker: when they were there, from when on it could look, and whether it waited for them."""
        ends = np.concatenate(([0], ticks(self._tasks[worker]["end"])))
        waits = np.concatenate(([-1], self._waits[worker][1]))
        free = ends[np.searchsorted(ends, handled, "right") - 1]
        woken = waits[np.searchsorted(waits, handled, "right") - 1]
        waited = (woken >= free) & (sent <= woken)
        return np.where(waited, woken, handled), free, waited

    def _parcels(self) -> dict[tuple[int, int], deque[Way]]:
        links = self._tables["links"]
        source, destination = links["source"], links["destination"]
        sent, handled = ticks(links["start"]), ticks(links["end"])
        there, free, waited = handled.copy(), handled.copy(), np.zeros(len(sent), bool)
        for worker in range(len(self._tasks)):
            mine = np.flatnonzero(destination == worker)
            there[mine], free[mine], waited[mine] = self._arrivals(worker, sent[mine], handled[mine])
        there = usual_ways(sent, there, waited)[0]
        found: dict[tuple[int, int], deque[Way]] = {}
        columns = (source, destination, there, np.maximum(there, free))
        for i in np.argsort(sent, kind="stable").tolist():
            a, b, at, seen = (int(column[i]) for column in columns)
            found.setdefault((a, b), deque()).append(Way(at, seen))
        return found

    def _free(self, segments: Sequence[Segment], limit: int) -> dict[int, int]:
        """When there was room for each instance: with the first ones of a segment at once, else when another ended."""
        table = self._tables["instances"]
        admitted, completed = ticks(table["admitted"]), ticks(table["completed"])
        found: dict[int, int] = {}
        for segment in segments:
            here = np.flatnonzero((table["instance"] >= segment.start) & (table["instance"] < segment.stop))
            free = admitted[here].copy()
            ended = np.sort(completed[here])
            free[limit:] = np.minimum(free[limit:], ended[: max(len(here) - limit, 0)])
            found.update(zip(table["instance"][here].tolist(), free.tolist(), strict=True))
        return found

    def _admissions(self, free: dict[int, int]) -> tuple[dict[int, int], int]:
        """How long admissions and orders to make copies equal took; when the latter were sent, and the usual time."""
        messages, tasks = self._tables["messages"], self._tables["tasks"]
        rows = np.flatnonzero(messages["edge"] == ADMISSION)
        worker, kind = (tasks[name][messages["task"][rows]] for name in ("worker", "kind"))
        sent, handled = ticks(messages["sent"][rows]), ticks(messages["arrived"][rows])
        there, waited = handled.copy(), np.zeros(len(rows), bool)
        for number in range(len(self._tasks)):
            mine = np.flatnonzero(worker == number)
            there[mine], _, waited[mine] = self._arrivals(number, sent[mine], handled[mine])
        there, usual = usual_ways(sent, there, waited)
        synced: dict[int, int] = {}
        columns = (worker, kind, messages["state"][rows][:, 0], sent, there)
        for w, k, instance, left, at in zip(*(column.tolist() for column in columns), strict=True):
            if k == SYNC:
                synced[instance] = min(left, synced.get(instance, left))
                self.orders["sync", w, instance] = at - left
            else:
                self.admissions[w, instance] = at - free[instance]
        return synced, usual

    def _steps(self, segments: Sequence[Segment], synced: dict[int, int]) -> None:
        """What happened between the end of each segment and the next admission."""
        table = self._tables["instances"]
        admitted, completed = ticks(table["admitted"]), ticks(table["completed"])
        bounds = np.searchsorted(table["instance"], [(segment.start, segment.stop) for segment in segments])
        for segment, (first, behind) in zip(segments, bounds.tolist(), strict=True):
            if first == behind:
                break
            last, ended = segment.stop - 1, int(completed[first:behind].max())
            following = int(admitted[behind]) if behind < len(admitted) else None
            if last in synced:
                self.steps["sync", last] = Step(synced[last], following)
            self.steps["flush", last] = Step(ended, synced.get(last, following))
            for worker in range(len(self._tasks)):
                task = int(np.searchsorted(ticks(self._tasks[worker]["start"]), ended))
                self.orders["flush", worker, last] = self._until(worker, task, ended)

    def _updates(self) -> None:
        """How long orders took to update for an instance that visits several workers."""
        updates = self._tables["updates"]
        for worker, tasks in enumerate(self._tasks):
            instances = updates["instance"][updates["worker"] == worker].tolist()
            numbers = np.flatnonzero(tasks["kind"] == UPDATE).tolist()
            for instance, task in zip(instances, numbers, strict=True):
                if instance >= 0:
                    took = self._until(worker, task, self.completed[instance])
                    self.orders.setdefault(("update", worker, instance), took)

    def _until(self, worker: int, task: int, sent: int) -> int:
        """How long an order took that made a worker do an update, its ``task``; at most the usual if it woke nobody."""
        starts, waits = ticks(self._tasks[worker]["start"]), self._waits[worker][1]
        if task == len(starts) or self._tasks[worker]["kind"][task] != UPDATE:
            return 0
        start = int(starts[task])
        wait = int(np.searchsorted(waits, start, "right")) - 1
        free = int(ticks(self._tasks[worker]["end"][task - 1])) if task else 0
        if wait >= 0 and waits[wait] >= max(sent, free):
            return int(waits[wait]) - sent
        return max(min(self._usual, start - sent), 0)


def usual_ways(sent: Array, there: Array, waited: Array) -> tuple[Array, int]:
    """Arrivals, where nobody waited after the usual time or when at last seen, and the usual time."""
    usual = int(np.median((there - sent)[waited])) if waited.any() else 0
    return np.where(waited, there, np.minimum(there, sent + usual)), usual


def ticks(seconds: Any) -> Array:
    """Seconds as int64 femtoseconds."""
    found: Array = np.rint(np.asarray(seconds) * FS).astype(np.int64)
    return found
