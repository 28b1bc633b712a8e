"""Bytes in use at each worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ampsim.result.analysis.groups import Groups
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
    each = Groups.of_workers(table, workers)
    levels, peak = [], np.zeros((workers, len(PARTS)), np.int64)
    for worker in range(workers):
        time, *parts = each.take(worker, "time", *DYNAMIC)
        sums, base = np.sum(parts, axis=0), int(fixed[worker].sum())
        # The static parts are there from the beginning, before the first sample.
        levels.append(Steps.sampled(np.append(0.0, time), np.append(base, sums + base)))
        place = int(np.argmax(sums)) if len(sums) else 0
        peak[worker] = *fixed[worker], *(part[place] if len(sums) else 0 for part in parts)
    return Memory(levels, peak)
