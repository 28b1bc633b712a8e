"""Flatmap and Group at work: bundles of one message and the many that it came from, or that came from it.

one side    a plain station; its task takes a stack of ones, gathers the rows of the many and sends them off
many side   a :class:`Collector`; its task exists when all of a bundle are there, and scatters them into the one
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ampsim.engine.batch import Batch, Block, Consumed, Piece, gather
from ampsim.engine.ledger import Ledger
from ampsim.engine.site import Site
from ampsim.engine.station import KeyCollision, Station, logged, named
from ampsim.engine.task import Part, columns
from ampsim.errors import RunError
from ampsim.ir import nodes
from ampsim.ir.message import Messages, Payload, Spec, State, spec_of
from ampsim.ir.rows import Rows, gather_rows, scatter_rows

if TYPE_CHECKING:
    from ampsim.engine.worker import WorkerState


class Bundle:
    """One message and the many on its other side, in their fixed order, with those that have come so far."""

    __slots__ = ("many", "missing", "one", "parts", "rows")

    def __init__(self, one: State, many: Sequence[State], chosen: Rows | None = None) -> None:
        self.one = one
        self.many = many
        self.rows = chosen
        self.missing = len(many)
        self.parts: list[tuple[Messages, Block, int] | None] = [None] * len(many)


Place = tuple[Bundle, int]


class Collector(Station):
    """Waits until all the many messages of a bundle are there. ``find`` tells whose bundle each state belongs to."""

    def __init__(
        self,
        node: int,
        kind: str,
        run: Callable[[list[Bundle], Batch], Any],
        limit: Callable[[], int],
        ledger: Ledger,
        find: Callable[[Sequence[State]], Sequence[Place]],
    ) -> None:
        super().__init__(node, kind, self._run, limit, ledger)
        self._do = run
        self._find = find
        self._open: dict[int, Bundle] = {}
        self._complete: deque[tuple[int, Bundle]] = deque()

    def push(self, arrival: int, port: int, messages: Messages) -> bool:
        block = Block((messages.payload,), messages.rows)
        self.ledger.queues += messages.nbytes
        complete = False
        for i, (bundle, position) in enumerate(self._find(messages.states)):
            if bundle.parts[position] is not None:
                raise KeyCollision(self.node, messages.states[i])
            bundle.parts[position] = (messages, block, i)
            bundle.missing -= 1
            if bundle.missing:
                self._open[id(bundle)] = bundle
            else:
                self._open.pop(id(bundle), None)
                self._complete.append((arrival, bundle))
                complete = True
        return complete

    def head(self) -> int | None:
        return self._complete[0][0] if self._complete else None

    def take(self, limit: int) -> Batch:
        return self._stack([self._complete.popleft()[1] for _ in range(min(limit, len(self._complete)))])

    def extract(self, wanted: Sequence[tuple[int, State]]) -> Batch | None:
        ready = {tuple(bundle.many[0]): entry for entry in self._complete for bundle in entry[1:]}
        chosen, at = [], 0
        while at < len(wanted):
            entry = ready.get(tuple(wanted[at][1]))
            if entry is None:
                return None
            chosen.append(entry)
            at += len(entry[1].many)
        gone = {id(entry) for entry in chosen}
        self._complete = deque(entry for entry in self._complete if id(entry) not in gone)
        return self._stack([bundle for _, bundle in chosen])

    def _stack(self, bundles: list[Bundle]) -> Batch:
        parts = [part for bundle in bundles for part in bundle.parts if part is not None]
        pieces: list[Piece] = [(block, i) for _, block, i in parts]
        (payload,) = gather(pieces)
        if payload is not None:
            self.ledger.queues -= payload.nbytes
        for bundle in bundles:
            bundle.parts = []
        counts = [block.rows[i] for block, i in pieces]
        consumed: list[Consumed] = logged(parts)
        return BundleBatch([[b.one for b in bundles]], counts, [payload], consumed, bundles)

    def _run(self, group: Batch) -> Any:
        assert isinstance(group, BundleBatch)
        return self._do(group.bundles, group)

    def waiting(self) -> dict[int, list[State]]:
        missing = [
            state
            for bundle in self._open.values()
            for state, part in zip(bundle.many, bundle.parts, strict=True)
            if part is None
        ]
        return {0: missing} if missing else {}

    def names(self) -> set[tuple[int, State]]:
        bundles = [*self._open.values(), *(bundle for _, bundle in self._complete)]
        return named(part for bundle in bundles for part in bundle.parts if part is not None)


class BundleBatch(Batch):
    """Complete bundles that one task works on: ``rows`` and the payload are those of the many."""

    __slots__ = ("bundles",)

    def __init__(
        self,
        states: list[Sequence[State]],
        counts: Sequence[int],
        payloads: list[Payload],
        consumed: list[Consumed],
        bundles: list[Bundle],
    ) -> None:
        super().__init__(states, counts, payloads, consumed)
        self.bundles = bundles


class RegroupSite(Site):
    """What both have in common: costs, and the limit of a task."""

    node: nodes.Regroup

    def __init__(self, worker: WorkerState, index: int) -> None:
        super().__init__(worker, index)
        self.name = type(self.node).__name__

    def part(self, way: str, one: Payload, many: Payload, adds: bool) -> tuple[Part, ...]:
        """The cost of a task that turns one into many or many into one."""
        if one is None or many is None:
            return ()
        x, y = spec_of(one), spec_of(many)
        return (Part(f"{self.name}{columns(y)} {way}", y.shape[0], self.node.work(x, y, adds)),)


class FlatmapSite(RegroupSite):
    """Forward: one message into many. Backward: their gradients into one."""

    node: nodes.Flatmap

    def forward(self, group: Batch) -> tuple[Part, ...]:
        """A stack of messages goes out as many."""
        training = self.training(group.states[0])
        states: list[State] = []
        plan: list[Rows] = []
        for state, count in zip(group.states[0], group.rows, strict=True):
            many, chosen = self.node.many(state, self.structure(state[0]), count)
            states += many
            plan.append(chosen)
            if training and many:
                bundle = Bundle(state, many, chosen)
                self.remember(many, [(bundle, position) for position in range(len(many))])
        one = group.payloads[0]
        payload = gather_rows(one, plan)
        if states:
            self.send(0, states, [count for chosen in plan for count in chosen.counts], payload)
        if training and not all(plan_of.counts for plan_of in plan):
            self._answer_empty(group, plan)
        return self.part("forward", one, payload, adds=False)

    def _answer_empty(self, group: Batch, plan: Sequence[Rows]) -> None:
        """Messages that nothing was made of get a zero gradient at once."""
        one = group.payloads[0]
        assert one is not None
        for state, count, chosen in zip(group.states[0], group.rows, plan, strict=True):
            if not chosen.counts:
                self.answer(0, [state], [count], scatter_rows(_nothing(one), [chosen]))

    def backward(self, bundles: list[Bundle], group: Batch) -> tuple[Part, ...]:
        """All gradients of these bundles are in: add them up."""
        plan = [bundle.rows for bundle in bundles if bundle.rows is not None]
        gradient = scatter_rows(group.payloads[0], plan)
        self.answer(0, group.states[0], [chosen.total for chosen in plan], gradient)
        return self.part("backward", gradient, group.payloads[0], adds=True)


class GroupSite(RegroupSite):
    """Forward: many messages into one. Backward: its gradient to each of them."""

    node: nodes.Group

    def __init__(self, worker: WorkerState, index: int) -> None:
        super().__init__(worker, index)
        self._open: dict[State, tuple[Bundle, dict[State, int]]] = {}

    def find(self, states: Sequence[State]) -> Sequence[Place]:
        """The bundle and the place in it of each message; a bundle begins with its first. Raises RunError."""
        found = []
        into, structure = self.node.group_of, self.structure
        for state in states:
            inside = structure(state[0])
            one = into(state, inside)
            known = self._open.get(one)
            if known is None:
                many = self.node.members_of(one, inside)
                known = self._open[one] = (Bundle(one, many), {member: i for i, member in enumerate(many)})
            position = known[1].get(tuple(state))
            if position is None:
                raise RunError(
                    f"{self.node.name} gets a message {tuple(state)}, which is no member of group {tuple(one)}",
                    self.node.name,
                    f"look at {self.node.into} and {self.node.members}: each member's group must name it",
                )
            found.append((known[0], position))
        return found

    def forward(self, bundles: list[Bundle], group: Batch) -> tuple[Part, ...]:
        """These groups are complete."""
        at = 0
        plan: list[Rows] = []
        totals = []
        for bundle in bundles:
            del self._open[bundle.one]
            counts = group.rows[at : at + len(bundle.many)]
            at += len(bundle.many)
            chosen = self.node.rows_of(bundle.one, self.structure(bundle.one[0]), counts)
            bundle.rows = chosen
            if chosen is not None:
                plan.append(chosen)
            totals.append((sum(counts) if chosen is None else chosen.total, counts))
        many = group.payloads[0]
        payload = scatter_rows(many, plan) if plan else many
        states = group.states[0]
        if self.training(states):
            self.remember(states, [(bundle, counts) for bundle, (_, counts) in zip(bundles, totals, strict=True)])
        folded = self.node.folded(payload)
        self.send(0, states, [total // self.node.fold for total, _ in totals], folded)
        return self.part("forward", payload, many, adds=True)

    def backward(self, group: Batch) -> tuple[Part, ...]:
        """Each member gets the gradient of its rows."""
        kept: list[tuple[Bundle, Sequence[int]]] = self.recall(group.states[0])
        one = self.node.unfolded(group.payloads[0])
        plan = [bundle.rows for bundle, _ in kept if bundle.rows is not None]
        many = gather_rows(one, plan) if plan else one
        states = [state for bundle, _ in kept for state in bundle.many]
        self.answer(0, states, [count for _, counts in kept for count in counts], many)
        return self.part("backward", one, many, adds=False)


def _nothing(one: Any) -> Any:
    """No rows with the columns of ``one``."""
    return one.with_rows(0) if isinstance(one, Spec) else one[:0]
