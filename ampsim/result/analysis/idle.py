"""What every worker did with its time, and why it was idle when it was: one rule for every backend.

    task         busy                       |  tables tasks and waits say which; a worker that is in neither receives,
    wait         one of six causes          |  chooses or sends: messaging
    in neither   messaging                  |

:mod:`ampsim.result.analysis.waiting` finds the cause of a wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ampsim.result.analysis.causes import BUSY, CAUSES, MESSAGING
from ampsim.result.analysis.waiting import Tasks, Waits, explained
from ampsim.result.schema import Array, Table

__all__ = ["BUSY", "CAUSES", "Breakdown", "breakdown"]


@dataclass(frozen=True)
class Breakdown:
    """Time of each worker by cause, in whole ticks, so that the parts of a worker add up to its time exactly.

    ``horizon`` (s) is the makespan, or the end of the last task if that is later; it has ``total`` ticks. Worker w
    owns the ticks from ``w * total``. ``parts`` holds for each cause the begins and lengths of its intervals,
    disjoint and in order. Without a clock ``horizon`` is 0 and all shares are 0.
    """

    workers: int
    horizon: float
    total: int
    parts: tuple[tuple[Array, Array], ...]

    @cached_property
    def ticks(self) -> Array:
        """int64 (workers, causes)."""
        return self._between([0, self.total])[:, :, 0]

    @property
    def shares(self) -> Array:
        """float64 (workers, causes); each row adds up to exactly 1, because ``total`` is a power of two."""
        shares: Array = self.ticks / max(self.total, 1)
        return shares

    @property
    def seconds(self) -> Array:
        """float64 (workers, causes)."""
        return self.shares * self.horizon

    @property
    def utilization(self) -> Array:
        """float64 (workers): busy time over the horizon."""
        busy: Array = self.shares[:, BUSY]
        return busy

    def over_time(self, bins: int) -> tuple[Array, Array]:
        """Edges (bins + 1, in s), and shares of each bin: float64 (workers, causes, bins)."""
        edges = [self.total * i // bins for i in range(bins + 1)]
        widths = np.maximum(np.diff(np.asarray(edges, np.int64)), 1)
        return np.linspace(0.0, self.horizon, bins + 1), self._between(edges) / widths

    def within(self, points: Array) -> Array:
        """Ticks by cause between neighbours of each row of ``points`` (n, m), ticks that workers own, in order.

        int64 (n, causes, m - 1).
        """
        return np.stack([np.diff(_covered(*part, points), axis=1) for part in self.parts], axis=1)

    def pieces(self, begin: Array, end: Array) -> tuple[Array, Array, Array, Array]:
        """Spans from ``begin`` to ``end``, ticks that workers own, cut where the cause changes; in any order.

        Number of the span, cause, begin and end of each piece; the pieces of a span add up to it.
        """
        found = []
        for cause, (begins, lengths) in enumerate(self.parts):
            first = np.searchsorted(begins + lengths, begin, "right")
            count = np.maximum(np.searchsorted(begins, end, "left") - first, 0)
            span = np.repeat(np.arange(len(begin)), count)
            part = np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(span))
            left = np.maximum(begins[part], begin[span])
            right = np.minimum(begins[part] + lengths[part], end[span])
            some = right > left
            found.append((span[some], np.full(int(some.sum()), cause), left[some], right[some]))
        span, causes, left, right = (np.concatenate(column) for column in zip(*found, strict=True))
        return span, causes, left, right

    def _between(self, edges: list[int]) -> Array:
        """Ticks of each worker and cause between neighbours of ``edges``."""
        return self.within(np.arange(self.workers, dtype=np.int64)[:, None] * self.total + np.asarray(edges, np.int64))


def _covered(begins: Array, lengths: Array, points: Array) -> Array:
    """Ticks of the intervals that lie before each of ``points``."""
    if not len(begins):
        return np.zeros_like(points)
    before: Array = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    place = np.maximum(np.searchsorted(begins, points, "right") - 1, 0)
    inside: Array = np.clip(points - begins[place], 0, lengths[place])
    return before[place] + inside


def breakdown(tables: Mapping[str, Table], workers: int, makespan: float = 0.0) -> Breakdown:
    """The time of ``workers`` workers by cause.

    Time of overlapping tasks counts once, and what of a wait lies in a task is that of the task.
    """
    horizon = max(makespan, float(tables["tasks"]["end"].max(initial=0.0)))
    if horizon <= 0:
        none = np.zeros(0, np.int64)
        return Breakdown(workers, 0.0, 0, ((none, none),) * len(CAUSES))
    total = 1 << min(52, 61 - workers.bit_length())

    def ticks(seconds: Array) -> Array:
        return np.rint(np.clip(seconds / horizon, 0.0, 1.0) * total).astype(np.int64)

    row, base, begin, end = _in_order(tables["tasks"], ticks, total)
    end = np.maximum.accumulate(end)
    begin = np.clip(begin, np.maximum(_before(end), base), end)
    causes = [(np.full(len(row), BUSY), begin, end), _waits(tables, ticks, total, (row, base, begin, end))]
    return Breakdown(workers, horizon, total, _parts(causes, workers * total))


Rows = tuple[Array, Array, Array, Array]
"""Of tasks or waits by worker and time: row in the table, first tick of the worker, begin and end (owned ticks)."""


def _in_order(table: Table, ticks: Callable[[Array], Array], total: int) -> Rows:
    row = np.lexsort((table["end"], table["start"], table["worker"]))
    base = table["worker"][row].astype(np.int64) * total
    return row, base, base + ticks(table["start"][row]), base + ticks(table["end"][row])


def _before(ends: Array) -> Array:
    """The latest of the ends before each."""
    return np.concatenate(([0], np.maximum.accumulate(ends)[:-1]))[: len(ends)]


def _waits(
    tables: Mapping[str, Table], ticks: Callable[[Array], Array], total: int, tasks: Rows
) -> tuple[Array, Array, Array]:
    """Cause, begin and end of all pieces of waits that lie outside tasks."""
    row, base, begin, end = _in_order(tables["waits"], ticks, total)
    task_row, task_base, task_begin, task_end = tasks
    count = len(task_row)
    place = np.searchsorted(task_begin, begin, "right")
    begin = np.maximum(begin, np.append(task_end, 0)[place - 1])
    end = np.minimum(end, np.append(task_begin, np.iinfo(np.int64).max)[place])
    begin = np.maximum(begin, _before(end))
    end = np.maximum(begin, end)
    following = np.where(np.append(task_base, -1)[place] == base, place, count)
    pieces = explained(
        tables,
        Tasks(task_row, task_base // total, task_begin - task_base),
        Waits(row, begin - base, end - base, following),
        ticks,
    )
    return pieces.cause, base[pieces.wait] + pieces.begin, base[pieces.wait] + pieces.end


def _parts(found: list[tuple[Array, Array, Array]], total: int) -> tuple[tuple[Array, Array], ...]:
    """Begins and lengths by cause, of disjoint (cause, begin, end); what is left of ``total`` is messaging."""
    cause, begin, end = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = (end > begin) & (cause != MESSAGING)
    order = np.flatnonzero(kept)[np.argsort(begin[kept], kind="stable")]
    cause, begin, end = cause[order], begin[order], end[order]
    parts = [(begin[cause == number], (end - begin)[cause == number]) for number in range(len(CAUSES))]
    free = np.concatenate(([0], end))
    parts[MESSAGING] = (free, np.append(begin, total) - free)
    return tuple(parts)
