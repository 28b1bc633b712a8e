"""Tasks on a grid of equal stretches of time: what a picture with few columns can honestly show of many tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ampsim.result.schema import Array, Table

BLOCK = 1 << 20
"""Tasks looked at together, and sums kept together: they bound the memory, however large the run."""


@dataclass(frozen=True)
class Cells:
    """What of each worker (first axis) and stretch (second axis) is kept.

    ``node`` is the one that took most of it (int64, -1: the worker was idle throughout), ``busy`` the share of it in
    tasks of any node (float64). ``seconds`` is the time of each node in all of them.
    """

    node: Array
    busy: Array
    seconds: Array


def cells(tasks: Table, workers: range, window: tuple[float, float], count: int, nodes: int) -> Cells:
    """The stretch of time ``window`` (s) in ``count`` equal cells, for a contiguous range of workers.

    ``nodes`` is the number of nodes of the graph. The shape of both grids is (workers, count). Of two nodes with equal
    time in a cell the first in the graph counts.
    """
    low, width = window[0], (window[1] - window[0]) / count
    present = np.flatnonzero(np.bincount(tasks["node"], minlength=nodes))
    place = np.zeros(nodes, np.int64)
    place[present] = np.arange(len(present))
    node = np.full((len(workers), count), -1, np.int64)
    busy = np.zeros((len(workers), count))
    seconds = np.zeros(nodes)
    order, bounds = _by_worker(tasks["worker"], workers)
    together = max(1, BLOCK // (count * max(len(present), 1)))
    for begin in range(0, len(workers) if len(present) else 0, together):
        end = min(begin + together, len(workers))
        shape = (end - begin, len(present), count)
        spent, change = np.zeros(shape), np.zeros((*shape[:2], count + 1), np.int64)
        for rows in _blocks(order, int(bounds[begin]), int(bounds[end])):
            start = np.clip((tasks["start"][rows] - low) / width, 0, count)
            stop = np.clip((tasks["end"][rows] - low) / width, 0, count)
            row = (tasks["worker"][rows] - workers[begin]) * np.int64(shape[1]) + place[tasks["node"][rows]]
            kept = stop > start
            _add(row[kept], start[kept], stop[kept], spent.reshape(-1, count), change.reshape(-1, count + 1))
        spent += np.cumsum(change, axis=2)[:, :, :-1]
        total = spent.sum(axis=1)
        busy[begin:end] = np.minimum(total, 1.0)
        node[begin:end] = np.where(total > 0, present[spent.argmax(axis=1)], -1)
        seconds[present] += spent.sum(axis=(0, 2)) * width
    return Cells(node, busy, seconds)


def _by_worker(worker: Array, workers: range) -> tuple[Array | None, Array]:
    """An order of the rows by worker, None if they stand in one already, and where in it each worker begins."""
    order = None if bool((worker[1:] >= worker[:-1]).all()) else np.argsort(worker, kind="stable")
    points = np.arange(workers.start, workers.stop + 1)
    return order, np.searchsorted(worker if order is None else worker[order], points)


def _blocks(order: Array | None, first: int, last: int) -> Iterator[Array | slice]:
    for begin in range(first, last, BLOCK):
        end = min(begin + BLOCK, last)
        yield slice(begin, end) if order is None else order[begin:end]


def _add(row: Array, start: Array, stop: Array, spent: Array, change: Array) -> None:
    """Add intervals (in cells) to ``spent``, and the whole cells between their ends to ``change``.

    So a task costs the same however long it is.
    """
    cells = spent.shape[1]
    first = np.minimum(start.astype(np.int64), cells - 1)
    last = np.minimum(np.ceil(stop).astype(np.int64) - 1, cells - 1)
    last = np.maximum(last, first)
    several = last > first
    spent += _sums(row * cells + first, np.where(several, first + 1, stop) - start, spent)
    row, first, last, stop = row[several], first[several], last[several], stop[several]
    spent += _sums(row * cells + last, stop - last, spent)
    change += _sums(row * (cells + 1) + first + 1, None, change)
    change -= _sums(row * (cells + 1) + last, None, change)


def _sums(place: Array, weights: Array | None, like: Array) -> Array:
    found: Array = np.bincount(place, weights, like.size).reshape(like.shape)
    return found
