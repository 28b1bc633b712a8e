"""The place of one node at its worker: its keys, what it remembers, and its edges."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ampsim.engine.station import KeyCollision, Keys, KeyUnknown
from ampsim.ir.message import BACKWARD, FORWARD, Messages, Payload, Spec, State
from ampsim.ir.nodes import FanIn, FanOut, Node, Routing
from ampsim.ir.nodes.calls import keys_of

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


def whole(states: Sequence[State]) -> Sequence[State]:
    """The default key: the state itself."""
    return states


def key_function(node: Node, port: str | None = None) -> Keys:
    """The node's key, vectorised over states."""
    name = node.key.get(port or "") if isinstance(node.key, dict) else node.key
    if name is None:
        return whole
    return partial(keys_of, node, name)


class Site:
    """One node at its worker; what routing nodes see as the engine."""

    def __init__(self, worker: WorkerState, index: int) -> None:
        self.worker = worker
        self.index = index
        self.node = worker.graph.nodes[index]
        self.cache: dict[Hashable, Any] = {}
        self.keys = key_function(self.node, self.node.inputs[0] if self.node.inputs else None)
        self.structure = worker.schedule.structure
        self._in = [edges[0] for edges in worker.graph.incoming[index]]
        self._out = [edges[0] for edges in worker.graph.outgoing[index]]
        self._needs = worker.graph.needs_gradient

    def training(self, states: Sequence[State]) -> bool:
        """Whether backward messages will come for these states."""
        return self.worker.schedule.training(states[0][0])

    def remember(self, states: Sequence[State], values: Iterable[Any]) -> None:
        """Keep one value for each state; two equal keys in flight are an error."""
        cache = self.cache
        keys = self.keys(states)
        free = cache.keys().isdisjoint(keys)
        before = len(cache)
        if free:
            cache.update(zip(keys, values, strict=True))
        if len(cache) != before + len(keys):
            taken = set() if free else set(cache)
            for state, key in zip(states, keys, strict=True):
                if key in taken:
                    raise KeyCollision(self.index, state)
                taken.add(key)

    def recall(self, states: Sequence[State]) -> list[Any]:
        """Give back what was remembered, and forget it."""
        pop = self.cache.pop
        keys = self.keys(states)
        try:
            return [pop(key) for key in keys]
        except KeyError as error:
            unknown = next(state for state, key in zip(states, keys, strict=True) if key == error.args[0])
            raise KeyUnknown(self.index, unknown) from error

    def send(self, port: int, states: Sequence[State], rows: Sequence[int], payload: Payload) -> None:
        """Emit forward messages on an output port."""
        self.worker.emit(self._out[port], FORWARD, states, rows, payload)

    def answer(self, port: int, states: Sequence[State], rows: Sequence[int], payload: Payload) -> None:
        """Emit backward messages on an input port; empty where the edge needs no gradient."""
        edge = self._in[port]
        self.worker.emit(edge, BACKWARD, states, rows, payload if self._needs[edge] else None)


class RoutingSite(Site):
    """A Phi, Cond or Isu: both directions run where the message arrives."""

    node: Routing

    def forward(self, port: int, messages: Messages) -> None:
        """Messages came in on input ``port``."""
        self.node.forward(self, port, messages)

    def backward(self, port: int, messages: Messages) -> None:
        """Gradients came back on output ``port``."""
        self.node.backward(self, port, messages)


class FanOutSite(Site):
    """The forward side of Split and Bcast: spreads where the message arrives."""

    node: FanOut

    def forward(self, port: int, messages: Messages) -> None:
        """One payload in, one out on every port."""
        for out, payload in enumerate(self.node.spread(messages.payload)):
            self.send(out, messages.states, messages.rows, payload)


class FanInSite(Site):
    """The FanIn of a chain; it remembers under which state each part came."""

    node: FanIn

    def spread(
        self, states: Sequence[State], rows: Sequence[int], gradient: Payload, specs: Sequence[Spec], lead: int | None
    ) -> tuple[Sequence[State], Payload]:
        """Send each part's gradient back under the state the part had; that of port ``lead`` is given to the caller."""
        owners = list(zip(*self.recall(states), strict=True))
        parts: list[Any] = [None] * len(owners) if gradient is None else self.node.spread(gradient, specs)
        for port, (part_states, part) in enumerate(zip(owners, parts, strict=True)):
            if port != lead:
                self.answer(port, part_states, rows, part)
        return (states, None) if lead is None else (owners[lead], parts[lead])
