"""Gradients proved by central differences in float64, for any transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ampsim.ir.message import Array
from ampsim.ir.nodes import Parameterised, RowGradient, Transform


def slopes(f: Callable[[], float], x: Array, step: float = 1e-6) -> Array:
    """Central differences of a scalar by every element of ``x``."""
    found = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        before = x[at]
        x[at] = before + step
        high = f()
        x[at] = before - step
        found[at] = (high - f()) / (2 * step)
        x[at] = before
    return found


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


def dense(gradient: Any, shape: tuple[int, ...]) -> Array:
    """A weight gradient as an array."""
    if not isinstance(gradient, RowGradient):
        return np.asarray(gradient)
    assert len(np.unique(gradient.rows)) == len(gradient.rows)
    table = np.zeros(shape, gradient.values.dtype)
    table[gradient.rows] = gradient.values
    return table


def prove(node: Transform, x: Array, random: np.random.Generator) -> None:
    """Input and weight gradients of a transform equal the slopes of <forward(x), g>."""
    values: dict[str, Array] = {}
    if isinstance(node, Parameterised):
        values = {name: random.standard_normal(spec.shape) for name, spec in node.parameters().items()}
    y, saved = node.forward(x, values)
    g = random.standard_normal(y.shape)

    def along() -> float:
        return float((node.forward(x, values)[0] * g).sum())

    wants = x.dtype == np.float64
    dx, deferred = node.backward(g.copy(), saved, values, wants)
    if wants:
        assert dx is not None
        close(dx, slopes(along, x))
    if isinstance(node, Parameterised):
        gradients = node.gradients(deferred)
        assert gradients.keys() == values.keys()
        for name, value in values.items():
            close(dense(gradients[name], value.shape), slopes(along, value))
    nothing, same = node.backward(g.copy(), saved, values, False)
    assert nothing is None
    assert len(same) == len(deferred)
