"""Two runs side by side: what differs by how much, and what has to agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ampsim.result.metrics import mean_staleness
from ampsim.result.run import Run
from ampsim.result.schema import Array


class Row(NamedTuple):
    """A quantity of runs ``a`` and ``b``. ``difference`` is a - b; ``relative`` is that over b. None: not there."""

    quantity: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    relative: float | None


class Fact(NamedTuple):
    """Something that has to be equal whatever the clock. ``equal`` is None where it cannot be compared."""

    name: str
    equal: bool | None
    detail: str


class Comparison(NamedTuple):
    """All rows and all facts of two runs."""

    rows: list[Row]
    agreement: list[Fact]


def compare(a: Run, b: Run) -> Comparison:
    """Run ``a`` against run ``b``; for an error of prediction, a is predicted and b is measured."""
    return Comparison(rows(a, b), agreement(a, b))


def rows(a: Run, b: Run) -> list[Row]:
    """Quantities that depend on time or on the order of updates."""
    left, right = _quantities(a), _quantities(b)
    units = {name: unit for name, (unit, _) in [*left.items(), *right.items()]}
    return [
        _row(name, unit, left.get(name, (unit, None))[1], right.get(name, (unit, None))[1])
        for name, unit in units.items()
    ]


def _row(name: str, unit: str, a: float | None, b: float | None) -> Row:
    if a is None or b is None:
        return Row(name, unit, a, b, None, None)
    relative = (a - b) / abs(b) if b else (0.0 if a == b else None)
    return Row(name, unit, a, b, a - b, relative)


def _quantities(run: Run) -> dict[str, tuple[str, float | None]]:
    summary = run.summary
    last = run.epochs[-1] if run.epochs else {}
    busy = [value for value in run.utilization if value is not None]
    found: dict[str, tuple[str, float | None]] = {
        "makespan": ("s", run.makespan or None),
        "throughput": ("rows/s", run.throughput),
        "utilization, mean": ("share", sum(busy) / len(busy) if busy else None),
    }
    if len(run.utilization) <= 16:
        for number, value in enumerate(run.utilization):
            found[f"utilization, worker {number}"] = ("share", value)
    found |= {
        "time to target": ("s", run.time_to_target),
        "epochs to target": ("epochs", summary.get("epochs_to_target")),
        "epochs": ("epochs", float(len(run.epochs))),
        "updates": ("updates", float(len(run.tables["updates"]["node"]))),
        "tasks": ("tasks", float(len(run.tables["tasks"]["kind"]))),
        "training loss": ("", last.get("train_loss")),
        "validation loss": ("", last.get("validation_loss")),
        "validation accuracy": ("share", last.get("validation_accuracy")),
        "staleness, mean": ("versions", mean_staleness(run)),
    }
    return found


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
        return Fact(name, True, f"{a:.6g} in both")
    return Fact(name, False, f"{a:.6g} against {b:.6g}")


def _parameters(name: str, a: dict[str, Array], b: dict[str, Array]) -> Fact:
    if not a or not b:
        return Fact(name, None, "one of the runs has none")
    if sorted(a) != sorted(b) or any(a[key].shape != b[key].shape for key in a):
        return Fact(name, False, "names or shapes differ")
    if all(a[key].tobytes() == b[key].tobytes() for key in a):
        return Fact(name, True, "bit-equal")
    largest = max(float(np.abs(a[key].astype(np.float64) - b[key]).max(initial=0.0)) for key in a)
    return Fact(name, False, f"the largest difference of a parameter is {largest:.3g}")
