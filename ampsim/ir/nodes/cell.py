"""What cells with one product for all their gates have in common."""

from __future__ import annotations

import numpy as np

from ampsim.ir.message import FORWARD, Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameterised
from ampsim.ir.nodes.gates import column_sums, normal
from ampsim.ir.work import Work


class Cell(Parameterised):
    """One product for all gates: a weight of (fan_in, gates * gate_width), a bias, and planes that are kept."""

    gates = 0  # side by side in W and b
    kept_planes = 0  # arrays of the size of one gate that forward keeps, apart from its input
    forward_flops = 0  # elementwise, for each row and column of a gate
    backward_flops = 0
    backward_flops_dx = 0  # as well, where the input's gradient is wanted

    @property
    def fan_in(self) -> int:
        """Rows of the weight."""
        raise TypeError(f"{type(self).__name__} has no fan_in")

    @property
    def gate_width(self) -> int:
        """Columns of one gate."""
        raise TypeError(f"{type(self).__name__} has no gate_width")

    def saves(self, x: Spec) -> tuple[Spec, ...]:
        rows = x.shape[0]
        return Spec((rows, self.fan_in), FLOAT), Spec((rows, self.kept_planes, self.gate_width), FLOAT)

    def parameters(self) -> dict[str, Spec]:
        columns = self.gates * self.gate_width
        return {"W": Spec((self.fan_in, columns), FLOAT), "b": Spec((columns,), FLOAT)}

    def initial(self, random: np.random.Generator) -> dict[str, Array]:
        columns = self.gates * self.gate_width
        return {"W": normal(random, self.fan_in, (self.fan_in, columns)), "b": np.zeros(columns, np.float32)}

    def defers(self, x: Spec) -> tuple[Spec, ...]:
        rows = x.shape[0]
        return Spec((rows, self.fan_in), FLOAT), Spec((rows, self.gates * self.gate_width), FLOAT)

    def gradients(self, deferred: tuple[Array, ...]) -> dict[str, Array]:
        x, gates = deferred
        return {"W": x.T @ gates, "b": column_sums(gates)}

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        rows, k, n = x.shape[0], self.fan_in, self.gates * self.gate_width
        kept_bytes = 4 * rows * self.kept_planes * self.gate_width
        out = self.infer(x).nbytes
        if direction == FORWARD:
            vector = self.forward_flops * rows * self.gate_width
            return Work(((rows, k, n),), vector, x.nbytes + 4 * (k + 1) * n, out + kept_bytes)
        vector = self.backward_flops * rows * self.gate_width
        if not input_gradient:
            return Work((), vector, out + kept_bytes, 4 * rows * n)
        vector += self.backward_flops_dx * rows * self.gate_width
        return Work(((rows, n, k),), vector, out + kept_bytes + 4 * k * n, 4 * rows * n + x.nbytes)

    def gradient_work(self, rows: int) -> Work:
        k, n = self.fan_in, self.gates * self.gate_width
        return Work(((k, rows, n),), rows * n, 4 * rows * (k + n), 4 * (k + 1) * n)
