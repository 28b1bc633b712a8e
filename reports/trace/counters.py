"""Levels over time: memory and queue of each worker, instances in flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ampsim.reports.trace.blocks import Counters, Track, by_owner, nanoseconds
from ampsim.result.analysis.memory import DYNAMIC
from ampsim.result.analysis.queues import queue_lengths
from ampsim.result.analysis.steps import Steps
from ampsim.result.run import Run
from ampsim.result.schema import Array


@dataclass(frozen=True)
class Level:
    """``levels`` (int64, times x series) hold from ``time`` (ns, in order); before, ``before`` did."""

    name: str
    series: Sequence[str]
    time: Array
    levels: Array
    before: Sequence[int]
    bytes: bool


class Workers:
    """The levels of every worker, sorted once for all of them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._rows = by_owner(run.tables["memory"]["worker"], run.tables["memory"]["time"])
        self._off_chip = bool(run.tables["memory"]["off_chip"].any())
        self._queues = list(queue_lengths(run.tables, run.workers))

    def of(self, worker: int) -> list[Level]:
        """Memory by what it holds, what lies off chip if anything ever did, and messages that wait."""
        table = self._run.tables["memory"]
        rows = self._rows.get(worker, np.zeros(0, np.int64))
        time = nanoseconds(table["time"][rows])
        sizes = self._run.summary.get("static_memory") or []
        static = sum(int(size) for size in sizes[worker].values()) if worker < len(sizes) else 0
        held = np.column_stack([np.full(len(rows), static), *(table[part][rows] for part in DYNAMIC)])
        found = [Level("memory", ("static", *DYNAMIC), time, held, (static, *([0] * len(DYNAMIC))), bytes=True)]
        if self._off_chip:
            found.append(Level("off chip", ("bytes",), time, table["off_chip"][rows][:, None], (0,), bytes=True))
        return [*found, _steps("queue", "messages", self._queues[worker])]


def in_flight(run: Run) -> Level:
    """Instances that are admitted and not complete."""
    table = run.tables["instances"]
    return _steps("instances", "in flight", Steps.counting(table["admitted"], table["completed"]))


def _steps(title: str, series: str, steps: Steps) -> Level:
    return Level(title, (series,), nanoseconds(steps.times), steps.levels[:, None], (0,), bytes=False)


def block(track: Track, found: Level, low: int, high: int) -> Counters:
    """The level from ``low`` to ``high``, at its begin and wherever it changes; of one moment the last value counts."""
    time = np.concatenate(([min(0, int(found.time[0]) if len(found.time) else 0)], found.time))
    levels = np.vstack([np.asarray(found.before, np.int64)[None], found.levels.astype(np.int64)])
    time = np.maximum(time, low)
    kept = (time <= high) & np.append(time[1:] != time[:-1], True)
    time, levels = time[kept], levels[kept]
    changed = np.append(True, (levels[1:] != levels[:-1]).any(axis=1))[: len(time)]
    return Counters(track, found.series, time[changed], levels[changed], found.bytes)
