"""Why one run took longer than another, in terms that add up to the difference exactly.

A run took as long as its critical path. The path is made of tasks, taken together by node and kind, and of waits, taken
together by cause. A term is one of these in both runs: (its time on the path of a) - (its time on the path of b).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ampsim.result.analysis.causes import CAUSES
from ampsim.result.analysis.idle import Breakdown, breakdown
from ampsim.result.analysis.path import critical_path
from ampsim.result.run import Run
from ampsim.result.schema import KINDS

MAIN = 3
LEAST = 1e-9  # of the longer run: what is smaller comes from rounding


class Term(NamedTuple):
    """Tasks of one kind and node, or waits of one cause. ``a`` and ``b`` are seconds on the critical paths.

    ``difference`` is a - b. ``tasks_a`` and ``tasks_b`` count the tasks on the paths; 0 for a wait.
    """

    name: str
    a: float
    b: float
    difference: float
    tasks_a: int
    tasks_b: int


@dataclass(frozen=True)
class Explanation:
    """``a`` and ``b`` are the lengths of the critical paths in seconds, which are the makespans to one part in 10^15.

    ``terms`` are in order of the size of their differences. These add up to ``difference`` = a - b exactly and in any
    order, because all are whole multiples of one power of two.
    """

    a: float
    b: float
    difference: float
    terms: list[Term]

    @property
    def main(self) -> list[Term]:
        """The three terms that explain most; fewer where fewer differ."""
        least = LEAST * max(self.a, self.b)
        return [term for term in self.terms[:MAIN] if abs(term.difference) > least]

    @property
    def rest(self) -> float:
        """What the main terms leave of the difference, in seconds: the sum of all others."""
        return sum(term.difference for term in self.terms[len(self.main) :])

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        parts = {"main": [term.name for term in self.main], "rest": self.rest}
        terms = [term._asdict() for term in self.terms]
        return {"a": self.a, "b": self.b, "difference": self.difference, **parts, "terms": terms}


def explain(a: Run, b: Run) -> Explanation | None:
    """Why ``a`` took longer than ``b``, or less long. None if one of them has no clock, or did nothing."""
    times = [breakdown(run.tables, run.workers, run.makespan) for run in (a, b)]
    if not all(idle.horizon and len(run.tables["tasks"]["kind"]) for run, idle in zip((a, b), times, strict=True)):
        return None
    # Below 2^52 units every sum and difference of whole units is exact in float64.
    units = 2.0 ** (52 - math.frexp(max(idle.horizon for idle in times))[1])
    left, right = (_units(run, idle, units) for run, idle in zip((a, b), times, strict=True))
    terms = [_term(name, left, right, units) for name in left | right]
    terms.sort(key=lambda term: -abs(term.difference))
    spent = [sum(found.ticks for found in side.values()) / units for side in (left, right)]
    return Explanation(spent[0], spent[1], spent[0] - spent[1], terms)


class _Part(NamedTuple):
    """Time on a critical path, and the tasks that took it."""

    ticks: int
    tasks: int


def _term(name: str, left: Mapping[str, _Part], right: Mapping[str, _Part], units: float) -> Term:
    a, b = left.get(name, _Part(0, 0)), right.get(name, _Part(0, 0))
    return Term(name, a.ticks / units, b.ticks / units, (a.ticks - b.ticks) / units, a.tasks, b.tasks)


def _units(run: Run, idle: Breakdown, units: float) -> dict[str, _Part]:
    """The parts of the critical path by name, in whole units that add up to those of the horizon."""
    path, tasks = critical_path(run.tables, idle), run.tables["tasks"]
    kinds = len(KINDS)
    which = tasks["node"][path.tasks].astype(np.int64) * kinds + tasks["kind"][path.tasks]
    keys, place = np.unique(which, return_inverse=True)
    ticks = np.zeros(len(keys), np.int64)
    np.add.at(ticks, place, path.lengths)
    names = [*(f"{run.summary['nodes'][key // kinds]} {KINDS[key % kinds]}" for key in keys.tolist()), *CAUSES]
    counts = [*np.bincount(place, minlength=len(keys)).tolist(), *[0] * len(CAUSES)]
    # Rounded are the sums, so that the parts between them add up.
    ends = np.rint(np.cumsum([0, *ticks.tolist(), *path.waits.tolist()]) / idle.total * idle.horizon * units)
    return {
        name: _Part(part, count)
        for name, part, count in zip(names, np.diff(ends).astype(np.int64).tolist(), counts, strict=True)
        if part or count
    }
