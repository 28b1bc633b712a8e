"""A readout that weighs what it reads: the output function of gated graph networks (Li et al. 2016, equation 7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameters, need_columns, sizes
from ampsim.ir.nodes.cell import Cell
from ampsim.ir.nodes.gates import (
    as_plane,
    as_planes,
    bias,
    gates_first,
    new_planes,
    new_side_by_side,
    product,
    rows_first,
    sigmoid,
    sigmoid_slope,
)


@dataclass(eq=False)
class GatedReadout(Cell):
    """(rows, width) to (rows, width_out), float32: sigmoid(x W_g + b_g) * (x W_v + b_v).

    W (width, 2 * width_out) has gate and value side by side, and so has b.
    """

    width: int = 0
    width_out: int = 1
    gates = 2
    kept_planes = 2
    forward_flops = 4  # bias of both, sigmoid, product
    backward_flops = 5

    @property
    def operation(self) -> str:
        return f"GatedReadout({self.width}, {self.width_out})"

    @property
    def gate_width(self) -> int:
        return self.width_out

    @property
    def fan_in(self) -> int:
        return self.width

    def faults(self) -> Iterator[str]:
        yield from sizes(self, "width", "width_out")

    def infer(self, x: Spec) -> Spec:
        need_columns(x, self.width, self.operation)
        return Spec((x.shape[0], self.width_out), FLOAT)

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        n, rows = self.width_out, x.shape[0]
        sums = product(x, parameters["W"], n)
        both = new_planes(2, rows, n, sums.dtype)
        np.add(sums, bias(parameters["b"], n), out=both)
        sigmoid(both[0])
        y = np.empty((rows, n), sums.dtype)
        np.multiply(both[0], both[1], out=as_plane(y, n))
        return y, (x, rows_first(both, n))

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        x, n = saved[0], self.width_out
        gate, value = gates_first(saved[1], n)
        g = as_plane(gradient, n)
        side_by_side = new_side_by_side(2, x.shape[0], n, gradient.dtype)
        into_gate, into_value = as_planes(side_by_side, n)
        np.multiply(g, gate, out=into_value)
        slope_gate = sigmoid_slope(gate)
        slope_gate *= value
        np.multiply(slope_gate, g, out=into_gate)
        dx = side_by_side @ parameters["W"].T if input_gradient else None
        return dx, (x, side_by_side)
