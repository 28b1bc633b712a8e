"""Least squares with coefficients that are costs: never negative."""

from __future__ import annotations

import numpy as np

from ampsim.result.schema import Array

SWEEPS = 2000
ENOUGH = 1e-10  # of the largest coefficient, in one sweep


def costs(features: Array, times: Array, relative_to: Array | None = None) -> Array:
    """The x >= 0 for which ``features @ x`` comes nearest to ``times``: float64 (columns).

    features: float64 (n, columns); times: float64 (n). Errors count relative to ``relative_to``, positive, float64 (n);
    left out, to the times themselves. Coordinate descent (Franc, Hlavac and Navara 2005):
    each coefficient in turn is set to its best value with the others fixed, and to 0 where that is negative. The
    problem is convex and the bounds are each of one coefficient, so this ends at its minimum.
    """
    scale = np.abs(features).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    weights = times if relative_to is None else relative_to
    rows = features / scale / weights[:, None]
    gram = rows.T @ rows
    left = -(times / weights) @ rows  # the gradient at x = 0
    diagonal = np.where(gram.diagonal() > 0, gram.diagonal(), 1.0)
    found = np.zeros(features.shape[1])
    for _ in range(SWEEPS):
        largest = 0.0
        for column in range(len(found)):
            value = max(found[column] - left[column] / diagonal[column], 0.0)
            step = value - found[column]
            if step:
                found[column] = value
                left += step * gram[:, column]
                largest = max(largest, abs(step))
        if largest <= ENOUGH * found.max(initial=0.0):
            break
    result: Array = found / scale
    return result
