"""What a run consumed, as its summary states it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ampsim.result.run import Run
from ampsim.result.schema import Array

PARTS = ("matmul", "vector", "memory", "off_chip", "link", "idle")


@dataclass(frozen=True)
class Consumed:
    """``joules`` of each chip that is known, by part: float64 (chips, parts).

    ``names`` of these chips; ``unknown`` how many more there are; ``rows`` of training instances.
    """

    names: tuple[str, ...]
    joules: Array
    unknown: int
    rows: int

    @property
    def total(self) -> float:
        """Joules of all chips that are known."""
        return float(self.joules.sum())

    @property
    def per_row(self) -> float | None:
        """Joules a training row, those of validation shared out among them; None unless all chips are known."""
        return self.total / self.rows if self.rows and not self.unknown else None


def consumed(run: Run) -> Consumed | None:
    """Energy by chip and part; None where nothing is known of any."""
    energy, chips = run.summary.get("energy"), run.summary.get("chips")
    if not energy or not chips or len(energy["chips"]) != len(chips):
        return None
    known = [(chip["name"], parts) for chip, parts in zip(chips, energy["chips"], strict=True) if parts is not None]
    if not known:
        return None
    joules = np.asarray([[float(parts[name]) for name in PARTS] for _, parts in known])
    instances = run.tables["instances"]
    rows = int(instances["rows"][instances["training"]].sum())
    return Consumed(tuple(name for name, _ in known), joules, len(chips) - len(known), rows)
