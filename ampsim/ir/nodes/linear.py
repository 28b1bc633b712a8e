"""The affine map, the workhorse of every model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ampsim.ir.message import FORWARD, Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameterised, Parameters, need_columns, sizes
from ampsim.ir.nodes.gates import column_sums
from ampsim.ir.work import Work


@dataclass(eq=False)
class Linear(Parameterised):
    """``y = x W + b`` with W of shape (inputs, outputs), float32.

    ``gain`` scales the initial weights: N(0, gain / inputs), so 2 is the rule of He et al. for ReLU and 1 that of
    LeCun for tanh and linear outputs.
    """

    width_in: int = 0
    width_out: int = 0
    gain: float = 2.0

    @property
    def operation(self) -> str:
        return f"Linear({self.width_in}, {self.width_out})"

    def faults(self) -> Iterator[str]:
        yield from sizes(self, "width_in", "width_out")
        if type(self.gain) not in (int, float) or not 0 <= self.gain < 1e6:
            yield f"Linear.gain is {self.gain!r}; it is a number from 0 to below 1e6"

    def infer(self, x: Spec) -> Spec:
        need_columns(x, self.width_in, self.operation)
        return Spec((x.shape[0], self.width_out), FLOAT)

    def saves(self, x: Spec) -> tuple[Spec, ...]:
        return (x,)

    def parameters(self) -> dict[str, Spec]:
        return {"W": Spec((self.width_in, self.width_out), FLOAT), "b": Spec((self.width_out,), FLOAT)}

    def initial(self, random: np.random.Generator) -> dict[str, Array]:
        scale = np.float32(np.sqrt(self.gain / self.width_in))
        weights = random.standard_normal((self.width_in, self.width_out), dtype=np.float32) * scale
        return {"W": weights, "b": np.zeros(self.width_out, np.float32)}

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        y = x @ parameters["W"]
        y += parameters["b"]
        return y, (x,)

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        dx = gradient @ parameters["W"].T if input_gradient else None
        return dx, (saved[0], gradient)

    def gradients(self, deferred: tuple[Array, ...]) -> dict[str, Array]:
        x, gradient = deferred
        return {"W": x.T @ gradient, "b": column_sums(gradient)}

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        rows, k, n = x.shape[0], self.width_in, self.width_out
        weights = 4 * k * n
        if direction == FORWARD:
            return Work(((rows, k, n),), rows * n, 4 * rows * k + weights + 4 * n, 4 * rows * n)
        if not input_gradient:
            return Work()
        return Work(((rows, n, k),), 0, 4 * rows * n + weights, 4 * rows * k)

    def gradient_work(self, rows: int) -> Work:
        k, n = self.width_in, self.width_out
        return Work(((k, rows, n),), rows * n, 4 * rows * (k + n), 4 * (k + 1) * n)
