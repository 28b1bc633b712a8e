"""What every worker did with its time, and why it was idle when it was: one rule for every backend.

    task         busy                       |  tables tasks and waits say which; a worker that is in neither receives,
    wait         one of six causes          |  chooses or sends: messaging
    in neither   messaging                  |

:mod:`ampsim.result.analysis.waiting` finds the cause of a wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ampsim.result.analysis.causes import BUSY, CAUSES, MESSAGING
from ampsim.result.analysis.groups import Groups
from ampsim.result.analysis.segments import segments
from ampsim.result.analysis.waiting import Tasks, Waits, explained
from ampsim.result.schema import KINDS, Array, Table
from ampsim.result.table import chunks, rows

__all__ = ["BUSY", "CAUSES", "Breakdown", "breakdown"]


_UPDATE = KINDS.index("update")

BINS = 240
"""Bins of time that are added up together with the whole, because reports show so many."""

KEPT = 1 << 20
"""Rows of tasks and waits up to which intervals are kept; those of longer runs are found again when asked for."""

TOGETHER = 1 << 18
"""Tasks of a worker that are looked at together, where they and its waits stand in order of time."""

Parts = tuple[tuple[Array, Array], ...]
"""Of each cause the begins and lengths of its intervals, disjoint and in order."""


@dataclass(frozen=True)
class Breakdown:
    """Time of each worker by cause, in whole ticks, so that the parts of a worker add up to its time exactly.

    ``horizon`` (s) is the makespan, or the end of the last task if that is later; it has ``total`` ticks. Worker w
    owns the ticks from ``w * total``. ``of_worker`` finds the intervals of a worker, in ticks from the start of the
    run, one stretch of time after the other, so that no more than one has to fit into memory. Without a clock
    ``horizon`` is 0 and all shares are 0.
    """

    workers: int
    horizon: float
    total: int
    of_worker: Callable[[int], Iterable[Parts]]

    @property
    def parts(self) -> Parts:
        """The intervals of all workers at once, each in the ticks that its worker owns."""
        none = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        found = [[none] for _ in CAUSES]
        for worker in self._all:
            for parts in self.of_worker(worker):
                for cause, (begins, lengths) in enumerate(parts):
                    found[cause].append((begins + worker * self.total, lengths))
        return tuple((np.concatenate([b for b, _ in each]), np.concatenate([n for _, n in each])) for each in found)

    @cached_property
    def ticks(self) -> Array:
        """int64 (workers, causes)."""
        found: Array = self._bins.sum(axis=2)
        return found

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
        ticks = self._bins if bins == BINS else self._between(bins)
        widths = np.maximum(np.diff(self._edges(bins)), 1)
        return np.linspace(0.0, self.horizon, bins + 1), ticks / widths

    def within(self, points: Array) -> Array:
        """Ticks by cause between neighbours of each row of ``points`` (n, m), ticks that one worker owns, in order.

        int64 (n, causes, m - 1).
        """
        found = np.zeros((len(points), len(CAUSES), points.shape[1] - 1), np.int64)
        for worker, mine in self._owned(points[:, 0]):
            inside = points[mine] - worker * self.total
            for parts in self.of_worker(worker):
                for cause, part in enumerate(parts):
                    found[mine, cause] += np.diff(_covered(*part, inside), axis=1)
        return found

    def pieces(self, begin: Array, end: Array) -> tuple[Array, Array, Array, Array]:
        """Spans from ``begin`` to ``end``, ticks that one worker owns, cut where the cause changes; in any order.

        Number of the span, cause, begin and end of each piece; the pieces of a span add up to it.
        """
        found = [(np.zeros(0, np.int64),) * 4]
        for worker, mine in self._owned(begin):
            base = worker * self.total
            for parts in self.of_worker(worker):
                for cause, part in enumerate(parts):
                    span, left, right = _overlaps(*part, begin[mine] - base, end[mine] - base)
                    found.append((mine[span], np.full(len(span), cause), left + base, right + base))
        span, causes, left, right = (np.concatenate(column) for column in zip(*found, strict=True))
        return span, causes, left, right

    @property
    def _all(self) -> range:
        return range(self.workers if self.total else 0)

    @cached_property
    def _bins(self) -> Array:
        return self._between(BINS)

    def _edges(self, bins: int) -> Array:
        return np.asarray([self.total * i // bins for i in range(bins + 1)], np.int64)

    def _between(self, bins: int) -> Array:
        """Ticks of each worker and cause in each of so many bins."""
        found = np.zeros((self.workers, len(CAUSES), bins), np.int64)
        for worker in self._all:
            for parts in self.of_worker(worker):
                for cause, part in enumerate(parts):
                    found[worker, cause] += np.diff(_covered(*part, self._edges(bins)))
        return found

    def _owned(self, ticks: Array) -> Iterator[tuple[int, Array]]:
        """Workers that own any of ``ticks``, and the places of those."""
        owner = np.minimum(ticks // max(self.total, 1), self.workers - 1)
        for worker in np.unique(owner).tolist():
            yield worker, np.flatnonzero(owner == worker)


def _covered(begins: Array, lengths: Array, points: Array) -> Array:
    """Ticks of the intervals that lie before each of ``points``."""
    if not len(begins):
        return np.zeros_like(points)
    before: Array = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    place = np.maximum(np.searchsorted(begins, points, "right") - 1, 0)
    inside: Array = np.clip(points - begins[place], 0, lengths[place])
    return before[place] + inside


def _overlaps(begins: Array, lengths: Array, begin: Array, end: Array) -> tuple[Array, Array, Array]:
    """What of spans lies in the intervals: number of the span, begin and end of each piece."""
    first = np.searchsorted(begins + lengths, begin, "right")
    count = np.maximum(np.searchsorted(begins, end, "left") - first, 0)
    span = np.repeat(np.arange(len(begin)), count)
    place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(len(span))
    left = np.maximum(begins[place], begin[span])
    right = np.minimum(begins[place] + lengths[place], end[span])
    some = right > left
    return span[some], left[some], right[some]


def breakdown(tables: Mapping[str, Table], workers: int, makespan: float = 0.0) -> Breakdown:
    """The time of ``workers`` workers by cause.

    Time of overlapping tasks counts once, and what of a wait lies in a task is that of the task.
    """
    last = (float(end.max()) for (end,) in chunks(tables["tasks"], "end"))
    horizon = max(makespan, max(last, default=0.0))
    if horizon <= 0:
        none = np.zeros(0, np.int64)
        return Breakdown(workers, 0.0, 0, lambda _: [((none, none),) * len(CAUSES)])
    total = 1 << min(52, 61 - workers.bit_length())
    find = _Worker(tables, workers, horizon, total)
    kept = rows(tables["tasks"]) + rows(tables["waits"]) <= KEPT
    return Breakdown(workers, horizon, total, cache(lambda worker: list(find(worker))) if kept else find)


class _Worker:
    """Finds the intervals of one worker after the other."""

    def __init__(self, tables: Mapping[str, Table], workers: int, horizon: float, total: int) -> None:
        self._horizon, self._total = horizon, total
        self._tasks, self._waits, self._updates = (
            Groups.of_workers(tables[name], workers) for name in ("tasks", "waits", "updates")
        )
        self._messages = Groups.taken(tables, self._tasks)
        self._shared = {name: tables[name] for name in ("instances", "overflow")}
        self._points = self._ticks(segments(tables)).ravel()

    def _ticks(self, seconds: Array) -> Array:
        found: Array = np.rint(np.clip(seconds / self._horizon, 0.0, 1.0) * self._total).astype(np.int64)
        return found

    def __call__(self, worker: int) -> Iterator[Parts]:
        kind, start, end = self._tasks.take(worker, "kind", "start", "end")
        begin, end = self._ticks(start), self._ticks(end)
        (wait,) = (self._ticks(column) for column in self._waits.take(worker, "start"))
        (message,) = self._messages.take(worker, "task")
        message = self._tasks.places(worker, message)
        count, cuts, updates = len(kind), [0, len(kind)], np.cumsum(kind == _UPDATE, dtype=np.int32)
        known = count and updates[-1] == len(self._updates.rows(worker))
        # As backends write them: one task after the other.
        in_turn = (end >= begin).all() and (begin[1:] >= end[:-1]).all()
        if in_turn and _ascending(wait) and _ascending(message):
            cuts = [*range(0, max(count, 1), TOGETHER), count]
        for first, last in pairwise(cuts):
            # Behind the last task stands the next one that is work on an instance, before the first one its neighbour.
            following = np.flatnonzero(kind[last:] < _UPDATE)
            low, high = max(first - 1, 0), last + int(following[0]) + 1 if len(following) else count
            behind, ahead = (int(updates[place - 1]) if place and known else 0 for place in (low, high))
            waits = np.searchsorted(
                wait, [begin[first - 1] if first else 0, begin[last - 1] if last < count else 1 << 62]
            )
            taken = np.searchsorted(message, [low, high]) if len(cuts) > 2 else [0, len(message)]
            own = self._own(worker, slice(low, high), slice(*waits), slice(*taken), slice(behind, ahead))
            own["messages"]["task"] = message[slice(*taken)] - low  # tasks are numbered anew
            stretch = int(end[first - 1]) if first else 0, int(end[last - 1]) if last < count else self._total
            yield self._stretch(own, slice(first - low, last - low), stretch)

    def _own(self, worker: int, tasks: slice, waits: slice, messages: slice, updates: slice) -> dict[str, Table]:
        """Tables of a stretch of a worker."""
        return {
            **self._shared,
            "tasks": self._tasks.table(worker, ("kind", "start", "end"), tasks),
            "waits": self._waits.table(worker, ("kind", "start", "end"), waits),
            "updates": self._updates.table(worker, ("instance",), updates),
            "messages": self._messages.table(worker, ("edge", "state", "sent", "arrived"), messages),
        }

    def _stretch(self, own: Mapping[str, Table], inside: slice, stretch: tuple[int, int]) -> Parts:
        """Intervals of the tasks ``inside`` a stretch of time (ticks), and of what lies between them."""
        row, begin, end = _in_order(own["tasks"], self._ticks)
        end = np.maximum.accumulate(end)
        begin = np.clip(begin, np.maximum(_before(end), 0), end)
        busy = np.full(len(row), BUSY)[inside], begin[inside], end[inside]
        return _parts([busy, self._explained(own, Rows(row, begin, end))], *stretch)

    def _explained(self, own: Mapping[str, Table], tasks: Rows) -> tuple[Array, Array, Array]:
        """Cause, begin and end of all pieces of waits that lie outside tasks."""
        row, begin, end = _in_order(own["waits"], self._ticks)
        following = np.searchsorted(tasks.begin, begin, "right")
        begin = np.maximum(begin, np.append(tasks.end, 0)[following - 1])
        end = np.minimum(end, np.append(tasks.begin, np.iinfo(np.int64).max)[following])
        begin = np.maximum(begin, _before(end))
        end = np.maximum(begin, end)
        pieces = explained(own, Tasks(tasks.row, tasks.begin), Waits(row, begin, end, following),
                           self._points, self._ticks)  # fmt: skip
        return pieces.cause, pieces.begin, pieces.end


class Rows(NamedTuple):
    """Of tasks or waits of a worker, by time: row in the table, begin and end (ticks from the start of the run)."""

    row: Array
    begin: Array
    end: Array


def _in_order(table: Table, ticks: Callable[[Array], Array]) -> Rows:
    row = np.lexsort((table["end"], table["start"]))
    return Rows(row, ticks(table["start"][row]), ticks(table["end"][row]))


def _before(ends: Array) -> Array:
    """The latest of the ends before each."""
    return np.concatenate(([0], np.maximum.accumulate(ends)[:-1]))[: len(ends)]


def _ascending(values: Array) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _parts(found: list[tuple[Array, Array, Array]], first: int, last: int) -> Parts:
    """Begins and lengths by cause, of disjoint (cause, begin, end); what is left of the stretch is messaging."""
    cause, begin, end = (np.concatenate(column) for column in zip(*found, strict=True))
    kept = (end > begin) & (cause != MESSAGING)
    order = np.flatnonzero(kept)[np.argsort(begin[kept], kind="stable")]
    cause, begin, end = cause[order], begin[order], end[order]
    parts = [(begin[cause == number], (end - begin)[cause == number]) for number in range(len(CAUSES))]
    free = np.concatenate(([first], end))
    parts[MESSAGING] = (free, np.append(begin, last) - free)
    return tuple(parts)
