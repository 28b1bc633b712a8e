"""Each case of a suite: what was predicted, what was measured, and how far the two are apart.

    error        median over the rounds of predicted / measured - 1
    spread       interquartile range of the measurements over the rounds / their median
    utilization  largest of the workers' |median over the rounds of predicted - measured|
    tasks        median over the rounds of measured / predicted - 1 of the time that all tasks took together: how much
                 slower the machine was than when it was calibrated, or its tasks than the tables say
    staleness    largest of the nodes' total variation, sum over s of |share predicted - share measured| / 2, where the
                 gradients of all rounds are one histogram

A case is *judged* if the larger of the spreads of throughput and makespan is within the tolerance; one of memory if the
measured growth is large enough; one of learning always. What is not judged is listed with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import msgspec
import numpy as np

from ampsim.result.analysis.staleness import total_variation
from ampsim.result.schema import Array
from ampsim.studies.validate.items import Item, Kind
from ampsim.studies.validate.measure import Record, Side
from ampsim.studies.validate.suite import Tolerances

TIMES = ("throughput", "makespan")
QUANTITIES: dict[Kind, tuple[str, ...]] = {"cases": TIMES, "memory": ("memory",), "learning": ("time_to_target",)}
"""What is predicted of the cases of a kind, by the names of a Side."""


class Figure(NamedTuple):
    """A quantity over the rounds: medians of the two sides, the error, the spread of what was measured.

    ``measured_low`` and ``measured_high`` are the quartiles of what was measured, ``predicted_low`` and
    ``predicted_high`` the medians of the ends of the predicted intervals; None where no round predicted one.
    """

    predicted: float
    measured: float
    error: float
    spread: float
    measured_low: float | None = None
    measured_high: float | None = None
    predicted_low: float | None = None
    predicted_high: float | None = None


class Within(NamedTuple):
    """One measurement and the interval it was predicted to lie in: whether it does, and width / prediction."""

    inside: bool
    width: float


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A case and what came of it; ``note`` says why it is not judged, ``errors`` what went wrong in a round."""

    kind: Kind
    job: str
    setting: str
    rounds: int
    figures: dict[str, Figure]
    utilization: float | None
    tasks: float | None
    staleness: float | None
    intervals: list[Within]
    judged: bool
    note: str
    errors: list[str]
    disturbed: int
    ended: str
    machine: str

    @property
    def label(self) -> str:
        """As people call it."""
        return f"{self.job}, {self.setting}"

    @property
    def spread(self) -> float | None:
        """The largest of its figures' spreads."""
        return max((found.spread for found in self.figures.values()), default=None)


def judge(item: Item, records: Sequence[Record], tolerances: Tolerances) -> Judged:
    """A case from its records, one a round."""
    whole = [(r.predicted, r.measured) for r in records if r.error is None and r.predicted and r.measured]
    figures = {name: f for name in QUANTITIES[item.kind] if (f := figure(_both(name, whole), _ends(name, whole)))}
    timed = item.kind == "cases"
    note = _not_judged(item.kind, figures, tolerances)
    last = max(records, key=lambda r: r.ended, default=None)
    return Judged(
        kind=item.kind,
        job=item.name,
        setting=item.setting,
        rounds=len(whole),
        figures=figures,
        utilization=utilization(whole) if timed else None,
        tasks=tasks(whole) if timed else None,
        staleness=staleness(whole) if timed else None,
        intervals=list(intervals(whole)) if timed else [],
        judged=not note,
        note=note,
        errors=list(dict.fromkeys(r.error for r in records if r.error is not None)),
        disturbed=sum(r.disturbed is True for r in records),
        ended=last.ended if last else "",
        machine=last.machine if last else "",
    )


def _not_judged(kind: Kind, figures: Mapping[str, Figure], tolerances: Tolerances) -> str:
    if figures.keys() != set(QUANTITIES[kind]):
        return "nothing to compare"
    spread = max(found.spread for found in figures.values())
    if kind == "cases" and spread > tolerances.spread:
        return "the measurements spread too far"
    if kind == "memory" and figures["memory"].measured < tolerances.memory_from:
        return "too little memory to be judged"
    return ""


def _both(name: str, whole: Iterable[tuple[Side, Side]]) -> list[tuple[float, float]]:
    pairs = [(getattr(predicted, name), getattr(measured, name)) for predicted, measured in whole]
    return [(float(p), float(m)) for p, m in pairs if p is not None and m]


def _ends(name: str, whole: Iterable[tuple[Side, Side]]) -> list[tuple[float, float]]:
    return [predicted.intervals[name] for predicted, _ in whole if name in predicted.intervals]


def figure(pairs: Sequence[tuple[float, float]], intervals: Sequence[tuple[float, float]] = ()) -> Figure | None:
    """A quantity from what was predicted and measured in each round, and the intervals; None without a round."""
    if not pairs:
        return None
    predicted, measured = zip(*pairs, strict=True)
    low, middle, high = np.percentile(measured, [25, 50, 75]).tolist()
    error = median(p / m - 1 for p, m in pairs)
    ends = (median(end) for end in zip(*intervals, strict=True)) if intervals else (None, None)
    return Figure(median(predicted), middle, error, (high - low) / abs(middle), low, high, *ends)


def utilization(whole: Sequence[tuple[Side, Side]]) -> float | None:
    """The largest difference of a worker, as a share of the makespan."""
    rounds = [
        [p - m for p, m in zip(predicted.utilization, measured.utilization, strict=True) if None not in (p, m)]  # type: ignore[operator]
        for predicted, measured in whole
    ]
    return max((abs(median(worker)) for worker in zip(*rounds, strict=True)), default=None)


def tasks(whole: Sequence[tuple[Side, Side]]) -> float | None:
    """By how much longer all tasks took than predicted, whatever lay between them."""
    pairs = [tuple(side.makespan * sum(u or 0.0 for u in side.utilization) for side in both) for both in whole]
    return median(measured / predicted - 1 for predicted, measured in pairs) if pairs and all(map(all, pairs)) else None


def staleness(whole: Sequence[tuple[Side, Side]]) -> float | None:
    """The largest distance of a node's histograms, from 0 to 1; None without gradients."""
    nodes = {node for both in whole for side in both for node in side.staleness}
    return max(
        (total_variation(*(_pooled(node, sides) for sides in zip(*whole, strict=True))) for node in nodes), default=None
    )


def _pooled(node: int, sides: Iterable[Side]) -> Array:
    """Gradients of the node by staleness, of all rounds."""
    pooled: Counter[int] = Counter()
    for side in sides:
        pooled.update(side.staleness.get(node, {}))
    return np.bincount(list(pooled), list(pooled.values())) if pooled else np.zeros(0)


def intervals(whole: Iterable[tuple[Side, Side]]) -> Iterable[Within]:
    """For each round and each time that was predicted with an interval, whether the measurement lies in it."""
    for predicted, measured in whole:
        for name in TIMES:
            value, expected = getattr(measured, name), getattr(predicted, name)
            if name in predicted.intervals and value is not None and expected:
                low, high = predicted.intervals[name]
                yield Within(low <= value <= high, (high - low) / expected)
