"""Which points of a sweep are best: those that no other is better than in one objective and no worse in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def objectives(
    names: Mapping[str, str], scalars: Mapping[str, float | None], varied: Mapping[str, object]
) -> list[float | None]:
    """The objectives of one point, from its scalars or from what the grid says of it (``"10 GB/s"`` is 1e10)."""
    return [scalars[name] if name in scalars else number(varied.get(name)) for name in names]


def number(value: object) -> float | None:
    """A value of the grid as a number in base units; None for what is none."""
    from ampsim.errors import ConfigError
    from ampsim.hw.files.units import UNITS, parse

    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    for dimension in UNITS if isinstance(value, str) else ():
        try:
            return float(parse(str(value), dimension))
        except ConfigError:
            continue
    return None
