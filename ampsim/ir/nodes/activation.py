"""Elementwise and row-wise functions without parameters (NPT)."""

from __future__ import annotations

from math import prod

import numpy as np

from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameters, ShapeError, Transform
from ampsim.ir.work import Work

# Of no dimensions: numpy takes such arrays in two thirds of the time of a scalar.
_ZERO, _HALF, _ONE = (np.array(value, np.float32) for value in (0, 0.5, 1))
_FEW = 32  # columns up to which LogSoftmax works on the transpose


class Activation(Transform):
    """A function of float32 rows whose backward needs only its own output."""

    def infer(self, x: Spec) -> Spec:
        if x.dtype != FLOAT or len(x.shape) != 2:
            raise ShapeError(f"{self.operation} needs float32 of shape (rows, columns), gets {x.dtype} of {x.shape}")
        return x

    def apply(self, x: Array) -> Array:
        """The output."""
        raise TypeError(f"{type(self).__name__} has no apply")

    def pull(self, gradient: Array, y: Array) -> Array:
        """The gradient of the input, from the gradient of the output and the output."""
        raise TypeError(f"{type(self).__name__} has no pull")

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        y = self.apply(x)
        return y, (y,)

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        return (self.pull(gradient, saved[0]) if input_gradient else None), ()


class Relu(Activation):
    """``max(x, 0)``; the gradient at 0 is 0."""

    def apply(self, x: Array) -> Array:
        return np.maximum(x, _ZERO)

    def pull(self, gradient: Array, y: Array) -> Array:
        dx = np.greater(y, _ZERO, out=np.empty_like(y), casting="unsafe")  # 0 and 1, without a pass to convert them
        dx *= gradient
        return dx


class Tanh(Activation):
    """``tanh(x)``."""

    def apply(self, x: Array) -> Array:
        return np.tanh(x)

    def pull(self, gradient: Array, y: Array) -> Array:
        slope = y * y
        np.subtract(_ONE, slope, out=slope)
        slope *= gradient
        return slope


class Sigmoid(Activation):
    """``1 / (1 + exp(-x))``."""

    def apply(self, x: Array) -> Array:
        y = x * _HALF  # by the hyperbolic tangent, which cannot overflow
        np.tanh(y, out=y)
        y *= _HALF
        y += _HALF
        return y

    def pull(self, gradient: Array, y: Array) -> Array:
        slope = y * y
        np.subtract(y, slope, out=slope)
        slope *= gradient
        return slope


class LogSoftmax(Activation):
    """``x - log(sum(exp(x)))`` along each row, shifted by the row's maximum so that it cannot overflow."""

    def apply(self, x: Array) -> Array:
        if x.shape[1] <= _FEW:  # a reduction along rows of few columns takes several times as long as one across them
            turned = np.array(x.T, order="C")
            turned -= np.maximum.reduce(turned, axis=0)
            turned -= np.log(np.add.reduce(np.exp(turned), axis=0))
            return np.array(turned.T, order="C")
        y = x - np.maximum.reduce(x, axis=1, keepdims=True)
        y -= np.log(np.add.reduce(np.exp(y), axis=1, keepdims=True))
        return y

    def pull(self, gradient: Array, y: Array) -> Array:
        dx = np.exp(y)
        dx *= gradient @ np.full((y.shape[1], 1), -1, y.dtype)
        dx += gradient
        return dx

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        return Work(vector=4 * prod(x.shape), read=x.nbytes, written=x.nbytes)
