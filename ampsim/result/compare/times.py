"""Where the workers' time went in two runs: by cause, and by node."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ampsim.result.analysis.causes import CAUSES
from ampsim.result.analysis.idle import breakdown
from ampsim.result.run import Run
from ampsim.result.schema import KINDS


class CauseTime(NamedTuple):
    """Seconds of the mean worker by ``cause``, and their shares of the makespan; all causes add up to it.

    ``difference`` is a - b in seconds.
    """

    cause: str
    a: float
    b: float
    difference: float
    share_a: float
    share_b: float


class NodeTime(NamedTuple):
    """Tasks of one ``kind`` that begin at ``node``: how many, their mean service time (s), and the sum of all (s).

    ``difference`` is that of the sums, a - b. A mean is None where there are no such tasks.
    """

    node: str
    kind: str
    tasks_a: int
    tasks_b: int
    mean_a: float | None
    mean_b: float | None
    total_a: float
    total_b: float
    difference: float


def cause_times(a: Run, b: Run) -> list[CauseTime]:
    """One entry a cause. Without a clock all are 0."""
    (seconds_a, shares_a), (seconds_b, shares_b) = (_causes(run) for run in (a, b))
    columns = zip(CAUSES, seconds_a, seconds_b, shares_a, shares_b, strict=True)
    return [CauseTime(cause, x, y, x - y, share_x, share_y) for cause, x, y, share_x, share_y in columns]


def _causes(run: Run) -> tuple[list[float], list[float]]:
    found = breakdown(run.tables, run.workers, run.makespan)
    return found.seconds.mean(axis=0).tolist(), found.shares.mean(axis=0).tolist()


def node_times(a: Run, b: Run) -> list[NodeTime]:
    """One entry a node and kind of task that occurs in one of the runs, in the order of the graph."""
    left, right = _services(a), _services(b)
    found = []
    for node, kind in left | right:
        (tasks_a, total_a), (tasks_b, total_b) = (side.get((node, kind), (0, 0.0)) for side in (left, right))
        means = (total_a / tasks_a if tasks_a else None, total_b / tasks_b if tasks_b else None)
        found.append(NodeTime(node, kind, tasks_a, tasks_b, *means, total_a, total_b, total_a - total_b))
    return found


def _services(run: Run) -> dict[tuple[str, str], tuple[int, float]]:
    """Number and seconds of tasks by node and kind."""
    tasks, kinds = run.tables["tasks"], len(KINDS)
    which = tasks["node"].astype(np.int64) * kinds + tasks["kind"]
    keys, place = np.unique(which, return_inverse=True)
    counts = np.bincount(place, minlength=len(keys)).tolist()
    totals = np.bincount(place, tasks["end"] - tasks["start"], len(keys)).tolist()
    names = [(run.summary["nodes"][key // kinds], KINDS[key % kinds]) for key in keys.tolist()]
    return dict(zip(names, zip(counts, totals, strict=True), strict=True))
