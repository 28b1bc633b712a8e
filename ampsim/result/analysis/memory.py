"""Bytes in use at each worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Array, Table

STATIC = ("parameters", "gradients", "optimizer")
DYNAMIC = ("caches", "deferred", "queues", "outbox")
PARTS = (*STATIC, *DYNAMIC)


@dataclass(frozen=True)
class Memory:
    """``levels[w]`` is everything worker w holds over time, static parts included.

    ``peak`` (int64, workers x parts) is what each of :data:`PARTS` held at the moment when the worker held most.
    """

    levels: list[Steps]
    peak: Array


@dataclass(frozen=True)
class Store:
    """A memory that some ``workers`` share: its ``name``, ``capacity`` (B; None: no limit known), level over time."""

    name: str
    workers: tuple[int, ...]
    capacity: int | None
    level: Steps


def stores(found: Memory, summary: Mapping[str, Any]) -> list[Store]:
    """The memories of chips, whose units share one; or of workers, where there are no chips."""
    names, capacity = summary["worker_names"], summary["capacity"]
    chips = summary.get("chips") or [
        {"name": names[worker], "workers": [worker], "capacity": capacity[worker]} for worker in range(len(names))
    ]
    return [
        Store(
            str(chip["name"]),
            tuple(chip["workers"]),
            chip["capacity"],
            together([found.levels[worker] for worker in chip["workers"]]),
        )
        for chip in chips
    ]


def together(levels: Sequence[Steps]) -> Steps:
    """The sum of several levels over time."""
    if len(levels) == 1:
        return levels[0]
    times = np.concatenate([level.times for level in levels])
    change = np.concatenate([np.diff(level.levels, prepend=0) for level in levels])
    order = np.argsort(times, kind="stable")
    return Steps.sampled(times[order], np.cumsum(change[order]))


def memory(tables: Mapping[str, Table], workers: int, static: Sequence[Mapping[str, Any]]) -> Memory:
    """Levels and peaks; ``static`` gives the bytes of the static parts of each worker."""
    table = tables["memory"]
    fixed = np.zeros((workers, len(STATIC)), np.int64)
    for worker, sizes in enumerate(static[:workers]):
        fixed[worker] = [int(sizes.get(name, 0)) for name in STATIC]
    parts = np.column_stack([table[name] for name in DYNAMIC])
    order = np.argsort(table["worker"], kind="stable")
    bounds = np.searchsorted(table["worker"][order], np.arange(workers + 1))
    levels, peak = [], np.zeros((workers, len(PARTS)), np.int64)
    for worker in range(workers):
        mine = order[bounds[worker] : bounds[worker + 1]]
        sums = parts[mine].sum(axis=1)
        base = int(fixed[worker].sum())
        # The static parts are there from the beginning, before the first sample.
        times = np.concatenate(([0.0], table["time"][mine]))
        levels.append(Steps.sampled(times, np.concatenate(([base], sums + base))))
        highest = parts[mine[int(np.argmax(sums))]] if len(mine) else np.zeros(len(DYNAMIC), np.int64)
        peak[worker] = np.concatenate((fixed[worker], highest))
    return Memory(levels, peak)
