"""Quantities of two runs and by how much they differ."""

from __future__ import annotations

from typing import NamedTuple

from ampsim.result.metrics import mean_staleness
from ampsim.result.run import Run


class Row(NamedTuple):
    """A quantity of runs ``a`` and ``b``. ``difference`` is a - b; ``relative`` is that over b. None: not there."""

    quantity: str
    unit: str
    a: float | None
    b: float | None
    difference: float | None
    relative: float | None


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
