"""A chain of transforms run as one task, forward and backward.

forward    x --> [merge] --> transform --> transform --> y        kept: one block for the whole group
backward   dx <-- [spread] <-- transform <-- transform <-- g      found again message by message, in any grouping
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ampsim.engine.group import Block, Group, gather
from ampsim.engine.parameters import ParameterState
from ampsim.engine.site import FanInSite, Site
from ampsim.engine.task import Part
from ampsim.ir.message import BACKWARD, FORWARD, Payload, Spec, spec_of
from ampsim.ir.nodes import FanIn, Transform
from ampsim.ir.nodes.base import FLOAT, Parameters

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


class Step:
    """One transform of a chain with what it needs at this worker."""

    __slots__ = ("edge_in", "edge_out", "input", "input_gradient", "node", "saved", "state", "values")

    def __init__(self, worker: WorkerState, index: int) -> None:
        node = worker.graph.nodes[index]
        assert isinstance(node, Transform)
        self.node = node
        self.edge_in = worker.graph.incoming[index][0][0]
        self.edge_out = worker.graph.outgoing[index][0][0]
        self.input_gradient = worker.graph.needs_gradient[self.edge_in]
        self.state: ParameterState | None = worker.parameters.get(index)
        self.values: Parameters = self.state.values if self.state else {}
        self.saved = 0  # number of arrays it keeps, and
        self.input = Spec((0,), FLOAT)  # columns of its input: both known after the first forward


class Chain:
    """Runs one chain of the program at its worker."""

    def __init__(self, worker: WorkerState, indices: Sequence[int]) -> None:
        self.worker = worker
        self.numeric = worker.program.numeric
        head = worker.graph.nodes[indices[0]]
        self.join = FanInSite(worker, indices[0]) if isinstance(head, FanIn) else None
        self.site = Site(worker, indices[0])
        self.steps = [Step(worker, i) for i in (indices[1:] if self.join else indices)]
        self.out = worker.graph.outgoing[indices[-1]][0][0]
        self.parameters = next((step.state for step in self.steps if step.state), None)
        self._inner = [worker.graph.outgoing[i][0][0] for i in indices[:-1]]
        self._parts: dict[tuple[int, int, int], Part] = {}
        self._row_bytes = 0  # bytes kept for one row; known after the first training forward
        self._cut = worker.settings.max_batch

    def forward_limit(self) -> int:
        """Messages one forward task may take."""
        return self._cut

    def backward_limit(self) -> int:
        """Messages one backward task may take: a group never crosses an update."""
        return min(self._cut, self.parameters.room) if self.parameters else self._cut

    def _part(self, position: int, direction: int, x: Spec) -> Part:
        key = (position, direction, x.shape[0])
        part = self._parts.get(key)
        if part is None:
            step = self.steps[position]
            way = "forward" if direction == FORWARD else "backward" if step.input_gradient else "backward without dx"
            name = f"{step.node.operation} {way}"
            part = self._parts[key] = Part(name, x.shape[0], step.node.work(x, direction, step.input_gradient))
        return part

    def forward(self, group: Group) -> tuple[Part, ...]:
        """Run the chain on a group and emit its output."""
        worker, states, rows = self.worker, group.states[0], group.rows
        x: Any = group.payloads[0]
        parts = []
        inner = iter(self._inner)
        if self.join:
            specs = [spec_of(p) for p in group.payloads if p is not None]
            x = self.join.merge(group.states, group.payloads)
            name = f"{type(self.join.node).__name__} forward"
            parts.append(Part(name, specs[0].shape[0], self.join.node.work(specs)))
            if self.steps:
                worker.count(next(inner), FORWARD, len(states), x.nbytes)
        training = worker.schedule.training(states[0][0])
        kept: list[Payload] = []
        for position, step in enumerate(self.steps):
            step.input = spec_of(x)
            parts.append(self._part(position, FORWARD, step.input))
            saved: tuple[Payload, ...]
            if self.numeric:
                x, saved = step.node.forward(x, step.values)
            else:
                x, saved = step.node.infer(x), step.node.saves(x)
            if training:
                step.saved = len(saved)
                kept.extend(saved)
            if position + 1 < len(self.steps):
                worker.count(next(inner), FORWARD, len(states), x.nbytes)
        if training and self.steps:
            block = Block(kept, rows, self.parameters.version if self.parameters else 0)
            if not self._row_bytes and x.shape[0]:
                self._row_bytes = sum(array.nbytes for array in kept if array is not None) // x.shape[0]
            worker.ledger.caches += self._row_bytes * x.shape[0]
            self.site.remember(states, zip([block] * len(states), range(len(states)), strict=True))
        worker.emit(self.out, FORWARD, states, rows, x)
        return tuple(parts)

    def backward(self, group: Group) -> tuple[Part, ...]:
        """Pull a group of gradients through the chain and send on what its inputs need."""
        states, rows = group.states[0], group.rows
        gradient: Any = group.payloads[0]
        parts: list[Part] = []
        if self.steps:
            entries = self.site.recall(states)
            kept = gather(entries)
            self.worker.ledger.caches -= self._row_bytes * sum(rows)
            for position in range(len(self.steps) - 1, -1, -1):
                step = self.steps[position]
                saved = tuple(kept[len(kept) - step.saved :])
                del kept[len(kept) - step.saved :]
                if gradient is not None:
                    gradient = self._pull(position, gradient, saved, group, entries, parts)
                if position or self.join:
                    count = 0 if gradient is None else gradient.nbytes
                    self.worker.count(step.edge_in, BACKWARD, len(states), count)
        if self.join:
            self.join.spread(states, rows, gradient)
        else:
            self.site.answer(0, states, rows, gradient)
        return tuple(parts)

    def _pull(
        self,
        position: int,
        gradient: Any,
        saved: tuple[Payload, ...],
        group: Group,
        entries: Sequence[tuple[Block, int]],
        parts: list[Part],
    ) -> Payload:
        """One transform backward: its input's gradient, or None if nobody upstream wants it."""
        step = self.steps[position]
        x = step.input.with_rows(gradient.shape[0])
        dx: Payload
        deferred: tuple[Payload, ...]
        if self.numeric:
            dx, deferred = step.node.backward(gradient, saved, step.values, step.input_gradient)  # type: ignore[arg-type]
        else:
            dx = x if step.input_gradient else None
            deferred = step.state.node.defers(x) if step.state else ()
        parts.append(self._part(position, BACKWARD, x))
        if step.state:
            version = step.state.version
            ages = [version - block.version for block, _ in entries]
            pile = step.state.collect(deferred, group.states[0], group.rows, ages)
            if pile is not None:
                self.worker.due.append((step.state, pile))
        return dx
