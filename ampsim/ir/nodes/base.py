"""What every node is, and the ``>>`` that links nodes.

A node is configuration: a name, ports, sizes, function names. It holds no weights and no messages, so the same node
object serves every backend. What a node *does* stands beside it as methods that take arrays and give arrays; what it
must remember between them is kept by the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from ampsim.errors import GraphError, RunError
from ampsim.ir.copies import Mark, Replica
from ampsim.ir.message import Array, Spec
from ampsim.ir.reference import reference
from ampsim.ir.work import Work

Function = Callable[..., Any] | str
Parameters = Mapping[str, Array]
FLOAT = np.dtype(np.float32)


class ShapeError(ValueError):
    """A payload of this shape or dtype cannot enter this node; the text says what the node needs."""


class Link(NamedTuple):
    """One ``>>`` as written: ports stay None where none was named."""

    source: Node
    output: str | None
    target: Node
    input: str | None


class Port(NamedTuple):
    """A node with one of its ports named: ``cond["loop"] >> phi["again"]``."""

    node: Node
    name: str

    def __rshift__(self, other: Node | Port) -> Node:
        return connect(self.node, self.name, other)


@dataclass(eq=False)
class Node:
    """Base of all nodes.

    ``name`` is unique in a graph (left out: made from the type). ``key`` maps a state to what is remembered under it;
    the default is the whole state. A join may take one key for each input port, as a dict. Keys are functions
    ``key(state) -> tuple``, given as functions of a module or as ``"module:name"``. ``replica`` says which copy it is
    of which node; ``links``, ``units`` and ``mark`` are of use until the graph is built. What is linked is not what a
    graph holds: that are copies, ``built``, which do not change.
    """

    name: str = ""
    key: Function | dict[str, Function] | None = field(default=None, kw_only=True)
    unit: int | None = field(default=None, kw_only=True)
    replica: Replica | None = field(default=None, kw_only=True, repr=False)
    links: list[Link] = field(default_factory=list, kw_only=True, repr=False)
    units: tuple[int, ...] = field(default=(), kw_only=True, repr=False)
    mark: Mark | None = field(default=None, kw_only=True, repr=False)
    built: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.key, dict):
            self.key = {port: reference(function) for port, function in self.key.items()}
        elif self.key is not None:
            self.key = reference(self.key)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input ports, in port order."""
        return ("in",)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output ports, in port order."""
        return ("out",)

    @property
    def functions(self) -> tuple[str, ...]:
        """References of all functions this node calls."""
        return ()

    def faults(self) -> Iterator[str]:
        """What is wrong with the node's own settings, in words, each with what to do."""
        yield from ()

    @property
    def base(self) -> str:
        """The name the node was built with: that of all copies of a replicated node, else its own."""
        return self.replica.base if self.replica else self.name

    def affinity(self, unit: int, *more: int) -> Self:
        """Put the node on the logical unit ``unit`` (an int >= 0); a placement maps units to workers or chips.

        A replicated node may be given a unit for each copy. With a single one, u, copy i is put on unit
        u + i * (the largest unit of the graph + 1). Raises GraphError for a node of a graph: see `Graph.with_units`.
        """
        self._need_open("graph.with_units({name: unit}) gives a graph with other units")
        self.unit = unit
        self.units = (unit, *more) if more else ()
        return self

    def replicas(self, copies: int, sync: str | int = "epoch", slots: str = "average") -> Self:
        """Have ``copies`` copies of the node, ``name.0``, ``name.1`` ..., which share the instances among them.

        They start from equal parameters and are averaged when nothing is in flight: at the end of every epoch, and
        with a number as ``sync`` after so many training instances too. ``slots`` is ``average`` or ``keep``: what
        becomes of the state of their optimizers. Bad values are reported by ``verify``. Raises GraphError for a node
        of a graph.
        """
        self._need_open("graph.replicas(...) gives a graph with copies of all nodes")
        self.mark = Mark(copies, sync, slots)
        return self

    def _need_open(self, do: str) -> None:
        if self.built:
            what = f"node {self.name!r} stands in a graph, which does not change once it is built"
            raise GraphError(what, do=f"change the node before Graph.of(...); {do}")

    def __rshift__(self, other: Node | Port) -> Node:
        return connect(self, None, other)

    def __getitem__(self, port: str) -> Port:
        return Port(self, port)


def connect(source: Node, output: str | None, other: Node | Port) -> Node:
    """Record an edge and return the target node, so that ``a >> b >> c`` reads from left to right."""
    target, port = (other.node, other.name) if isinstance(other, Port) else (other, None)
    link = Link(source, output, target, port)
    source.links.append(link)
    if target is not source:
        target.links.append(link)
    return target


class Transform(Node):
    """One payload in, one payload out, the state untouched. Non-parameterised (NPT) unless it has parameters."""

    @property
    def operation(self) -> str:
        """Type and sizes, e.g. ``Linear(784, 10)``: nodes of equal operation cost the same."""
        return type(self).__name__

    def infer(self, x: Spec) -> Spec:
        """Shape and dtype of the output. Raises ShapeError."""
        return x

    def saves(self, x: Spec) -> tuple[Spec, ...]:
        """Shapes of what :meth:`forward` keeps for the backward pass."""
        return (self.infer(x),)

    def forward(self, x: Array, parameters: Parameters) -> tuple[Array, tuple[Array, ...]]:
        """Output and what to keep; every kept array has the rows of ``x`` along its first axis."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def backward(
        self, gradient: Array, saved: tuple[Array, ...], parameters: Parameters, input_gradient: bool
    ) -> tuple[Array | None, tuple[Array, ...]]:
        """Gradient of the input (None unless asked for) and the rows from which weight gradients are made later."""
        raise TypeError(f"{type(self).__name__} has no backward")

    def work(self, x: Spec, direction: int, input_gradient: bool = True) -> Work:
        """Cost of one direction on an input of shape ``x``."""
        size = prod(x.shape)
        return Work(vector=size, read=x.nbytes, written=x.nbytes)


class Parameterised(Transform):
    """A parameterised payload transform (PPT). Weight gradients are formed from deferred rows when an update is due.

    ``adds_up`` says that :meth:`gradients` gives arrays, so that those of several pieces can be added.
    """

    adds_up: ClassVar[bool] = True

    def parameters(self) -> dict[str, Spec]:
        """Names, shapes and dtypes of the parameters."""
        raise TypeError(f"{type(self).__name__} has no parameters")

    def initial(self, random: np.random.Generator) -> dict[str, Array]:
        """Initial values, drawn from ``random`` only."""
        raise TypeError(f"{type(self).__name__} has no initial values")

    def defers(self, x: Spec) -> tuple[Spec, ...]:
        """Shapes of the rows that one backward call on an input of shape ``x`` defers."""
        return (x, self.infer(x))

    def gradients(self, deferred: tuple[Array, ...]) -> dict[str, Any]:
        """Weight gradients summed over all deferred rows: an array or a RowGradient for each parameter."""
        raise TypeError(f"{type(self).__name__} has no gradients")

    def gradient_work(self, rows: int) -> Work:
        """Cost of :meth:`gradients` over so many rows; the optimizer's own cost comes on top."""
        return Work()

    def touched(self, rows: int) -> int:
        """Number of parameter elements that an update from so many rows changes, at most."""
        return sum(prod(spec.shape) for spec in self.parameters().values())


class RowGradient(NamedTuple):
    """Gradient of a table of which only some rows were used: ``values[i]`` belongs to row ``rows[i]``, rows unique."""

    rows: Array
    values: Array


def sizes(node: Node, *names: str) -> Iterator[str]:
    """A fault for each of these settings of a node that is no size."""
    for name in names:
        value = getattr(node, name)
        if type(value) is not int or value < 1:
            yield f"{type(node).__name__}.{name} is {value!r}; sizes are ints from 1"


def need_range(numbers: Array, below: int, node: str) -> None:
    """Raise RunError unless all ``numbers`` are from 0 to ``below`` - 1; numpy takes negative ones from the end."""
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < below):
        raise RunError(
            f"{node} gets a number from {numbers.min()} to {numbers.max()}, where 0 to {below - 1} are known",
            do="make the node larger, or look at the data",
        )


def need_columns(x: Spec, columns: int, node: str) -> None:
    """Raise ShapeError unless ``x`` is float32 of shape (rows, columns)."""
    if x.dtype != FLOAT or len(x.shape) != 2 or x.shape[1] != columns:
        raise ShapeError(f"{node} needs float32 of shape (rows, {columns}), gets {x.dtype} of shape {x.shape}")
