"""The arithmetic that gated cells share: one product for all gates, then gates that lie one behind the other.

A product gives gates side by side, (rows, count * width). numpy pays for every row of a column slice, so the bias is
added into *planes*, one contiguous block a gate, and all that follows runs through whole blocks:

    wide   (count, rows, width)      rows of a gate one under the other
    tall   (count, width, rows)      for gates of few columns, where even a row of a block is too short to run through

Both are views of the same kind to the code that uses them; which one it is depends on the width alone, so arrays of
different calls stack without being turned round.
"""

from __future__ import annotations

import numpy as np

from ampsim.ir.message import Array

TALL = 16  # gates of fewer columns are tall
# Of no dimensions: numpy takes such an array in two thirds of the time of a scalar.
_HALF, _ONE = np.array(0.5, np.float32), np.array(1, np.float32)


def as_planes(side_by_side: Array, width: int) -> Array:
    """(rows, count * width) seen as planes: a view, whatever the memory order."""
    rows, columns = side_by_side.shape
    cut = side_by_side.reshape(rows, columns // width, width)
    return cut.transpose(1, 2, 0) if width < TALL else cut.transpose(1, 0, 2)


def as_plane(rows: Array, width: int) -> Array:
    """(rows, width) seen as one plane."""
    return rows.T if width < TALL else rows


def new_planes(count: int, rows: int, width: int, dtype: np.dtype[np.generic]) -> Array:
    """Empty planes."""
    return np.empty((count, width, rows) if width < TALL else (count, rows, width), dtype)


def rows_first(gates: Array, width: int) -> Array:
    """Planes as an array that can be kept: (rows, count, width), a view."""
    return gates.transpose(2, 0, 1) if width < TALL else gates.transpose(1, 0, 2)


def gates_first(saved: Array, width: int) -> Array:
    """The planes that were given to :func:`rows_first`; copied only if stacking has turned them round."""
    gates = saved.transpose(1, 2, 0) if width < TALL else saved.transpose(1, 0, 2)
    return gates if gates.strides[2] == gates.itemsize or not gates.size else np.ascontiguousarray(gates)


def new_side_by_side(count: int, rows: int, width: int, dtype: np.dtype[np.generic]) -> Array:
    """Empty (rows, count * width), in the memory order in which its planes are written fastest."""
    return np.empty((count * width, rows), dtype).T if width < TALL else np.empty((rows, count * width), dtype)


def product(x: Array, weights: Array, width: int) -> Array:
    """``x @ weights`` as planes."""
    if width < TALL:
        return (weights.T @ x.T).reshape(weights.shape[1] // width, width, x.shape[0])
    return as_planes(x @ weights, width)


def bias(values: Array, width: int) -> Array:
    """A bias of (count * width,) to be added to planes."""
    count = len(values) // width
    return values.reshape(count, width, 1) if width < TALL else values.reshape(count, 1, width)


def sigmoid(x: Array) -> None:
    """1 / (1 + exp(-x)) in place, by the hyperbolic tangent: it cannot overflow, and takes half the time."""
    x *= _HALF
    np.tanh(x, out=x)
    x *= _HALF
    x += _HALF


def sigmoid_slope(y: Array) -> Array:
    """The slope y (1 - y) of the sigmoid where it is y; a new array."""
    found = y * y
    np.subtract(y, found, out=found)
    return found


def tanh_slope(y: Array) -> Array:
    """The slope 1 - y² of the hyperbolic tangent where it is y; a new array."""
    found = y * y
    np.subtract(_ONE, found, out=found)
    return found


def column_sums(x: Array) -> Array:
    """The sum of each column, as a product: several times faster than a reduction along the rows."""
    sums: Array = np.ones(x.shape[0], x.dtype) @ x
    return sums


def normal(random: np.random.Generator, fan_in: int, shape: tuple[int, int]) -> Array:
    """N(0, 1 / fan_in), float32."""
    drawn: Array = random.standard_normal(shape, dtype=np.float32)
    drawn *= np.float32(1 / np.sqrt(fan_in))
    return drawn
