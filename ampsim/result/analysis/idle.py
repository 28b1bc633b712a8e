"""What every worker did with its time, and why it was idle when it was.

The gap before a task is split at the moments of the message that came last of those the task took:

    end of task before      sent               arrived            start of the task
    |---- waiting for input --|-- communication --|---- overhead ----|

Moments outside the gap are moved to its nearer end. If that message admitted an instance, the wait for it is called
admission. A task that takes no message (an update) has overhead before it. What comes after the last task is drained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ampsim.result.schema import ADMISSION, Array, Table

CAUSES = ("busy", "waiting for input", "communication", "admission", "overhead", "drained")
BUSY = 0


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
        return self._within([0, self.total])[:, :, 0]

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
        return np.linspace(0.0, self.horizon, bins + 1), self._within(edges) / widths

    def _within(self, edges: list[int]) -> Array:
        """Ticks of each worker and cause between neighbours of ``edges``."""
        points = np.arange(self.workers, dtype=np.int64)[:, None] * self.total + np.asarray(edges, np.int64)
        covered = [np.diff(_covered(*part, points), axis=1) for part in self.parts]
        return np.stack(covered, axis=1)


def _covered(begins: Array, lengths: Array, points: Array) -> Array:
    """Ticks of the intervals that lie before each of ``points``."""
    if not len(begins):
        return np.zeros_like(points)
    before: Array = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    place = np.maximum(np.searchsorted(begins, points, "right") - 1, 0)
    inside: Array = np.clip(points - begins[place], 0, lengths[place])
    return before[place] + inside


def breakdown(tables: Mapping[str, Table], workers: int, makespan: float = 0.0) -> Breakdown:
    """The time of ``workers`` workers by cause. Time of overlapping tasks counts once."""
    tasks = tables["tasks"]
    horizon = max(makespan, float(tasks["end"].max(initial=0.0)))
    if horizon <= 0:
        none = np.zeros(0, np.int64)
        return Breakdown(workers, 0.0, 0, ((none, none),) * len(CAUSES))
    total = 1 << min(52, 61 - workers.bit_length())

    def ticks(seconds: Array) -> Array:
        return np.rint(np.clip(seconds / horizon, 0.0, 1.0) * total).astype(np.int64)

    order = np.lexsort((tasks["end"], tasks["start"], tasks["worker"]))
    base = tasks["worker"][order].astype(np.int64) * total
    end = np.maximum.accumulate(ticks(tasks["end"])[order] + base)
    free = np.maximum(np.concatenate(([0], end[:-1]))[: len(end)], base)
    start = np.clip(ticks(tasks["start"])[order] + base, free, end)
    sent, arrived, admits = (column[order] for column in latest(tables))
    known = ~np.isnan(arrived)
    sent = np.where(known, ticks(np.nan_to_num(sent)) + base, free)
    arrived = np.where(known, ticks(np.nan_to_num(arrived)) + base, free)
    sent = np.clip(sent, free, start)
    arrived = np.clip(arrived, sent, start)
    waited = sent - free
    last = np.arange(workers, dtype=np.int64) * total
    np.maximum.at(last, tasks["worker"][order], end)
    return Breakdown(
        workers,
        horizon,
        total,
        (
            (start, end - start),
            (free, np.where(admits, 0, waited)),
            (sent, arrived - sent),
            (free, np.where(admits, waited, 0)),
            (arrived, start - arrived),
            (last, (np.arange(workers) + 1) * total - last),
        ),
    )


def latest(tables: Mapping[str, Table]) -> tuple[Array, Array, Array]:
    """Of each task, when its last message was sent and arrived (s; NaN: it took none), and whether that admitted.

    Of several that arrived at one time, the one sent last counts.
    """
    messages = tables["messages"]
    count = len(tables["tasks"]["kind"])
    order = np.lexsort((messages["sent"], messages["arrived"], messages["task"]))
    task = messages["task"][order]
    last = order[np.append(task[1:] != task[:-1], True)] if len(order) else order
    sent, arrived = np.full(count, np.nan), np.full(count, np.nan)
    admits = np.zeros(count, np.bool_)
    sent[messages["task"][last]] = messages["sent"][last]
    arrived[messages["task"][last]] = messages["arrived"][last]
    admits[messages["task"][last]] = messages["edge"][last] == ADMISSION
    return sent, arrived, admits
