"""A table looked up by number; only the rows used are ever touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ampsim.ir.message import FORWARD, Array, Spec
from ampsim.ir.nodes.base import FLOAT, Parameterised, Parameters, RowGradient, ShapeError, need_range, sizes
from ampsim.ir.work import Work

ROUNDS = 4
FEW = 32  # tokens that are told apart by a product with ones and zeros
_SMALL, _NARROW = 20_000, 16  # elements and columns below which the simple way is the faster one


@dataclass(eq=False)
class Embedding(Parameterised):
    """int64 of shape (rows,) to float32 of shape (rows, width): row ``x[i]`` of a (vocabulary, width) table.

    ``scale`` is the standard deviation of the initial entries.
    """

    adds_up: ClassVar[bool] = False

    vocabulary: int = 0
    width: int = 0
    scale: float = 1.0

    @property
    def operation(self) -> str:
        return f"Embedding({self.vocabulary}, {self.width})"

    def faults(self) -> Iterator[str]:
        yield from sizes(self, "vocabulary", "width")
        if type(self.scale) not in (int, float) or not 0 <= self.scale < 1e6:
            yield f"Embedding.scale is {self.scale!r}; it is a number from 0 to below 1e6"

    def infer(self, x: Spec) -> Spec:
        if x.dtype != np.int64 or len(x.shape) != 1:
            raise ShapeError(f"{self.operation} needs int64 of shape (rows,), gets {x.dtype} of shape {x.shape}")
        return Spec((x.shape[0], self.width), FLOAT)

    def saves(self, x: Spec) -> tuple[Spec, ...]:
        return (x,)

    def parameters(self) -> dict[str, Spec]:
        return {"table": Spec((self.vocabulary, self.width), FLOAT)}

    def initial(self, random: np.random.Generator) -> dict[str, Array]:
        table = random.standard_normal((self.vocabulary, self.width), dtype=np.float32)
        table *= np.float32(self.scale)
        return {"table": table}

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        need_range(x, self.vocabulary, self.operation)
        return parameters["table"].take(x, axis=0), (x,)

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        return None, (saved[0], gradient)

    def gradients(self, deferred: tuple[Array, ...]) -> dict[str, Any]:
        tokens, gradient = deferred
        if self.vocabulary > FEW:
            return {"table": RowGradient(*sum_by_token(tokens, gradient))}
        chosen = np.equal(np.arange(self.vocabulary)[:, None], tokens).astype(gradient.dtype)
        rows = np.flatnonzero(chosen.any(axis=1))
        return {"table": RowGradient(rows, (chosen @ gradient).take(rows, axis=0))}

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        if direction == FORWARD:
            return Work(read=x.nbytes + 4 * x.shape[0] * self.width, written=4 * x.shape[0] * self.width)
        return Work()

    def gradient_work(self, rows: int) -> Work:
        return Work(vector=rows * self.width, read=4 * rows * self.width, written=4 * rows * self.width)

    def touched(self, rows: int) -> int:
        return min(rows, self.vocabulary) * self.width


def sum_by_token(tokens: Array, gradient: Array) -> tuple[Array, Array]:
    """The tokens that occur, ascending, and the sum of the rows of each, added in the order of the rows.

    ``reduceat`` takes half a microsecond for a row. So many rows are added in rounds, the second of each token to the
    first, then the third, and what occurs oftener than :data:`ROUNDS` times by a product with ones.
    """
    order = np.argsort(tokens, kind="stable")
    ordered = tokens.take(order)
    fresh = np.flatnonzero(np.diff(ordered, prepend=-1))
    rows = ordered.take(fresh)
    if gradient.size < _SMALL or gradient.shape[1] < _NARROW:
        return rows, np.add.reduceat(gradient.take(order, axis=0), fresh, axis=0)
    counts = np.diff(fresh, append=len(order))
    found = gradient.take(order.take(fresh), axis=0)
    often = np.flatnonzero(counts > ROUNDS)
    ones = np.ones(counts.max(), gradient.dtype)
    for at in often.tolist():
        start, count = fresh[at], counts[at]
        np.matmul(ones[:count], gradient.take(order[start : start + count], axis=0), out=found[at])
    counts[often] = 1
    for number in range(1, counts.max()):
        again = np.flatnonzero(counts > number)
        found[again] += gradient.take(order.take(fresh.take(again) + number), axis=0)
    return rows, found
