"""The cells of a binary Tree-LSTM (Tai, Socher, Manning 2015, section 3.2), for leaves and for inner nodes.

What passes between cells is [h | c], output and memory side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameters, need_columns, sizes
from ampsim.ir.nodes.cell import Cell
from ampsim.ir.nodes.gates import (
    as_planes,
    bias,
    gates_first,
    new_planes,
    new_side_by_side,
    product,
    rows_first,
    sigmoid,
    sigmoid_slope,
    tanh_slope,
)


@dataclass(eq=False)
class LeafLstm(Cell):
    """(rows, width_in) to [h | c] of (rows, 2 * hidden), float32: the cell of a leaf, which has no children.

    Gates i, o, u side by side in W (width_in, 3 * hidden) and b: i, o = sigmoid, u = tanh; c = i u; h = o tanh(c).
    """

    width_in: int = 0
    hidden: int = 0
    gates = 3
    kept_planes = 4
    forward_flops = 9  # bias and function of three gates, c, tanh(c), h
    backward_flops = 17

    @property
    def operation(self) -> str:
        return f"LeafLstm({self.width_in}, {self.hidden})"

    @property
    def gate_width(self) -> int:
        return self.hidden

    @property
    def fan_in(self) -> int:
        return self.width_in

    def faults(self) -> Iterator[str]:
        yield from sizes(self, "width_in", "hidden")

    def infer(self, x: Spec) -> Spec:
        need_columns(x, self.width_in, self.operation)
        return Spec((x.shape[0], 2 * self.hidden), FLOAT)

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        n, rows = self.hidden, x.shape[0]
        sums = product(x, parameters["W"], n)
        gates = new_planes(4, rows, n, sums.dtype)
        np.add(sums, bias(parameters["b"], n), out=gates[:3])
        sigmoid(gates[:2])
        i, o, u, tanh_c = gates
        np.tanh(u, out=u)
        y = np.empty((rows, 2 * n), sums.dtype)
        h, c = as_planes(y, n)
        np.multiply(i, u, out=tanh_c)  # c for now
        c[...] = tanh_c
        np.tanh(tanh_c, out=tanh_c)
        np.multiply(o, tanh_c, out=h)
        return y, (x, rows_first(gates, n))

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        x, n = saved[0], self.hidden
        gates = gates_first(saved[1], n)
        i, o, u, tanh_c = gates
        dh, dc = as_planes(gradient, n)
        side_by_side = new_side_by_side(3, x.shape[0], n, gradient.dtype)
        di, do, du = as_planes(side_by_side, n)
        slope_i, slope_o = sigmoid_slope(gates[:2])
        through = tanh_slope(tanh_c)  # dc, once it is complete
        through *= o
        through *= dh
        through += dc
        slope_o *= tanh_c
        np.multiply(slope_o, dh, out=do)
        slope_i *= u
        np.multiply(slope_i, through, out=di)
        slope_u = tanh_slope(u)
        slope_u *= i
        np.multiply(slope_u, through, out=du)
        dx = side_by_side @ parameters["W"].T if input_gradient else None
        return dx, (x, side_by_side)


@dataclass(eq=False)
class BranchLstm(Cell):
    """[h_l | c_l | h_r | c_r] of (rows, 4 * hidden) to [h | c] of (rows, 2 * hidden), float32: an inner node of a tree.

    Gates i, f_l, f_r, o, u side by side in W (2 * hidden, 5 * hidden), which acts on [h_l | h_r], and b; u = tanh, the
    others sigmoid; c = i u + f_l c_l + f_r c_r; h = o tanh(c). The forget gates begin with a bias of 1.
    """

    hidden: int = 0
    gates = 5
    kept_planes = 8
    forward_flops = 17  # bias and function of five gates, five for c, tanh(c), h
    backward_flops = 25
    backward_flops_dx = 2

    @property
    def operation(self) -> str:
        return f"BranchLstm({self.hidden})"

    @property
    def gate_width(self) -> int:
        return self.hidden

    @property
    def fan_in(self) -> int:
        return 2 * self.hidden

    def faults(self) -> Iterator[str]:
        yield from sizes(self, "hidden")

    def infer(self, x: Spec) -> Spec:
        need_columns(x, 4 * self.hidden, self.operation)
        return Spec((x.shape[0], 2 * self.hidden), FLOAT)

    def initial(self, random: np.random.Generator) -> dict[str, Array]:
        values = super().initial(random)
        values["b"][self.hidden : 3 * self.hidden] = 1
        return values

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        n, rows = self.hidden, x.shape[0]
        children = x.reshape(rows, 2, 2, n)
        outputs = children[:, :, 0].reshape(rows, 2 * n)  # copied: it is what the weight gradient needs later
        sums = product(outputs, parameters["W"], n)
        gates = new_planes(8, rows, n, sums.dtype)
        memories = gates[6:]
        memories[...] = as_planes(x, n)[1::2]
        np.add(sums, bias(parameters["b"], n), out=gates[:5])
        sigmoid(gates[:4])
        i, o, u, tanh_c = gates[0], gates[3], gates[4], gates[5]
        np.tanh(u, out=u)
        np.multiply(i, u, out=tanh_c)  # c for now
        left, right = gates[1:3] * memories
        tanh_c += left
        tanh_c += right
        y = np.empty((rows, 2 * n), sums.dtype)
        h, c = as_planes(y, n)
        c[...] = tanh_c
        np.tanh(tanh_c, out=tanh_c)
        np.multiply(o, tanh_c, out=h)
        return y, (outputs, rows_first(gates, n))

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        outputs, n = saved[0], self.hidden
        rows = outputs.shape[0]
        gates = gates_first(saved[1], n)
        i, o, u, tanh_c = gates[0], gates[3], gates[4], gates[5]
        dh, dc = as_planes(gradient, n)
        side_by_side = new_side_by_side(5, rows, n, gradient.dtype)
        made = as_planes(side_by_side, n)
        slopes = sigmoid_slope(gates[:4])
        through = tanh_slope(tanh_c)  # dc, once it is complete
        through *= o
        through *= dh
        through += dc
        slope_i, slope_o, slope_f = slopes[0], slopes[3], slopes[1:3]
        slope_o *= tanh_c
        np.multiply(slope_o, dh, out=made[3])
        slope_i *= u
        slope_f *= gates[6:]
        np.multiply(slopes[:3], through, out=made[:3])
        slope_u = tanh_slope(u)
        slope_u *= i
        np.multiply(slope_u, through, out=made[4])
        if not input_gradient:
            return None, (outputs, side_by_side)
        dx = np.empty((rows, 4 * n), gradient.dtype)
        np.multiply(gates[1:3], through, out=as_planes(dx, n)[1::2])
        dx.reshape(rows, 2, 2, n)[:, :, 0] = (side_by_side @ parameters["W"].T).reshape(rows, 2, n)
        return dx, (outputs, side_by_side)
