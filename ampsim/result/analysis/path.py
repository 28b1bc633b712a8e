"""The critical path of a run: the chain of tasks and of waits whose length is the makespan.

It is walked from the end of the run back to its beginning, from each task to what it had to wait for last:

    task  <-  the task before it on its worker             if the last message it took had been sent by then
          <-  the last task of the worker that sent it     if it was sent later
          <-  the last task of the instance completed last if the controller sent it: one that completes lets one in

What lies between two tasks of the path is split by the causes of :mod:`ampsim.result.analysis.idle`, on the worker that
waited. A shorter task on the path makes the run shorter, until another path is longer; one that is not on it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.analysis.causes import BUSY, CAUSES, MESSAGING
from ampsim.result.analysis.idle import Breakdown
from ampsim.result.analysis.order import NONE, TOOK_NONE, Order
from ampsim.result.schema import CONTROLLER, Array, Table


@dataclass(frozen=True)
class Path:
    """``tasks`` are rows of the table in order of time, ``lengths`` (ticks) how much of the makespan each stands for.

    ``waits`` (ticks) is what lies between them, by cause. Ticks are those of the Breakdown that the path was made
    with; lengths and waits add up to its ``total`` exactly.
    """

    tasks: Array
    lengths: Array
    waits: Array


def critical_path(tables: Mapping[str, Table], idle: Breakdown) -> Path:
    """The path of a run whose workers' time by cause is ``idle``. Empty where there is no clock, or no task."""
    if not idle.total or not len(tables["tasks"]["kind"]):
        none = np.zeros(0, np.int64)
        return Path(none, none, np.zeros(len(CAUSES), np.int64))
    walk = _Walk(Order(tables, idle), idle.total)
    tasks, lengths = np.asarray(walk.tasks, np.int64)[::-1].T
    return Path(tasks, lengths, walk.waits(idle))


class _Walk:
    """The way back from the end. ``tasks`` are (task, ticks), last one first.

    ``gaps`` are (worker, begin, end) of what lies between. ``held`` are (worker, begin, end, ticks): for so long the
    controller kept a message back, and what the worker did from ``begin`` to ``end`` tells why.
    """

    def __init__(self, order: Order, total: int) -> None:
        self.tasks: list[tuple[int, int]] = []
        self.gaps: list[tuple[int, int, int]] = []
        self.held: list[tuple[int, int, int, int]] = []
        self._order = order
        self._at = total  # all that comes after is accounted for
        task = order.last
        self._gap(order.worker[task], order.end[task])
        while task != NONE:
            began = min(order.start[task], self._at)
            self.tasks.append((task, self._at - began))
            self._at = began
            task = self._back(task)

    def _back(self, task: int) -> int:
        """What ``task`` had to wait for; the time between is accounted for."""
        order = self._order
        worker, source, sent = order.worker[task], order.source[task], order.sent[task]
        previous = order.before(task, worker, self._at)
        free = order.end[previous] if previous != NONE else 0
        if source == TOOK_NONE and order.slept(worker, free, self._at):
            # The controller had it done, once all was quiet: an update at the end of an epoch.
            source, sent = CONTROLLER, self._at
        if source == TOOK_NONE or sent <= free:
            self._gap(worker, free)
            return previous
        self._gap(worker, sent)
        if source != CONTROLLER:
            other = order.before(task, source, sent)
            self._gap(source, order.end[other] if other != NONE else 0)
            return other
        other = order.completed(task, sent)
        since = order.end[other] if other != NONE else 0
        if since < self._at:
            self.held.append((worker, max(free, since), self._at, self._at - since))
            self._at = since
        return other

    def _gap(self, worker: int, begin: int) -> None:
        if begin < self._at:
            self.gaps.append((worker, begin, self._at))
            self._at = begin

    def waits(self, idle: Breakdown) -> Array:
        """Ticks between the tasks by cause."""
        found: Array = _by_cause(idle, np.asarray(self.gaps, np.int64).reshape(-1, 3)).sum(axis=0)
        # What the sender of a message did in between, before it passed on what another worker had sent it.
        found[MESSAGING] += found[BUSY]
        found[BUSY] = 0
        held = np.asarray(self.held, np.int64).reshape(-1, 4)
        why = _by_cause(idle, held[:, :3])
        why[:, BUSY] = -1
        np.add.at(found, why.argmax(axis=1), held[:, 3])
        return found


def _by_cause(idle: Breakdown, spans: Array) -> Array:
    """Ticks of each cause within (worker, begin, end): int64 (spans, causes)."""
    found: Array = idle.within(spans[:, :1] * idle.total + spans[:, 1:])[:, :, 0]
    return found
