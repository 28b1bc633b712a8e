"""A chain of transforms run as one task, forward and backward.

forward    x --> transform --> [merge] --> transform --> y        kept: one block for the whole group
backward   dx <-- transform <-- [spread] <-- transform <-- g      found again message by message, in any grouping
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ampsim.engine.batch import Batch, Block, gather
from ampsim.engine.parameters import ParameterState
from ampsim.engine.profile import Merge, Profile, profile
from ampsim.engine.site import FanInSite, Site
from ampsim.engine.task import Part
from ampsim.ir.message import BACKWARD, FORWARD, Payload, Spec, State, spec_of
from ampsim.ir.nodes import FanIn, Transform
from ampsim.ir.nodes.base import Parameters

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


class Keeper(Protocol):
    """Hears of what chains keep for the way back: a simulator may choose not to hold it."""

    def kept(self, chain: Chain, states: Sequence[State], rows: Sequence[int]) -> None:
        """A training group went forward; its cache is on the ledger."""

    def recalled(self, chain: Chain, states: Sequence[State], rows: Sequence[int]) -> None:
        """A group came back and takes its cache off the ledger."""


class Step:
    """One transform of a chain with what it needs at this worker."""

    __slots__ = ("input_gradient", "node", "state", "values")

    def __init__(self, worker: WorkerState, index: int) -> None:
        node = worker.graph.nodes[index]
        assert isinstance(node, Transform)
        self.node = node
        self.input_gradient = worker.graph.needs_gradient[worker.graph.incoming[index][0][0]]
        self.state: ParameterState | None = worker.parameters.get(index)
        self.values: Parameters = self.state.values if self.state else {}


class Chain:
    """Runs one chain of the program at its worker. ``join`` is its FanIn, if it has one, in front of step ``at``."""

    def __init__(self, worker: WorkerState, indices: Sequence[int]) -> None:
        self.worker = worker
        self.numeric = worker.program.numeric
        graph = worker.graph
        self.head = indices[0]
        joins = [position for position, index in enumerate(indices) if isinstance(graph.nodes[index], FanIn)]
        self.at = joins[0] if joins else -1
        self.join = FanInSite(worker, indices[self.at]) if joins else None
        self._inner = [graph.outgoing[index][0][0] for index in indices[:-1]]
        # The port of the join that the chain feeds; None where the join is its head.
        self.lead = graph.edges[self._inner[self.at - 1]].input if self.at > 0 else None
        self._wanted = self.lead is None or graph.needs_gradient[self._inner[self.at - 1]]
        self.steps = [Step(worker, index) for position, index in enumerate(indices) if position != self.at]
        self.out = graph.outgoing[indices[-1]][0][0]
        self.parameters = next((step.state for step in self.steps if step.state), None)
        self.site = Site(worker, indices[max(self.at, 0)])  # what is kept for the way back
        self._head = Site(worker, indices[0])
        self._passed = [[0, 0], [0, 0]]  # by direction: messages and rows that went through
        self._parts: list[Spec] = []  # what comes in, port by port; columns are known after the first forward
        self._profiles: dict[int, Profile] = {}
        self._cut = worker.settings.max_batch

    def forward_limit(self) -> int:
        """Messages one forward task may take."""
        return self._cut

    def backward_limit(self) -> int:
        """Messages one backward task may take: a group never crosses an update."""
        return min(self._cut, self.parameters.room) if self.parameters else self._cut

    def _profile(self, rows: int) -> Profile:
        found = self._profiles.get(rows)
        if found is None:
            steps = [(step.node, step.input_gradient) for step in self.steps]
            merge = Merge(self.join.node, self.at, self.lead, self._wanted, tuple(self._parts)) if self.join else None
            gradient = self.worker.graph.needs_gradient[self.out]
            x = self._parts[self.lead or 0].with_rows(rows)
            found = self._profiles[rows] = profile(steps, x, merge, gradient)
        return found

    def again(self, rows: int) -> tuple[int, tuple[Part, ...]]:
        """What a training group of so many rows keeps beyond what came in (bytes), and what computing it anew costs."""
        found = self._profile(rows)
        entered = sum(part.with_rows(rows).nbytes for part in self._parts)
        return max(found.nbytes - entered, 0), found.forward

    def forward(self, group: Batch) -> tuple[Part, ...]:
        """Run the chain on a group and emit its output."""
        worker, states, rows = self.worker, group.states[0], group.rows
        lead: Any = group.payloads[self.lead or 0]
        if not self._parts:
            self._parts = [spec_of(part) for part in group.payloads if part is not None]
        found = self._profile(lead.shape[0])
        output, kept = self._compute(group.payloads) if self.numeric else (found.output, found.kept)
        if worker.schedule.training(states[0][0]):
            if self.join:
                self.join.remember(states, zip(*group.states, strict=True))
            if self.steps:
                block = Block(kept, rows, self.parameters.version if self.parameters else 0)
                worker.ledger.caches += found.nbytes
                if worker.keeper:
                    worker.keeper.kept(self, states, rows)
                self.site.remember(states, [(block, i) for i in range(len(states))])
        self._count(FORWARD, len(states), lead.shape[0])
        worker.emit(self.out, FORWARD, states, rows, output)
        return found.forward

    def _compute(self, payloads: Sequence[Payload]) -> tuple[Payload, Sequence[Payload]]:
        """The output, and what the steps keep."""
        x: Any = payloads[self.lead or 0]
        kept: list[Payload] = []
        for position, step in enumerate(self.steps):
            if position == self.at:
                x = self._merge(payloads, x)
            x, saved = step.node.forward(x, step.values)
            kept.extend(saved)
        return (self._merge(payloads, x) if self.at == len(self.steps) else x), kept

    def _merge(self, payloads: Sequence[Payload], x: Any) -> Any:
        assert self.join is not None
        parts: list[Any] = list(payloads)
        if self.lead is not None:
            parts[self.lead] = x
        return self.join.node.merge(parts)

    def backward(self, group: Batch) -> tuple[Part, ...]:
        """Pull a group of gradients through the chain and send on what its inputs need."""
        states, rows = group.states[0], group.rows
        gradient: Any = group.payloads[0]
        total = sum(rows)
        found = self._profile(total)
        self._count(BACKWARD, len(states), total)
        if self.steps:
            entries = self.site.recall(states)
            kept = gather(entries)
            self.worker.ledger.caches -= found.nbytes
            if self.worker.keeper:
                self.worker.keeper.recalled(self, group.states[0], rows)
        for position in range(len(self.steps) - 1, -1, -1):
            if self.join and position + 1 == self.at:
                states, gradient = self.join.spread(states, rows, gradient, found.merged, self.lead)
                gradient = gradient if self._wanted else None
            if gradient is not None:
                saved = tuple(kept[found.at[position] : found.at[position + 1]])
                gradient = self._pull(position, gradient, saved, group, entries, found)
            del kept[found.at[position] :]  # lets go of what is no longer needed
        if self.join and self.at == 0:
            self.join.spread(states, rows, gradient, found.merged, None)
        else:
            self._head.answer(0, states, rows, gradient)
        return found.backward

    def _pull(
        self,
        position: int,
        gradient: Any,
        saved: tuple[Payload, ...],
        group: Batch,
        entries: Sequence[tuple[Block, int]],
        found: Profile,
    ) -> Payload:
        """One transform backward: its input's gradient, or None if nobody upstream wants it."""
        step = self.steps[position]
        dx: Payload
        deferred: tuple[Payload, ...]
        if self.numeric:
            dx, deferred = step.node.backward(gradient, saved, step.values, step.input_gradient)  # type: ignore[arg-type]
        else:
            dx = found.inputs[position] if step.input_gradient else None
            deferred = found.deferred
        if step.state:
            version = step.state.version
            ages = [version - block.version for block, _ in entries]
            pile = step.state.collect(deferred, group.states[0], group.rows, ages)
            if pile is not None:
                self.worker.due.append((step.state, pile))
        return dx

    def _count(self, direction: int, messages: int, rows: int) -> None:
        passed = self._passed[direction]
        passed[0] += messages
        passed[1] += rows

    def inner_counts(self) -> Iterator[tuple[int, int, int, int]]:
        """Edge, direction, messages and bytes of the edges inside the chain."""
        if not self._profiles:
            return
        for edge, spec in zip(self._inner, self._profile(1).inner, strict=True):
            wanted = self.worker.graph.needs_gradient[edge]
            for direction, (messages, rows) in enumerate(self._passed):
                yield edge, direction, messages, rows * spec.nbytes if direction == FORWARD or wanted else 0
