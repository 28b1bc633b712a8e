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
