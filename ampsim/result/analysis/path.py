"""The critical path of a run: the chain of tasks and of waits whose length is the makespan.

It is walked from the end of the run back to its beginning, from each task to what it had to wait for last:

    task  <-  the task before it on its worker              if the last message it took was there by then
          <-  the last task of the worker that sent it      if the worker had to wait for it
          <-  the last task of its instance                 if that worker only passed it on
          <-  the last task of the instance completed last  if the controller sent it: one that completes lets one in

What lies between two tasks of the path is split by the causes of :mod:`ampsim.result.analysis.idle`, on the worker that
waited. Before the end of a run nothing on its path is drained: it waits for synchronisation there. A shorter task on
the path makes the run shorter, until another path is longer; one that is not on it does not.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.analysis.causes import BUSY, CAUSES, DRAINED, LINK, MEMORY, MESSAGING, SYNCHRONISATION
from ampsim.result.analysis.idle import Breakdown
from ampsim.result.analysis.order import NONE, TOOK_NONE, Order
from ampsim.result.schema import CONTROLLER, Array, Table

UNKNOWN = -2
"""A source that the tables do not tell."""


@dataclass(frozen=True)
class Waits:
    """What lies between the tasks of a path, cut where the cause changes, in order of time.

    ``worker``, or the CONTROLLER, waited from ``begin`` to ``end`` (ticks from the start of the run) for ``cause``.
    What it waited for came from ``source``: a worker, CONTROLLER, or UNKNOWN. A wait is ``loose`` if the path does not
    go on to where that came from, as where the controller held it back. Of a loose wait it is not known what would be
    left of it if something else were faster.
    """

    worker: Array
    begin: Array
    end: Array
    cause: Array
    source: Array
    loose: Array


@dataclass(frozen=True)
class Path:
    """``tasks`` are rows of the table in order of time, ``lengths`` (ticks) how much of the makespan each stands for.

    That is the time from ``begins`` (ticks). ``between`` is what lies between the tasks, ``waits`` (ticks) its sums by
    cause. Ticks are those of the Breakdown that the path was made with; lengths and waits add up to its ``total``
    exactly.
    """

    tasks: Array
    lengths: Array
    begins: Array
    between: Waits

    @property
    def waits(self) -> Array:
        """int64 (causes): ticks between the tasks by cause."""
        found = np.zeros(len(CAUSES), np.int64)
        np.add.at(found, self.between.cause, self.between.end - self.between.begin)
        return found


_NONE = np.zeros(0, np.int64)
NO_PATH = Path(_NONE, _NONE, _NONE, Waits(_NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0, np.bool_)))


def critical_path(tables: Mapping[str, Table], idle: Breakdown) -> Path:
    """The path of a run whose workers' time by cause is ``idle``. Empty where there is no clock, or no task."""
    if not idle.total or not len(tables["tasks"]["kind"]):
        return NO_PATH
    walk = _Walk(Order(tables, idle), idle.total)
    tasks, begins, lengths = _rows(walk.tasks, 3)[::-1].T
    return Path(tasks, lengths, begins, walk.between(idle))


class _Walk:
    """The way back from the end. ``tasks`` are (task, begin, ticks), last one first.

    ``gaps`` are (worker, begin, end, source) of what lies between; ``ways`` are those in which a message was on its
    way, ``passed`` those in which a worker only passed on what others had sent it. ``held`` are (worker, begin, end,
    since): from ``since`` to ``end`` the controller kept a message back, and what the worker did from ``begin`` to
    ``end`` tells why.
    """

    def __init__(self, order: Order, total: int) -> None:
        # Numbers behind one another: a path may have millions of tasks, and tuples are objects.
        self.tasks, self.gaps, self.ways, self.passed, self.held = (array("q") for _ in range(5))
        self._order = order
        self._at = total  # all that comes after is accounted for
        task = order.last
        self._gap(order.worker[task], order.end[task])
        while task != NONE:
            began = min(order.start[task], self._at)
            self.tasks.extend((task, began, self._at - began))
            self._at = began
            task = self._back(task)
        del self._order  # what comes next needs the memory

    def _back(self, task: int) -> int:
        """What ``task`` had to wait for; the time between is accounted for."""
        order = self._order
        worker, source, sent = order.worker[task], order.source[task], order.sent[task]
        previous = order.of_worker(task, worker, self._at)
        free = self._end(previous)
        if source == TOOK_NONE and order.slept(worker, free, self._at):
            # The controller had it done, once all was quiet: an update at the end of an epoch.
            return self._controller(task, worker, free)
        late = order.arrived[task] > free and order.slept(worker, free, self._at)
        if source == TOOK_NONE or (sent <= free and not late):
            self._gap(worker, free, source if source != TOOK_NONE else UNKNOWN)
            return previous
        self._gap(worker, max(free, min(order.arrived[task], self._at)), source)
        self._gap(worker, sent, source, self.ways)
        return self._controller(task, worker, free) if source == CONTROLLER else self._sender(task, source)

    def _controller(self, task: int, worker: int, free: int) -> int:
        """What the controller waited for before it sent; the worker had been free since ``free``."""
        other = self._order.of_completed(task, self._at)
        since = self._end(other)
        if since < self._at:
            self.held.extend((worker, max(free, since), self._at, since))
            self._at = since
        return other

    def _sender(self, task: int, source: int) -> int:
        """What the worker ``source`` did before it sent."""
        order = self._order
        other = order.of_worker(task, source, self._at)
        free = self._end(other)
        if order.slept(source, free, self._at):
            # Something came, and what it sent is no more than that, routed onwards.
            instance = order.instance[task]
            origin = order.of_instance(task, instance, self._at)
            came = min(order.admitted(instance), self._at)
            if came > max(self._end(origin), free):
                self._gap(source, came, CONTROLLER, self.passed)
                return self._controller(task, source, free)
            if self._end(origin) > free:
                self._gap(source, self._end(origin), order.worker[origin], self.passed)
                return origin
        self._gap(source, free)
        return other

    def _end(self, task: int) -> int:
        return self._order.end[task] if task != NONE else 0

    def _gap(self, worker: int, begin: int, source: int = UNKNOWN, kind: array[int] | None = None) -> None:
        if begin < self._at:
            (self.gaps if kind is None else kind).extend((worker, begin, self._at, source))
            self._at = begin

    def between(self, idle: Breakdown) -> Waits:
        """What lies between the tasks, by cause."""
        gaps, ways, passed, held = (_rows(found, 4) for found in (self.gaps, self.ways, self.passed, self.held))
        (own, under_way, through, _), why = _cut(idle, gaps, ways, passed, held)
        own[3][own[3] == BUSY] = MESSAGING
        own[5][:] = ~np.isin(own[3], (MESSAGING, MEMORY, LINK))
        # Whatever else the worker did or waited for before the message came; but taking it in is the worker's.
        under_way[3][under_way[3] != MESSAGING] = LINK
        through[3][:] = np.where(np.isin(through[3], (BUSY, MESSAGING)), MESSAGING, LINK)
        why[:, BUSY] = -1
        controller, unknown = (np.full(len(held), value) for value in (CONTROLLER, UNKNOWN))
        kept = [controller, held[:, 3], held[:, 2], why.argmax(axis=1), unknown, np.ones(len(held), np.bool_)]
        found = [np.concatenate(part) for part in zip(own, under_way, through, kept, strict=True)]
        # A worker may have nothing left to do in its segment; the run has, or this was not its path.
        found[3][found[3] == DRAINED] = SYNCHRONISATION
        order = np.argsort(found[1], kind="stable")
        return Waits(*_joined([column[order] for column in found]))


def _rows(numbers: array[int], width: int) -> Array:
    return np.asarray(numbers, np.int64).reshape(-1, width)


def _joined(columns: list[Array]) -> list[Array]:
    """Pieces that follow one another and differ in nothing are one."""
    worker, begin, end, *rest = columns
    if not len(begin):
        return columns
    new = np.ones(len(begin), np.bool_)
    new[1:] = begin[1:] != end[:-1]
    for column in (worker, *rest):
        new[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(begin)) - 1
    return [worker[first], begin[first], end[last], *(column[first] for column in rest)]


def _cut(idle: Breakdown, *several: Array) -> tuple[list[list[Array]], Array]:
    """Spans (worker, begin, end, source) cut where the cause changes, and ticks by cause of the last of ``several``.

    The columns of Waits for each of ``several``, nothing loose. All are cut at once, because each look at a large run
    takes its time.
    """
    spans = np.concatenate(several)
    base = spans[:, 0] * idle.total
    span, cause, begin, end = idle.pieces(base + spans[:, 1], base + spans[:, 2])
    columns = (spans[span, 0], begin - base[span], end - base[span], cause, spans[span, 3], np.zeros(len(span), bool))
    bounds = np.cumsum([0, *map(len, several)])
    which = np.searchsorted(bounds, span, "right") - 1
    found = [[column[which == number] for column in columns] for number in range(len(several))]
    ticks = np.zeros((len(several[-1]), len(CAUSES)), np.int64)
    last = which == len(several) - 1
    np.add.at(ticks, (span[last] - bounds[-2], cause[last]), (end - begin)[last])
    return found, ticks
