"""Nodes with one side wider than the other: Concat and Add gather forward, Split and Bcast backward.

The wide side *spreads* without a task of its own; the narrow side *collects* until one message per port has come, and
is a task when it is complete. Parts are always taken in port order, never in order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ampsim.ir.kernels import add, cut_columns, offsets, stack_columns, zeros
from ampsim.ir.message import Array, Payload, Spec
from ampsim.ir.nodes.base import Node, ShapeError
from ampsim.ir.work import Work


class FanIn(Node):
    """Several inputs, one output. Output state: that of port 0; the other ports match it by key."""

    def infer(self, parts: Sequence[Spec]) -> Spec:
        """Shape and dtype of the output. Raises ShapeError."""
        raise TypeError(f"{type(self).__name__} has no infer")

    def merge(self, parts: Sequence[Array | Spec]) -> Array | Spec:
        """The forward function: one part per input port, all with the same rows."""
        raise TypeError(f"{type(self).__name__} has no merge")

    def spread(self, gradient: Array | Spec, parts: Sequence[Spec]) -> list[Array | Spec]:
        """The backward function: the gradient of each part, in port order."""
        raise TypeError(f"{type(self).__name__} has no spread")

    def work(self, parts: Sequence[Spec]) -> Work:
        """Cost of :meth:`merge`."""
        size = sum(part.nbytes for part in parts)
        return Work(read=size, written=size)


class FanOut(Node):
    """One input, several outputs; the state goes out unchanged on each."""

    def infer(self, x: Spec) -> list[Spec]:
        """Shapes and dtypes of the outputs, in port order. Raises ShapeError."""
        raise TypeError(f"{type(self).__name__} has no infer")

    def spread(self, x: Payload) -> list[Payload]:
        """The forward function."""
        raise TypeError(f"{type(self).__name__} has no spread")

    def merge(self, gradients: Sequence[Payload]) -> Payload:
        """The backward function; None where a port's edge needs no gradient."""
        raise TypeError(f"{type(self).__name__} has no merge")

    def work(self, gradients: Sequence[Spec]) -> Work:
        """Cost of :meth:`merge`."""
        size = sum(part.nbytes for part in gradients)
        return Work(read=size, written=size)


@dataclass(eq=False)
class Concat(FanIn):
    """Columns of all inputs side by side, in port order."""

    ports: tuple[str, ...] = ("first", "second")

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.ports)

    def infer(self, parts: Sequence[Spec]) -> Spec:
        first = parts[0]
        if any(len(part.shape) != 2 or part.dtype != first.dtype for part in parts):
            raise ShapeError(f"Concat needs (rows, columns) of one dtype on every port, gets {list(parts)}")
        if any(part.shape[0] != first.shape[0] for part in parts):
            raise ShapeError(f"Concat needs the same rows on every port, gets {[part.shape[0] for part in parts]}")
        merged = stack_columns(parts)
        assert isinstance(merged, Spec)
        return merged

    def merge(self, parts: Sequence[Array | Spec]) -> Array | Spec:
        return stack_columns(parts)

    def spread(self, gradient: Array | Spec, parts: Sequence[Spec]) -> list[Array | Spec]:
        at = offsets([part.shape[1] for part in parts])
        return [cut_columns(gradient, start, stop) for start, stop in pairwise(at)]


@dataclass(eq=False)
class Add(FanIn):
    """The sum of all inputs, added in port order; the gradient goes to each as it is."""

    ports: tuple[str, ...] = ("first", "second")

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.ports)

    def infer(self, parts: Sequence[Spec]) -> Spec:
        first = parts[0]
        if any(part != first for part in parts):
            raise ShapeError(f"Add needs the same rows, columns and dtype on every port, gets {list(parts)}")
        return first

    def merge(self, parts: Sequence[Array | Spec]) -> Array | Spec:
        merged = add(parts)
        assert merged is not None
        return merged

    def spread(self, gradient: Array | Spec, parts: Sequence[Spec]) -> list[Array | Spec]:
        return [gradient] * len(parts)

    def work(self, parts: Sequence[Spec]) -> Work:
        size, one = sum(part.nbytes for part in parts), parts[0].nbytes
        return Work(vector=(size - one) // 4, read=size, written=one)


@dataclass(eq=False)
class Split(FanOut):
    """Columns cut into consecutive parts of the given sizes."""

    sizes: tuple[int, ...] = ()
    ports: tuple[str, ...] = ("first", "second")

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.ports)

    def faults(self) -> Iterator[str]:
        if len(self.sizes) != len(self.ports):
            yield f"Split has {len(self.sizes)} sizes for {len(self.ports)} ports; give one size for each port"
        if any(type(size) is not int or size < 1 for size in self.sizes):
            yield f"Split.sizes is {self.sizes!r}; sizes are ints from 1"

    def infer(self, x: Spec) -> list[Spec]:
        if len(x.shape) != 2 or x.shape[1] != sum(self.sizes):
            raise ShapeError(f"Split needs {sum(self.sizes)} columns, gets shape {x.shape}")
        return [Spec((x.shape[0], size), x.dtype) for size in self.sizes]

    def spread(self, x: Payload) -> list[Payload]:
        assert x is not None
        return [cut_columns(x, start, stop) for start, stop in pairwise(offsets(self.sizes))]

    def merge(self, gradients: Sequence[Payload]) -> Payload:
        filled = [part for part in gradients if part is not None]
        if not filled:
            return None
        parts = [zeros(filled[0], size) if p is None else p for p, size in zip(gradients, self.sizes, strict=True)]
        return stack_columns(parts)


@dataclass(eq=False)
class Bcast(FanOut):
    """The same payload on every output; the gradients are added in port order."""

    ports: tuple[str, ...] = ("first", "second")

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.ports)

    def infer(self, x: Spec) -> list[Spec]:
        return [x] * len(self.ports)

    def spread(self, x: Payload) -> list[Payload]:
        return [x] * len(self.ports)

    def merge(self, gradients: Sequence[Payload]) -> Payload:
        return add(gradients)

    def work(self, gradients: Sequence[Spec]) -> Work:
        size = sum(part.nbytes for part in gradients)
        one = gradients[0].nbytes if gradients else 0
        return Work(vector=(size - one) // 4, read=size, written=one)
