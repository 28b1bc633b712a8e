"""Nodes that only decide where a message goes or what it is called: no arithmetic, no task of their own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ampsim.errors import RunError
from ampsim.ir.kernels import select
from ampsim.ir.message import Messages, Payload, State
from ampsim.ir.nodes.base import Function, Node
from ampsim.ir.nodes.calls import mapped
from ampsim.ir.reference import reference


class Site(Protocol):
    """What the engine offers a routing node at the worker that hosts it."""

    cache: dict[Hashable, Any]

    def keys(self, states: Sequence[State]) -> Sequence[Hashable]:
        """The node's key of each state."""

    def training(self, states: Sequence[State]) -> bool:
        """Whether backward messages will come for these states."""

    def remember(self, states: Sequence[State], values: Sequence[Any]) -> None:
        """Keep one value for each state until :meth:`recall`; two equal keys in flight are an error."""

    def recall(self, states: Sequence[State]) -> list[Any]:
        """Give back what was remembered, and forget it."""

    def structure(self, instance: int) -> Any:
        """The data set's structure of an instance."""

    def send(self, port: int, states: Sequence[State], rows: Sequence[int], payload: Payload) -> None:
        """Emit forward messages on an output port."""

    def answer(self, port: int, states: Sequence[State], rows: Sequence[int], payload: Payload) -> None:
        """Emit backward messages on an input port."""


class Routing(Node):
    """Base of the nodes that run inside the task that produced the message."""

    def forward(self, site: Site, port: int, messages: Messages) -> None:
        """Handle messages that came in on input ``port``."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def backward(self, site: Site, port: int, messages: Messages) -> None:
        """Handle gradients that came back on output ``port``."""
        raise TypeError(f"{type(self).__name__} has no backward")


def partition(messages: Messages, choices: Sequence[int]) -> list[tuple[int, Messages]]:
    """The messages of each choice, choices in ascending order."""
    if choices.count(choices[0]) == len(choices):
        return [(choices[0], messages)]
    groups: dict[int, list[int]] = {}
    for position, choice in enumerate(choices):
        groups.setdefault(choice, []).append(position)
    return [(choice, select(messages, chosen)) for choice, chosen in sorted(groups.items())]


@dataclass(eq=False)
class Phi(Routing):
    """Joins paths: what comes in on any port goes out, and its gradient goes back to the port it came from."""

    ports: tuple[str, ...] = ("start", "again")

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.ports)

    def forward(self, site: Site, port: int, messages: Messages) -> None:
        if site.training(messages.states):
            site.remember(messages.states, [port] * len(messages.states))
        site.send(0, messages.states, messages.rows, messages.payload)

    def backward(self, site: Site, port: int, messages: Messages) -> None:
        for origin, part in partition(messages, site.recall(messages.states)):
            site.answer(origin, part.states, part.rows, part.payload)


@dataclass(eq=False)
class Cond(Routing):
    """Chooses an output port by ``predicate(state, structure)``: False or 0 is the first port, True or 1 the second."""

    predicate: Function = ""
    ports: tuple[str, ...] = ("no", "yes")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.predicate = reference(self.predicate)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.ports)

    @property
    def functions(self) -> tuple[str, ...]:
        return (reference(self.predicate),)

    def choices(self, site: Site, states: Sequence[State]) -> list[int]:
        """The number of the port for each state."""
        return mapped(self, self.predicate, states, site.structure, numbers=True)

    def forward(self, site: Site, port: int, messages: Messages) -> None:
        choices = self.choices(site, messages.states)
        if not 0 <= min(choices) <= max(choices) < len(self.ports):
            ports = f"it chooses among {len(self.ports)} ports: {list(self.ports)}"
            raise RunError(f"{self.predicate} gave a number that is no port of {self.name}", self.name, ports)
        for choice, part in partition(messages, choices):
            site.send(choice, part.states, part.rows, part.payload)

    def backward(self, site: Site, port: int, messages: Messages) -> None:
        site.answer(0, messages.states, messages.rows, messages.payload)


@dataclass(eq=False)
class Isu(Routing):
    """Invertible state update: ``update(state, structure)`` on the way forward, ``inverse`` on the way back."""

    update: Function = ""
    inverse: Function = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.update = reference(self.update)
        self.inverse = reference(self.inverse)

    @property
    def functions(self) -> tuple[str, ...]:
        return (reference(self.update), reference(self.inverse))

    def _map(self, site: Site, function: Function, states: Sequence[State]) -> list[State]:
        return mapped(self, function, states, site.structure)

    def forward(self, site: Site, port: int, messages: Messages) -> None:
        site.send(0, self._map(site, self.update, messages.states), messages.rows, messages.payload)

    def backward(self, site: Site, port: int, messages: Messages) -> None:
        site.answer(0, self._map(site, self.inverse, messages.states), messages.rows, messages.payload)


class Detach(Routing):
    """Passes on; no gradient comes back. What lies behind it learns from what lies in front, and not the other way."""

    def forward(self, site: Site, port: int, messages: Messages) -> None:
        site.send(0, messages.states, messages.rows, messages.payload)

    def backward(self, site: Site, port: int, messages: Messages) -> None:
        site.answer(0, messages.states, messages.rows, None)
