"""The ways into and out of replicas: a Cond and a Phi that go by the number of the instance. Made by Graph.of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ampsim.ir.message import Messages, State
from ampsim.ir.nodes.base import Function
from ampsim.ir.nodes.routing import Cond, Phi, Routing, Site, partition


def copy_of(state: State, copies: int) -> int:
    """The copy that handles a message: its instance modulo the number of copies."""
    return state[0] % copies


def _numbered(copies: object) -> tuple[str, ...]:
    return tuple(map(str, range(copies))) if isinstance(copies, int) else ()


@dataclass(eq=False)
class ByCopies(Routing):
    """A way with ports ``0`` to ``copies - 1``, one for each copy."""

    ports: tuple[str, ...] = ()
    copies: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ports = _numbered(self.copies)

    def faults(self) -> Iterator[str]:
        if type(self.copies) is not int or self.copies < 2:
            yield f"{type(self).__name__}.copies is {self.copies!r}; it is an int from 2"


@dataclass(eq=False)
class ByInstance(ByCopies, Cond):
    """Sends each message to the port of the copy that handles its instance."""

    predicate: Function = copy_of

    def choices(self, site: Site, states: Sequence[State]) -> list[int]:
        copies = self.copies
        return [state[0] % copies for state in states]


@dataclass(eq=False)
class FromCopies(ByCopies, Phi):
    """Joins what copies put out.

    The instance tells whose a gradient is: nothing is kept.
    """

    def forward(self, site: Site, port: int, messages: Messages) -> None:
        site.send(0, messages.states, messages.rows, messages.payload)

    def backward(self, site: Site, port: int, messages: Messages) -> None:
        for origin, part in partition(messages, [copy_of(state, self.copies) for state in messages.states]):
            site.answer(origin, part.states, part.rows, part.payload)
