"""Some columns of what passes, the others dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ampsim.ir.kernels import cut_columns
from ampsim.ir.message import FORWARD, Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameters, ShapeError, Transform
from ampsim.ir.work import Work


@dataclass(eq=False)
class Columns(Transform):
    """Columns ``start`` to ``stop`` of float32 (rows, columns); the gradient of the others is zero."""

    start: int = 0
    stop: int = 0

    @property
    def operation(self) -> str:
        return f"Columns({self.start}, {self.stop})"

    def faults(self) -> Iterator[str]:
        if type(self.start) is not int or type(self.stop) is not int or not 0 <= self.start < self.stop:
            yield f"Columns goes from {self.start!r} to {self.stop!r}; both are ints, 0 <= start < stop"

    def infer(self, x: Spec) -> Spec:
        if x.dtype != FLOAT or len(x.shape) != 2 or x.shape[1] < self.stop:
            raise ShapeError(f"{self.operation} needs float32 (rows, {self.stop} or more), gets {x.dtype} of {x.shape}")
        return Spec((x.shape[0], self.stop - self.start), FLOAT)

    def saves(self, x: Spec) -> tuple[Spec, ...]:
        # No elements: all that has to be remembered is how many columns there were.
        return (Spec((x.shape[0], 0, x.shape[1]), x.dtype),)

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        y = cut_columns(x, self.start, self.stop)
        assert isinstance(y, np.ndarray)
        return y, (np.empty((x.shape[0], 0, x.shape[1]), x.dtype),)

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        if not input_gradient:
            return None, ()
        dx = np.zeros((saved[0].shape[0], saved[0].shape[2]), gradient.dtype)
        dx[:, self.start : self.stop] = gradient
        return dx, ()

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        part = self.infer(x).nbytes
        if direction == FORWARD:
            return Work(read=part, written=part)
        return Work(read=part, written=x.nbytes) if input_gradient else Work()
