"""How old the parameters were that gradients were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.schema import Array, Table


@dataclass(frozen=True)
class Histogram:
    """``counts[s]`` gradients of ``node`` had a staleness of s versions."""

    node: int
    counts: Array

    @property
    def gradients(self) -> int:
        """How many there were."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean staleness; 0 without gradients."""
        return float(self.counts @ np.arange(len(self.counts))) / max(self.gradients, 1)

    @property
    def highest(self) -> int:
        """The largest staleness that occurred."""
        return int(np.flatnonzero(self.counts).max(initial=0))


def histograms(tables: Mapping[str, Table]) -> list[Histogram]:
    """One for each node that has gradients, in order of nodes."""
    table = tables["staleness"]
    found = []
    for node in np.unique(table["node"]).tolist():
        mine = table["node"] == node
        counts = np.zeros(int(table["staleness"][mine].max()) + 1, np.int64)
        np.add.at(counts, table["staleness"][mine], table["count"][mine])
        found.append(Histogram(node, counts))
    return found


def total_variation(a: Array, b: Array) -> float:
    """Half the sum of the differences between shares of counts by staleness.

    0 for equal histograms, 1 for those with nothing in common; so if one is empty and the other is not.
    """
    if not a.sum() or not b.sum():
        return float(bool(a.sum() or b.sum()))
    shares = np.zeros((2, max(len(a), len(b))))
    for row, counts in zip(shares, (a, b), strict=True):
        row[: len(counts)] = counts / counts.sum()
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
