"""A chain of transforms run as one task, forward and backward.

forward    x --> [merge] --> transform --> transform --> y        kept: one block for the whole group
backward   dx <-- [spread] <-- transform <-- transform <-- g      found again message by message, in any grouping
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ampsim.engine.group import Block, Group, gather
from ampsim.engine.parameters import ParameterState
from ampsim.engine.profile import Profile, profile
from ampsim.engine.site import FanInSite, Site
from ampsim.engine.task import Part
from ampsim.ir.message import BACKWARD, FORWARD, Payload, Spec, spec_of
from ampsim.ir.nodes import FanIn, Transform
from ampsim.ir.nodes.base import FLOAT, Parameters

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


class Step:
    """One transform of a chain with what it needs at this worker."""

    __slots__ = ("edge_in", "input_gradient", "node", "state", "values")

    def __init__(self, worker: WorkerState, index: int) -> None:
        node = worker.graph.nodes[index]
        assert isinstance(node, Transform)
        self.node = node
        self.edge_in = worker.graph.incoming[index][0][0]
        self.input_gradient = worker.graph.needs_gradient[self.edge_in]
        self.state: ParameterState | None = worker.parameters.get(index)
        self.values: Parameters = self.state.values if self.state else {}


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
        self._inner = [step.edge_in for step in self.steps if self.join or step is not self.steps[0]]
        self._passed = [[0, 0], [0, 0]]  # by direction: messages and rows that went through
        self._input = Spec((0,), FLOAT)  # of the first step; its columns are known after the first forward
        self._parts: list[Spec] = []  # what was joined then
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
            join = self.join.node if self.join else None
            parts = [part.with_rows(rows) for part in self._parts]
            gradient = self.worker.graph.needs_gradient[self.out]
            found = self._profiles[rows] = profile(steps, self._input.with_rows(rows), join, parts, gradient)
        return found

    def forward(self, group: Group) -> tuple[Part, ...]:
        """Run the chain on a group and emit its output."""
        worker, states, rows = self.worker, group.states[0], group.rows
        x: Any = group.payloads[0]
        if self.join:
            x = self.join.merge(group.states, group.payloads)
        if not self._profiles:
            self._input = spec_of(x)
            self._parts = [spec_of(part) for part in group.payloads if part is not None]
        found = self._profile(x.shape[0])
        kept: Sequence[Payload] = found.kept
        if self.numeric:
            kept = []
            for step in self.steps:
                x, saved = step.node.forward(x, step.values)
                kept.extend(saved)
        else:
            x = found.output
        if self.steps and worker.schedule.training(states[0][0]):
            block = Block(kept, rows, self.parameters.version if self.parameters else 0)
            worker.ledger.caches += found.nbytes
            self.site.remember(states, [(block, i) for i in range(len(states))])
        self._count(FORWARD, len(states), x.shape[0])
        worker.emit(self.out, FORWARD, states, rows, x)
        return found.forward

    def backward(self, group: Group) -> tuple[Part, ...]:
        """Pull a group of gradients through the chain and send on what its inputs need."""
        states, rows = group.states[0], group.rows
        gradient: Any = group.payloads[0]
        total = sum(rows)
        found = self._profile(total)
        if self.steps:
            entries = self.site.recall(states)
            kept = gather(entries)
            self.worker.ledger.caches -= found.nbytes
            at = found.at
            for position in range(len(self.steps) - 1, -1, -1):
                if gradient is None:
                    break
                saved = tuple(kept[at[position] : at[position + 1]])
                gradient = self._pull(position, gradient, saved, group, entries, found)
                del kept[at[position] :]  # lets go of what is no longer needed
        self._count(BACKWARD, len(states), total)
        if self.join:
            self.join.spread(states, rows, gradient)
        else:
            self.site.answer(0, states, rows, gradient)
        return found.backward

    def _pull(
        self,
        position: int,
        gradient: Any,
        saved: tuple[Payload, ...],
        group: Group,
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
        specs = self._profile(1).inputs[len(self.steps) - len(self._inner) :]
        for edge, spec in zip(self._inner, specs, strict=True):
            wanted = self.worker.graph.needs_gradient[edge]
            for direction, (messages, rows) in enumerate(self._passed):
                yield edge, direction, messages, rows * spec.nbytes if direction == FORWARD or wanted else 0
