"""Which of many rows are best: those that no other is better than in one objective and no worse in all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampsim.result.schema import Array


def front(values: Sequence[Sequence[float | None]], goals: Sequence[str]) -> list[int]:
    """Indices of the Pareto optimal rows of ``values`` (points, objectives), best in the first objective first.

    ``goals`` holds ``max`` or ``min`` for each objective. Rows with a missing value are never optimal; of equal rows
    all are or none.
    """
    kept = [i for i, row in enumerate(values) if all(value is not None for value in row)]
    if not kept:
        return []
    signs = np.asarray([-1.0 if goal == "max" else 1.0 for goal in goals])
    costs = np.asarray([values[i] for i in kept], np.float64) * signs
    order = np.lexsort(costs.T[::-1])  # whatever beats a row stands before it
    best: list[int] = []
    chosen: Array = np.empty((0, costs.shape[1]))
    for position in order:
        row = costs[position]
        beaten = (chosen <= row).all(axis=1) & (chosen < row).any(axis=1)
        if not beaten.any():
            best.append(kept[int(position)])
            chosen = np.vstack([chosen, row])
    return best
