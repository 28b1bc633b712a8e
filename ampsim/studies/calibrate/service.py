"""How long tasks take: tables of the operations that were run, and a formula for kinds of which others will be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ampsim.engine.task import Part, operation
from ampsim.hw.cost import ANY, doublings, kind_of
from ampsim.result.schema import Array
from ampsim.studies.calibrate.fit import costs
from ampsim.studies.calibrate.observe import Observed

POINTS = 16  # numbers of rows in a table
SIZES = 4  # numbers of messages looked at for each
COLDEST = 0.3  # of a task's time, at most, for each doubling of what is held
LEVELS = 3  # amounts of memory that a worker holds, looked at for each of those
TRIMMED = 20  # one in so many of the shortest and of the longest tasks of a point does not count


class Sample(NamedTuple):
    """A task: its arithmetic, its messages, what its worker held beyond a cache (doublings), and its seconds."""

    parts: tuple[Part, ...]
    messages: int
    beyond: float
    seconds: float

    @property
    def rows(self) -> int:
        """Those of its first part."""
        return self.parts[0].rows


class Point:
    """Tasks of one operation, about equal in rows, messages and memory that is held."""

    def __init__(self, tasks: Sequence[Sample]) -> None:
        times = np.sort([task.seconds for task in tasks])
        cut = len(times) // TRIMMED
        self.seconds = float(times[cut : len(times) - cut].mean()) if cut else float(np.median(times))
        low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
        self.spread = float((high - low) / middle)
        self.rows = float(np.mean([task.rows for task in tasks]))
        self.messages = float(np.mean([task.messages for task in tasks]))
        self.beyond = float(np.mean([task.beyond for task in tasks]))
        self.count = len(tasks)
        self.work: dict[str, Array] = defaultdict(lambda: np.zeros(4))  # by kind: calls, rows, FLOP, bytes of a task
        for task in tasks:
            for part in task.parts:
                work = part.work
                self.work[kind_of(part.operation)] += np.array(
                    [1, part.rows, work.matmul, work.read + work.written]
                ) / len(tasks)


def points(runs: Sequence[Observed]) -> dict[str, list[Point]]:
    """By operation, in order of rows; from the runs with fewest workers that have it, where least disturbs it."""
    found: dict[str, list[Point]] = {}
    for workers in sorted({run.run.workers for run in runs}):
        here = _points([run for run in runs if run.run.workers == workers])
        found |= {name: group for name, group in here.items() if name not in found}
    return found


def _points(runs: Sequence[Observed]) -> dict[str, list[Point]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for run in runs:
        tasks, memory = run.run.tables["tasks"], run.run.tables["memory"]
        held = memory["caches"] + memory["deferred"] + memory["queues"]
        columns = (tasks["messages"].tolist(), [doublings(n) for n in held.tolist()], run.seconds.tolist())
        samples = [Sample(*task) for task in zip(run.parts, *columns, strict=True)]
        for sample, steady in zip(samples, run.steady.tolist(), strict=True):
            if steady and sample.parts and sample.rows:
                found[operation(sample.parts)].append(sample)
    return {name: _grouped(tasks) for name, tasks in sorted(found.items())}


def _grouped(tasks: list[Sample]) -> list[Point]:
    return [
        Point(few)
        for same_rows in _cut(tasks, POINTS, lambda task: task.rows)
        for alike in _cut(same_rows, SIZES, lambda task: task.messages)
        for few in _cut(alike, LEVELS, lambda task: task.beyond)
    ]


def _cut(tasks: list[Sample], parts: int, size: Callable[[Sample], float]) -> list[list[Sample]]:
    """Tasks of equal size together; or, of too many sizes, about equally many tasks."""
    tasks = sorted(tasks, key=size)
    sizes = np.array([size(task) for task in tasks])
    values = np.unique(sizes)
    if len(values) > parts:
        values = np.unique(sizes[np.linspace(0, len(sizes) - 1, parts + 1).astype(np.int64)][:-1])
    edges = [*np.searchsorted(sizes, values).tolist(), len(sizes)]
    return [tasks[low:high] for low, high in pairwise(edges) if high > low]


def tables(found: dict[str, list[Point]], known: dict[str, Any]) -> dict[str, Any]:
    """Plain values of ``Chips.measured``; ``known`` are the kernels.

    A plane through all points gives the cost of a message and of cold memory, and goes on beyond the rows seen.
    """
    return {name: _table(name, group, known) for name, group in found.items()}


def _table(name: str, group: list[Point], known: dict[str, Any]) -> dict[str, Any]:
    rows, messages, beyond, times, counts = (
        np.array([getattr(point, column) for point in group], np.float64)
        for column in ("rows", "messages", "beyond", "seconds", "count")
    )
    # What memory costs shows only where much more of it was held at one time than at another.
    seen = float(beyond.max() - beyond.min()) >= 1
    features = np.column_stack([np.ones(len(rows)), rows, messages, rows * beyond * seen])
    # A point counts as much as its tasks took in all.
    fixed, row, message, cold = costs(features, times, np.sqrt(times / counts)).tolist()
    cold = min(cold, COLDEST * float(np.median(times / rows)))
    left = np.maximum(times - message * messages - cold * rows * beyond, 0.2 * times)
    by_rows: dict[int, float] = {}
    for value in np.unique(rows.round()).tolist():
        here = rows.round() == value
        by_rows[int(value)] = float(np.average(left[here], weights=counts[here]))
    if len(by_rows) == 1:  # no line goes through one point: what its kinds cost at least, whatever the rows
        (only,) = by_rows
        kinds = [known[kind_of(part)]["fixed"] for part in name.split(" + ")]
        fixed = min(sum(kinds), by_rows[only])
        row = (by_rows[only] - fixed) / only
    least, most = min(by_rows), max(by_rows)
    for far, near in ((max(least // 8, 1), least), (most * 8, most)):
        if far not in by_rows and fixed + row * near > 0:
            by_rows[far] = by_rows[near] * (fixed + row * far) / (fixed + row * near)
    numbers = sorted(by_rows)
    return {"rows": numbers, "seconds": [by_rows[number] for number in numbers], "message": message, "cold": cold}


def kernels(found: dict[str, list[Point]]) -> dict[str, Any]:
    """Plain values of ``Chips.kernels``: what a call and a row of each kind cost, and a FLOP, a byte, a message of all.

    So a kind that was seen with few columns only still says something about many. A kind that was not seen at all is
    taken for one of the middle.
    """
    every = [point for group in found.values() for point in group]
    kinds = sorted({kind for point in every for kind in point.work})
    works = np.array([[point.work.get(kind, np.zeros(4)) for kind in kinds] for point in every])
    times, counts, messages = (
        np.array([getattr(point, name) for point in every], np.float64) for name in ("seconds", "count", "messages")
    )
    shared = np.column_stack([works[:, :, 2:].sum(axis=1), messages])
    features = np.column_stack([works[:, :, :2].reshape(len(every), -1), shared])
    *own, flop, byte, message = costs(features, times, times / np.log1p(counts)).tolist()
    rates = {"message": message} | ({"matmul": min(1 / flop, 1e21)} if flop else {})
    rates |= {"bandwidth": min(1 / byte, 1e18)} if byte else {}
    pairs = np.reshape(own, (-1, 2))
    kernels = {kind: {"fixed": fixed, "row": row} for kind, (fixed, row) in zip(kinds, pairs.tolist(), strict=True)}
    kernels[ANY] = {"fixed": float(np.median(pairs[:, 0])), "row": float(np.median(pairs[:, 1]))}
    return {kind: kernel | rates for kind, kernel in kernels.items()}
