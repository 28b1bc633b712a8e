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
