"""Segments of a run: instances that the controller lets in one after the other, before it waits for all of them.

first admission          last admission          last completion          first admission of the next
      |------- admitting -------|------ draining -------|------- quiet -------|---
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ampsim.result.schema import ADMISSION, KINDS, Array, Table
from ampsim.result.table import chunks

QUIET, ADMITTING, DRAINING = range(3)
_SYNC = KINDS.index("sync")


def segments(tables: Mapping[str, Table]) -> Array:
    """Of each segment the first admission, the last admission and the last completion: float64 (segments, 3), in s.

    A segment has instances of one epoch, all in training or all in validation; and one ends wherever copies of nodes
    were made equal. The moments are in order of time; the first of all is 0.
    """
    instances = tables["instances"]
    if not len(instances["instance"]):
        return np.asarray([[0.0, np.inf, np.inf]])
    order = np.argsort(instances["instance"], kind="stable")
    number, epoch, training = (instances[name][order] for name in ("instance", "epoch", "training"))
    after = np.isin(number[:-1], _synchronised(tables))
    cuts = np.flatnonzero((epoch[1:] != epoch[:-1]) | (training[1:] != training[:-1]) | after) + 1
    first = np.concatenate(([0], cuts))
    admitted, completed = instances["admitted"][order], instances["completed"][order]
    moments = np.column_stack(
        [
            np.minimum.reduceat(admitted, first),
            np.maximum.reduceat(admitted, first),
            np.maximum.reduceat(completed, first),
        ]
    )
    moments[0, 0] = 0.0
    found: Array = np.maximum.accumulate(moments.ravel()).reshape(-1, 3)
    return found


def _synchronised(tables: Mapping[str, Table]) -> Array:
    """Instances behind which the controller had copies made equal."""
    found = [np.zeros(0, np.int64)]
    kinds = tables["tasks"]["kind"]
    if not (kinds == _SYNC).any():
        return found[0]
    for edge, task, state in chunks(tables["messages"], "edge", "task", "state"):
        admits = np.flatnonzero(edge == ADMISSION)
        found.append(state[admits[kinds[task[admits]] == _SYNC], 0])
    return np.unique(np.concatenate(found))


def phases(points: Array, moments: Array) -> tuple[Array, Array]:
    """Of each of ``moments`` the phase (QUIET, ADMITTING, DRAINING) and the number of the segment, or of the last one.

    ``points`` are the moments of :func:`segments` in one row, in the unit of ``moments``.
    """
    place = np.searchsorted(points, moments, "right")
    return place % 3, (place - 1) // 3
