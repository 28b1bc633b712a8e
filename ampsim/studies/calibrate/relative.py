"""By how much longer the same tasks take under one condition than under another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from ampsim.engine.task import operation
from ampsim.result.schema import Array
from ampsim.studies.calibrate.observe import Observed

ENOUGH = 4  # tasks under either condition

Alike = tuple[str, str, int, int]  # job, operation, rows, messages


def longer(runs: Sequence[Observed], here: Sequence[Array], there: Sequence[Array]) -> float:
    """The factor, at least 1, of tasks chosen by ``here`` over equal tasks chosen by ``there``: a bool for each task.

    Medians are compared of tasks of equal job, operation, rows and messages. The middle of all such ratios is taken,
    each as heavy as the time that its tasks took; 1 if there is none.
    """
    times: tuple[dict[Alike, list[float]], dict[Alike, list[float]]] = defaultdict(list), defaultdict(list)
    for run, *chosen in zip(runs, here, there, strict=True):
        messages = run.run.tables["tasks"]["messages"].tolist()
        for number, (parts, seconds) in enumerate(zip(run.parts, run.seconds.tolist(), strict=True)):
            for side, found in enumerate(chosen):
                if parts and found[number]:
                    times[side][run.run.job, operation(parts), parts[0].rows, messages[number]].append(seconds)
    first, second = times
    ratios = [
        (median(taken) / median(second[alike]), sum(taken) + sum(second[alike]))
        for alike, taken in first.items()
        if min(len(taken), len(second[alike])) >= ENOUGH
    ]
    return max(weighted_median(ratios), 1.0)


def weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """Of (value, weight), where half of the weight is reached; 1 of none."""
    total = sum(weight for _, weight in pairs)
    reached = 0.0
    for value, weight in sorted(pairs):
        reached += weight
        if 2 * reached >= total:
            return value
    return 1.0
