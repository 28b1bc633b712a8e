"""What has to be equal whatever the clock."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ampsim.result.run import Run
from ampsim.result.schema import Array


class Fact(NamedTuple):
    """Something that has to be equal whatever the clock. ``equal`` is None where it cannot be compared."""

    name: str
    equal: bool | None
    detail: str


def agreement(a: Run, b: Run) -> list[Fact]:
    """Message counts and bytes per edge, FLOP, updates per node, parameters."""
    if a.summary["edges"] != b.summary["edges"] or a.summary["nodes"] != b.summary["nodes"]:
        return [Fact("graph", False, "the two runs have different nodes or edges")]
    tasks_a, tasks_b = a.tables["tasks"], b.tables["tasks"]
    return [
        Fact("graph", True, f"{len(a.summary['nodes'])} nodes, {len(a.summary['edges'])} edges"),
        _counts("messages per edge", *(_per_edge(run, "messages") for run in (a, b))),
        _counts("bytes per edge", *(_per_edge(run, "bytes") for run in (a, b))),
        _sums("FLOP in matrix products", float(tasks_a["matmul"].sum()), float(tasks_b["matmul"].sum())),
        _sums("FLOP elsewhere", float(tasks_a["vector"].sum()), float(tasks_b["vector"].sum())),
        _counts("updates per node", *(_updates(run) for run in (a, b))),
        _parameters("initial parameters", a.initial, b.initial),
        _parameters("final parameters", a.final, b.final),
    ]


def _per_edge(run: Run, column: str) -> Array:
    table, edges = run.tables["edges"], len(run.summary["edges"])
    counts = np.zeros(2 * edges, np.int64)
    np.add.at(counts, table["edge"] * 2 + table["direction"], table[column])
    return counts


def _updates(run: Run) -> Array:
    return np.bincount(run.tables["updates"]["node"], minlength=len(run.summary["nodes"]))


def _counts(name: str, a: Array, b: Array) -> Fact:
    different = int((a != b).sum())
    if not different:
        return Fact(name, True, f"{int(a.sum()):,} in both")
    return Fact(name, False, f"{different} of {len(a)} differ; {int(a.sum()):,} against {int(b.sum()):,} in all")


def _sums(name: str, a: float, b: float) -> Fact:
    """Equal up to the rounding of sums in different order."""
    if abs(a - b) <= 1e-9 * max(abs(a), abs(b)):
        return Fact(name, True, f"{a:,.0f} in both")
    return Fact(name, False, f"{a:,.0f} against {b:,.0f}")


def _parameters(name: str, a: dict[str, Array], b: dict[str, Array]) -> Fact:
    if not a or not b:
        return Fact(name, None, "one of the runs has none")
    if sorted(a) != sorted(b) or any(a[key].shape != b[key].shape for key in a):
        return Fact(name, False, "names or shapes differ")
    if all(a[key].tobytes() == b[key].tobytes() for key in a):
        return Fact(name, True, "bit-equal")
    largest = max(float(np.abs(a[key].astype(np.float64) - b[key]).max(initial=0.0)) for key in a)
    return Fact(name, False, f"the largest difference of a parameter is {largest:.3g}")
