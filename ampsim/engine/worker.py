"""The whole behaviour of one execution unit, without a clock and without a wire.

A driver delivers what arrives, asks for the next task, runs it, and sends what comes out:

    state.deliver(parcel);  task = state.next_task();  effects = state.run(task)

Time and transport are the driver's. Runtime, simulator and NullBackend drive the same code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ampsim.engine.batch import Batch
from ampsim.engine.chain import Chain, Keeper
from ampsim.engine.ends import GradientJoin, LossSite, SourceStation
from ampsim.engine.ledger import Ledger
from ampsim.engine.parameters import ParameterState, Pile, initial_values
from ampsim.engine.policy import Fifo, Policy, lane
from ampsim.engine.program import Program
from ampsim.engine.regroup import Collector, FlatmapSite, GroupSite
from ampsim.engine.site import FanOutSite, RoutingSite, key_function, whole
from ampsim.engine.station import Joint, KeyUnknown, Mismatch, RowMismatch, Station
from ampsim.engine.sync import Synchroniser
from ampsim.engine.task import NOTHING, Effects, Part, Task
from ampsim.errors import RunError
from ampsim.ir.message import BACKWARD, FORWARD, Array, Messages, Origin, Payload, State
from ampsim.ir.nodes import FanOut, Flatmap, Loss, Parameterised, Regroup, Routing, Source
from ampsim.ir.replicas import handles

Values = Mapping[str, Mapping[str, Array]]


class WorkerState:
    """One worker of a program.

    ``values`` are initial parameters by node and name, where they should not be drawn from the seed.
    """

    def __init__(
        self, program: Program, worker: int, policy: Policy | None = None, values: Values | None = None
    ) -> None:
        self.program = program
        self.graph = program.graph
        self.schedule = program.schedule
        self.settings = program.settings
        self.worker = worker
        self.policy = policy or Fifo()
        self.effects = Effects()
        self.due: deque[tuple[ParameterState, Pile]] = deque()  # updates, in the order in which they fell due
        self.ledger = Ledger()
        self.keeper: Keeper | None = None
        self.counts = [[[0, 0], [0, 0]] for _ in program.edges]  # [edge][direction]: messages, bytes
        told = self.schedule.told
        self.parameters = {
            index: ParameterState(index, node, self.settings, self._values(node, values), self.ledger, told)
            for index, node in enumerate(self.graph.nodes)
            if isinstance(node, Parameterised) and program.owner[index] == worker
        }
        self.chains: list[Chain] = []
        self.stations: list[Station] = []
        self.sources: dict[int, SourceStation] = {}
        self._origin = Origin(worker)
        self._arrivals = 0
        self._commands = 0
        self._open: dict[int, int] = {}  # instances that live here: sources still without all answers
        self.handlers: list[list[Callable[[Messages], None] | None]] = [[None, None] for _ in program.edges]
        self._build()
        self._synchroniser = Synchroniser(self)
        self.stations += [station for stations in self._synchroniser.stations for station in stations]

    def _values(self, node: Parameterised, values: Values | None) -> dict[str, Array] | None:
        if not self.program.numeric:
            return None
        given = values and (values.get(node.name) or values.get(node.base))
        if given:
            return {name: value.copy() for name, value in given.items()}
        return initial_values(node, self.settings.seed)

    def _build(self) -> None:
        """Make stations and sites for the nodes of this worker and say which edge leads to which."""
        nodes = self.graph.nodes
        heads = {chain[0]: chain for chain in self.program.chains}
        for index, node in enumerate(nodes):
            if self.program.owner[index] != self.worker:
                continue
            if index in heads:
                self._build_chain(heads[index])
            elif isinstance(node, Source):
                source = self.sources[index] = SourceStation(self, index)
                source.lane = lane(False, False)
                self.stations.append(source)
                self._handle(index, BACKWARD, source.backward)
            elif isinstance(node, Loss):
                keys = [key_function(node, port) for port in node.inputs]
                joint = Joint(index, "forward", LossSite(self, index).forward, self._batch, self.ledger, keys)
                self._handle(index, FORWARD, partial(self.enqueue, joint))
            elif isinstance(node, Routing):
                route = RoutingSite(self, index)
                self._handle(index, FORWARD, route.forward)
                self._handle(index, BACKWARD, route.backward)
            elif isinstance(node, FanOut):
                self._handle(index, FORWARD, FanOutSite(self, index).forward)
                keys = [whole] * len(node.outputs)
                joint = Joint(index, "backward", GradientJoin(self, index).backward, self._batch, self.ledger, keys)
                self._handle(index, BACKWARD, partial(self.enqueue, joint))
            elif isinstance(node, Regroup):
                self._build_regroup(index)

    def _build_regroup(self, index: int) -> None:
        """A Flatmap collects backward, a Group forward; the other direction is a plain station."""
        forward: Station
        backward: Station
        if isinstance(self.graph.nodes[index], Flatmap):
            flatmap = FlatmapSite(self, index)
            forward = Station(index, "forward", flatmap.forward, self._batch, self.ledger)
            backward = Collector(index, "backward", flatmap.backward, self._batch, self.ledger, flatmap.recall)
        else:
            group = GroupSite(self, index)
            forward = Collector(index, "forward", group.forward, self._batch, self.ledger, group.find)
            backward = Station(index, "backward", group.backward, self._batch, self.ledger)
        self._handle(index, FORWARD, partial(self.enqueue, forward))
        self._handle(index, BACKWARD, partial(self.enqueue, backward))

    def _build_chain(self, indices: tuple[int, ...]) -> None:
        chain = Chain(self, indices)
        self.chains.append(chain)
        head, tail = indices[0], indices[-1]
        if chain.join:
            node = chain.join.node
            keys = [key_function(node, port) for port in node.inputs]
            joint = Joint(head, "forward", chain.forward, chain.forward_limit, self.ledger, keys)
            joint.named = chain.join.index
            self._handle(joint.named, FORWARD, partial(self.enqueue, joint))
            if chain.lead is not None:  # the messages of this port meet the others in front of the whole chain
                self.handlers[self.graph.incoming[head][0][0]][FORWARD] = partial(self.enqueue, joint, chain.lead)
        else:
            forward = Station(head, "forward", chain.forward, chain.forward_limit, self.ledger)
            self._handle(head, FORWARD, partial(self.enqueue, forward))
        backward = Station(head, "backward", chain.backward, chain.backward_limit, self.ledger)
        self._handle(tail, BACKWARD, partial(self.enqueue, backward))

    def _batch(self) -> int:
        return self.settings.max_batch

    def _handle(self, index: int, direction: int, handler: Callable[[int, Messages], None]) -> None:
        """Messages of this direction on the node's edges go to ``handler(port, messages)``."""
        station = handler.args[0] if isinstance(handler, partial) else None
        if station is not None:
            backward = direction == BACKWARD or isinstance(self.graph.nodes[index], Loss)
            station.lane = lane(backward, index in self.graph.looped)
            self.stations.append(station)
        sides = self.graph.incoming if direction == FORWARD else self.graph.outgoing
        for port, edges in enumerate(sides[index]):
            self.handlers[edges[0]][direction] = partial(handler, port)

    # -- what drivers call ------------------------------------------------------------------------------------------

    def admit(self, instances: Sequence[int], origin: Origin) -> None:
        """The controller lets instances in. A copy of a source takes its own only."""
        for instance in instances:
            for source in self.sources.values():
                if source.takes(instance):
                    self._arrivals += 1
                    source.admit(self._arrivals, instance, origin)
                    self.policy.arrived(self._arrivals, source)

    def deliver(self, parcel: Sequence[Messages], origin: Origin) -> None:
        """A parcel has arrived. What a routing node passes on at once has come with it."""
        self._origin = origin
        try:
            for messages in parcel:
                messages.origin = origin
                self._arrive(messages)
        except Mismatch as error:
            raise self._named(error) from error

    def update_now(self, instances: Sequence[int] | None = None) -> None:
        """The controller wants gradients applied: those of some instances, or all; acknowledged when that is done."""
        self._commands += 1
        for state in self.parameters.values():
            self.due.extend((state, pile) for pile in state.flush(instances))
        self._acknowledge()

    def synchronise(self, instance: int, groups: Sequence[int], origin: Origin) -> None:
        """The controller wants copies made equal after ``instance``; acknowledged when all copies here are."""
        for station in self._synchroniser.order(groups):
            self._arrivals += 1
            station.order(self._arrivals, (instance,), origin)
            self.policy.arrived(self._arrivals, station)
        self.effects.acks += self._synchroniser.equal

    def next_task(self) -> Task | None:
        """The next task by the worker's policy, or None if there is nothing to do."""
        try:
            return self.policy.next(self)
        except Mismatch as error:
            raise self._named(error) from error

    def run(self, task: Task) -> Effects:
        """Do the task's arithmetic; what it emits is to be sent at its end."""
        self._origin = task.origin = Origin(self.worker)
        try:
            task.parts = task.run()
            task.run = None  # lets go of the group; an update's closure would keep its rows in a cycle
        except Mismatch as error:
            raise self._named(error) from error
        return self.take_effects()

    def take_effects(self) -> Effects:
        """Everything emitted since the last call; also to be taken after a delivery."""
        effects = self.effects
        if effects.empty:
            return NOTHING
        self.effects = Effects()
        return effects

    # -- what nodes and policies call -------------------------------------------------------------------------------

    def emit(self, edge: int, direction: int, states: Sequence[State], rows: Sequence[int], payload: Payload) -> None:
        """Messages leave a node: on to the next one here, or into the parcel for its worker."""
        count = self.counts[edge][direction]
        count[0] += len(states)
        if payload is not None:
            count[1] += payload.nbytes
        messages = Messages(edge, direction, states, rows, payload, self._origin)
        handler = self.handlers[edge][direction]
        if handler is not None:
            handler(messages)
        else:
            ends = self.program.edges[edge]
            owner = self.program.owner[ends.target if direction == FORWARD else ends.source]
            self.effects.parcels.setdefault(owner, []).append(messages)

    def ended(self, source: int, instance: int) -> None:
        """A source has all its answers of an instance; with its last source here one that lives here is updated for."""
        self.effects.completed.append((source, instance))
        if self.program.home(instance) != self.worker:
            return
        nodes = self.graph.nodes
        left = self._open.pop(instance, None) or sum(handles(nodes[number], instance) for number in self.sources)
        if left > 1:
            self._open[instance] = left - 1
            return
        for state in self.parameters.values():
            self.due.extend((state, pile) for pile in state.flush([instance]))

    def group_task(self, station: Station, group: Batch) -> Task:
        """The task that works on a group."""
        run = partial(station.run, group)
        return Task(station.kind, station.node, len(group.rows), sum(group.rows), run, group.consumed)

    def update_task(self, state: ParameterState, pile: Pile) -> Task:
        """The task that applies a pile of a node's gradients."""
        task = Task("update", state.index, len(pile.states), 0, None)

        def run() -> tuple[Part, ...]:
            parts, task.update = state.update(pile)
            self._acknowledge()
            return parts

        task.run = run
        return task

    def synchronised(self) -> None:
        """A copy here has the mean of all copies."""
        self._synchroniser.done()
        self.effects.acks += self._synchroniser.equal

    # -- inside -----------------------------------------------------------------------------------------------------

    def _arrive(self, messages: Messages) -> None:
        handler = self.handlers[messages.edge][messages.direction]
        assert handler is not None
        handler(messages)

    def enqueue(self, station: Station, port: int, messages: Messages) -> None:
        self._arrivals += 1
        if station.push(self._arrivals, port, messages):
            self.policy.arrived(self._arrivals, station)

    def _acknowledge(self) -> None:
        if self._commands and not self.due:
            self.effects.acks += self._commands
            self._commands = 0

    def _named(self, error: Mismatch) -> RunError:
        name, state = self.graph.nodes[error.node].name, tuple(error.state)
        if isinstance(error, RowMismatch):
            what = f"{name} joins messages with different numbers of rows at state {state}"
            return RunError(what, name, "let all ports carry the same rows")
        if isinstance(error, KeyUnknown):
            what = f"a gradient came back to {name} under a key that nothing went forward with: state {state}"
            return RunError(what, name, "look at the inverse of the Isu nodes behind it: it must undo their update")
        what = f"two messages in flight have the same key at {name}: state {state}"
        return RunError(what, name, "make the key tell them apart, or change the state with an Isu")

    # -- what reports and supervisors read --------------------------------------------------------------------------

    def memory(self) -> tuple[int, int, int]:
        """Bytes of caches, deferred rows and queues."""
        return self.ledger.caches, self.ledger.deferred, self.ledger.queues

    def edge_counts(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Messages and bytes that left a node here, by edge and direction, those inside chains included."""
        pairs = ((edge, direction) for edge in range(len(self.counts)) for direction in (FORWARD, BACKWARD))
        found = {(e, d): (self.counts[e][d][0], self.counts[e][d][1]) for e, d in pairs if self.counts[e][d][0]}
        for chain in self.chains:
            for edge, direction, messages, nbytes in chain.inner_counts():
                if messages:
                    found[edge, direction] = (messages, nbytes)
        return dict(sorted(found.items()))

    def static_memory(self) -> dict[str, int]:
        """Bytes of parameters, gradients and optimizer state."""
        total = {"parameters": 0, "gradients": 0, "optimizer": 0}
        for state in self.parameters.values():
            for name, size in state.static_bytes().items():
                total[name] += size
        return total

    def waiting(self) -> list[str]:
        """The joins that wait and what they miss, in words."""
        lines = []
        for station in self.stations:
            node = self.graph.nodes[station.named]
            ports = node.outputs if station.kind == "backward" else node.inputs
            if station.kind == "sync" and node.replica:
                ports = tuple(f"its edge from copy {copy}" for copy in range(1, node.replica.copies))
            for port, states in sorted(station.waiting().items()):
                shown = ", ".join(str(tuple(state)) for state in states[:4])
                more = f" and {len(states) - 4} more" if len(states) > 4 else ""
                lines.append(f"{node.name} misses a {station.kind} message on {ports[port]} for {shown}{more}")
        return lines

    def values(self) -> dict[str, Array]:
        """Current parameters as ``node/name``."""
        found = {}
        for state in self.parameters.values():
            for name, value in state.values.items():
                found[f"{state.node.name}/{name}"] = value
        return found
