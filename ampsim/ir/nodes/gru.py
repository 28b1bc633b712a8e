"""The gated recurrent unit (Cho et al. 2014), in the form of cuDNN and PyTorch: the reset gate acts on h U + c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ampsim.ir.message import FORWARD, Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameterised, Parameters, need_columns, sizes
from ampsim.ir.nodes.gates import (
    as_plane,
    as_planes,
    bias,
    column_sums,
    gates_first,
    new_planes,
    new_side_by_side,
    normal,
    product,
    rows_first,
    sigmoid,
    sigmoid_slope,
    tanh_slope,
)
from ampsim.ir.work import Work


@dataclass(eq=False)
class Gru(Parameterised):
    """[m | h] of (rows, width + hidden) to the new h of (rows, hidden), float32.

    r, z = sigmoid(m W + h U + b);  n = tanh(m W_n + b_n + r (h U_n + c));  h' = (1 - z) n + z h.

    W (width, 3 * hidden) has the gates n, r, z side by side and U (hidden, 3 * hidden) has r, z, n, so that the
    gradients [n | r | z | r n], from which both are made, need not be copied; b (4 * hidden) is [b_n | b_r | b_z | c].
    """

    width: int = 0
    hidden: int = 0

    @property
    def operation(self) -> str:
        return f"Gru({self.width}, {self.hidden})"

    def faults(self) -> Iterator[str]:
        yield from sizes(self, "width", "hidden")

    def infer(self, x: Spec) -> Spec:
        need_columns(x, self.width + self.hidden, self.operation)
        return Spec((x.shape[0], self.hidden), FLOAT)

    def saves(self, x: Spec) -> tuple[Spec, ...]:
        return x, Spec((x.shape[0], 4, self.hidden), FLOAT)

    def parameters(self) -> dict[str, Spec]:
        n = self.hidden
        return {
            "W": Spec((self.width, 3 * n), FLOAT),
            "U": Spec((n, 3 * n), FLOAT),
            "b": Spec((4 * n,), FLOAT),
        }

    def initial(self, random: np.random.Generator) -> dict[str, Array]:
        n, fan_in = self.hidden, self.width + self.hidden
        return {
            "W": normal(random, fan_in, (self.width, 3 * n)),
            "U": normal(random, fan_in, (n, 3 * n)),
            "b": np.zeros(4 * n, np.float32),
        }

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        n, rows = self.hidden, x.shape[0]
        old = x[:, self.width :]
        entering = product(x[:, : self.width], parameters["W"], n)
        lasting = product(old, parameters["U"], n)
        biases = bias(parameters["b"], n)
        gates = new_planes(4, rows, n, entering.dtype)
        r, z, new, inner = gates
        both = gates[:2]
        np.add(entering[1:], lasting[:2], out=both)
        both += biases[1:3]
        sigmoid(both)
        np.add(lasting[2], biases[3], out=inner)
        np.multiply(r, inner, out=new)
        new += entering[0]
        new += biases[0]
        np.tanh(new, out=new)
        y = np.empty((rows, n), entering.dtype)
        moved = as_plane(old, n) - new
        moved *= z
        np.add(moved, new, out=as_plane(y, n))
        return y, (x, rows_first(gates, n))

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        x, n = saved[0], self.hidden
        rows = x.shape[0]
        gates = gates_first(saved[1], n)
        r, z, new, inner = gates
        g = as_plane(gradient, n)
        side_by_side = new_side_by_side(4, rows, n, gradient.dtype)
        dn, dr, dz, di = as_planes(side_by_side, n)
        slope_r, slope_z = sigmoid_slope(gates[:2])
        stays = g * z
        slope_n = tanh_slope(new)
        slope_n *= g - stays
        dn[...] = slope_n
        np.multiply(slope_n, r, out=di)
        slope_r *= inner
        np.multiply(slope_r, slope_n, out=dr)
        slope_z *= as_plane(x[:, self.width :], n) - new
        np.multiply(slope_z, g, out=dz)
        if not input_gradient:
            return None, (x, side_by_side)
        dx = np.empty(x.shape, gradient.dtype)
        np.matmul(side_by_side[:, : 3 * n], parameters["W"].T, out=dx[:, : self.width])
        into = dx[:, self.width :]
        np.matmul(side_by_side[:, n:], parameters["U"].T, out=into)
        across = as_plane(into, n)
        across += stays
        return dx, (x, side_by_side)

    def defers(self, x: Spec) -> tuple[Spec, ...]:
        return x, Spec((x.shape[0], 4 * self.hidden), FLOAT)

    def gradients(self, deferred: tuple[Array, ...]) -> dict[str, Array]:
        x, gates = deferred
        n = self.hidden
        return {
            "W": x[:, : self.width].T @ gates[:, : 3 * n],
            "U": x[:, self.width :].T @ gates[:, n:],
            "b": column_sums(gates),
        }

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        rows, width, n = x.shape[0], self.width, self.hidden
        weights, out, kept_bytes = 4 * 3 * n * (width + n), 4 * rows * n, 4 * rows * 4 * n
        if direction == FORWARD:  # bias of four, r + z twice, r (h U), + m W, three functions, three for h'
            products = ((rows, width, 3 * n), (rows, n, 3 * n))
            return Work(products, 14 * rows * n, x.nbytes + weights + 4 * 4 * n, out + kept_bytes)
        read, written = out + kept_bytes + out, 4 * rows * 4 * n
        if not input_gradient:
            return Work((), 15 * rows * n, read, written)
        products = ((rows, 3 * n, width), (rows, 3 * n, n))
        return Work(products, 16 * rows * n, read + weights, written + x.nbytes)

    def gradient_work(self, rows: int) -> Work:
        width, n = self.width, self.hidden
        products = ((width, rows, 3 * n), (n, rows, 3 * n))
        columns = 3 * n * (width + n) + 4 * n
        return Work(products, 4 * rows * n, 4 * rows * (width + n + 4 * n), 4 * columns)
