"""Two runs side by side: what differs by how much, and what has to agree."""

from __future__ import annotations

from typing import NamedTuple

from ampsim.result.compare.facts import Fact, agreement
from ampsim.result.compare.quantities import Row, rows
from ampsim.result.run import Run

__all__ = ["Comparison", "Fact", "Row", "agreement", "compare", "rows"]


class Comparison(NamedTuple):
    """All rows and all facts of two runs."""

    rows: list[Row]
    agreement: list[Fact]


def compare(a: Run, b: Run) -> Comparison:
    """Run ``a`` against run ``b``; for an error of prediction, a is predicted and b is measured."""
    return Comparison(rows(a, b), agreement(a, b))
