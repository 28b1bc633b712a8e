"""Why nothing moves: which joins and given orders stand, what each waits for, and the cycle they wait in.

A wait-for graph has a vertex for everything that stands, and an arrow to whatever has to move first. From the port that
misses a message one goes against the flow of messages until something stands there too:

    worker 1 is to score instance 2  -->  worker 0 is to send it  -->  admission: all keys are in use
             ^----------------------------------------------------------------'

A cycle is a deadlock, and its members are named. Without one, something was never sent at all: what stands at the end
of the arrows, and what it misses, is named instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ampsim.engine.policy import Fixed
from ampsim.errors import Stalled
from ampsim.ir.graph import Graph
from ampsim.ir.message import BACKWARD, FORWARD
from ampsim.ir.nodes import Group, Loss, Source

if TYPE_CHECKING:
    from ampsim.engine.controller import Controller
    from ampsim.engine.worker import WorkerState

Flow = tuple[int, int]
"""The messages that a node emits in one direction: (node, direction). (-1, FORWARD) are admissions."""

ADMISSION: Flow = (-1, FORWARD)


@dataclass(frozen=True)
class Stop:
    """Something that stands. ``who`` waits for ``wants``, which only messages of ``needs`` can bring.

    ``ours`` says that these are messages of instances in flight, so that no admission would help. ``missing`` says what
    is wrong if nothing that stands is in the way of ``needs``.
    """

    who: str
    wants: str = ""
    needs: tuple[Flow, ...] = ()
    missing: str = ""
    ours: bool = False


@dataclass(frozen=True)
class Standing:
    """What stands at one worker: its given order, its joins by what they would emit; and nodes whose update is due."""

    order: Stop | None
    joins: list[tuple[Flow, Stop]]
    due: list[int]

    @classmethod
    def of(cls, worker: WorkerState) -> Standing:
        """As it is now, in a run in which nothing moves."""
        policy = worker.policy
        order = order_stop(worker, policy) if isinstance(policy, Fixed) else None
        return cls(order, list(join_stops(worker)), [state.index for state, _ in worker.due])


class Waits:
    """What stands in a run in which nothing can move, given what stands at each worker."""

    def __init__(self, workers: Sequence[Standing], controller: Controller) -> None:
        self._graph = controller.program.graph
        self._owner = controller.program.owner
        self._orders = {number: worker.order for number, worker in enumerate(workers) if worker.order}
        self._joins = {flow: stop for worker in workers for flow, stop in worker.joins}
        due = [node for worker in workers for node in worker.due]
        self._admission = admission_stop(controller, self._graph, due)

    @property
    def stops(self) -> list[Stop]:
        """Everything that stands."""
        return [*self._orders.values(), *self._joins.values(), *([self._admission] if self._admission else [])]

    def behind(self, waiting: Stop) -> list[Stop]:
        """The nearest that stand where the messages that are waited for would have to come from."""
        found: dict[Stop, None] = {}
        ahead = list(waiting.needs)
        seen = set(ahead)
        for flow in ahead:  # grows as it is walked through
            stop = self._at(flow)
            if stop:
                if not (waiting.ours and flow == ADMISSION):
                    found[stop] = None
                continue
            for before in feeding(self._graph, flow):
                if before not in seen:
                    seen.add(before)
                    ahead.append(before)
        return list(found)

    def _at(self, flow: Flow) -> Stop | None:
        if flow == ADMISSION:
            return self._admission
        # A given order stands before a join of its worker does: it says which task, so which message, is next.
        return self._orders.get(self._owner[flow[0]]) or self._joins.get(flow)

    def told(self) -> list[str]:
        """A heading, then the wait-for cycle, one line a member; without a cycle, what is missing at the end of it."""
        arrows = {stop: self.behind(stop) for stop in self.stops}
        cycle = find_cycle(arrows)
        if cycle:
            head = "wait-for cycle" + (", each waiting for the next, the last for the first:" if cycle[1:] else ":")
            return [head, *(f"{stop.who} waits for {stop.wants}" for stop in cycle)]
        wanted = {stop for after in arrows.values() for stop in after}
        ends = [s for s, after in arrows.items() if not after and s.missing and (s in wanted or s.wants)]
        return ["missing:", *(f"{stop.who}: {stop.missing}" for stop in ends[:8])] if ends else []


def feeding(graph: Graph, flow: Flow) -> list[Flow]:
    """The messages of which the node makes those of ``flow``."""
    node, direction = flow
    if node < 0:
        return []
    if direction == FORWARD:
        found = [(graph.edges[e].source, FORWARD) for edges in graph.incoming[node] for e in edges]
        return found if graph.incoming[node] else [ADMISSION]
    found = [(graph.edges[e].target, BACKWARD) for edges in graph.outgoing[node] for e in edges]
    return found or [(node, FORWARD)]  # a loss turns round


def order_stop(worker: WorkerState, policy: Fixed) -> Stop:
    """Where a given order stands."""
    graph, planned = worker.graph, policy.blocked
    if planned is None:
        who = f"worker {worker.worker} at the end of its given order"
        if not worker.due:
            return Stop(who, missing="nothing more was asked of it")
        due = f"an update of {graph.nodes[worker.due[0][0].index].name}"
        return Stop(who, due, missing=f"{due} is due, and not in the order")
    if not 0 <= planned.node < len(graph.nodes):
        return Stop(f"worker {worker.worker} in its given order", missing=f"there is no node {planned.node}")
    node = graph.nodes[planned.node].name
    who = f"worker {worker.worker} at {planned.kind} of {node} in its given order"
    if planned.kind == "update":
        ahead = any(task.kind == "backward" and task.node == planned.node for task in policy.rest)
        needs = ((planned.node, BACKWARD),) if ahead else ()
        missing = f"the backward tasks of {node} in the order are done, and make no update due"
        return Stop(who, f"gradients of {node}, which come later in that order", needs, missing)
    if planned.kind == "sync":
        return Stop(who, missing="what makes copies equal was not asked for, or has not come")
    absent = policy.absent()
    if not absent:
        return Stop(who, missing="its messages have come, but cannot go together")
    edge, state = absent[0]
    if edge < 0:
        return Stop(who, f"instance {state[0]} to be admitted", (ADMISSION,), f"there is no instance {state[0]}")
    if edge >= len(graph.edges):
        return Stop(who, missing=f"there is no edge {edge}")
    flow, name = source_of(graph, edge, planned.kind)
    return Stop(who, f"{state} on {name}", (flow,), f"{state} on {name} was never sent")


def source_of(graph: Graph, edge: int, kind: str) -> tuple[Flow, str]:
    """The messages that come over an edge to tasks of a kind, and the name of the edge."""
    ends = graph.edges[edge]
    # What a forward task takes in came forward. A gradient comes from the far end of the edge.
    flow = (ends.source, FORWARD) if kind == "forward" else (ends.target, BACKWARD)
    return flow, ("" if kind == "forward" else "the way back of ") + graph.edge_name(edge)


def join_stops(worker: WorkerState) -> Iterator[tuple[Flow, Stop]]:
    """The joins of a worker that miss messages."""
    graph = worker.graph
    for station in worker.stations:
        missing = station.waiting()
        if not missing or station.kind == "sync":
            continue
        backward = station.kind == "backward"
        node = graph.nodes[station.named]
        ports = (graph.outgoing if backward else graph.incoming)[station.named]
        names = node.outputs if backward else node.inputs
        needs = []
        for port in sorted(missing):
            ends = graph.edges[ports[port][0]]
            needs.append((ends.target, BACKWARD) if backward else (ends.source, FORWARD))
        wanted = " and ".join(f"{names[port]} of {tuple(states[0])}" for port, states in sorted(missing.items()))
        lost = f"{wanted} was never sent, or came under another key"
        stop = Stop(f"{node.name} on worker {worker.worker}", wanted, tuple(needs), lost, not station.foreign())
        yield (station.named, BACKWARD if backward else FORWARD), stop


def admission_stop(controller: Controller, graph: Graph, due: Sequence[int]) -> Stop | None:
    """Admission, if instances are left and none may come in: too many are there, or nodes are to be updated first."""
    if not controller.left:
        return None
    if controller.in_flight:
        ends = [(n, BACKWARD) for n, node in enumerate(graph.nodes) if isinstance(node, Source)]
        ends += [(n, FORWARD) for n, node in enumerate(graph.nodes) if isinstance(node, Loss)]
        limit = controller.settings.max_active_keys
        wants = f"one of {len(controller.in_flight)} instances in flight to end (max_active_keys is {limit})"
        return Stop("admission", wants, tuple(ends))
    wants = f"updates of {', '.join(graph.nodes[node].name for node in due[:8])}"
    return Stop("admission", wants, tuple((node, BACKWARD) for node in due))


def find_cycle(arrows: dict[Stop, list[Stop]]) -> list[Stop]:
    """A shortest cycle through the first vertex that has one; empty if there is none."""
    import networkx as nx

    graph = nx.DiGraph([(a, b) for a, after in arrows.items() for b in after])
    for vertex in arrows:
        if vertex in graph and graph.has_edge(vertex, vertex):
            return [vertex]
    for group in nx.strongly_connected_components(graph):
        if len(group) > 1:
            first = next(stop for stop in arrows if stop in group)
            paths = nx.single_source_shortest_path(graph.subgraph(group), first)
            last = min((v for v in graph.predecessors(first) if v in group), key=lambda v: (len(paths[v]), v.who))
            return list(paths[last])
    return []


def stalled(workers: Sequence[WorkerState], controller: Controller) -> Stalled:
    """The error of a run in which nothing can move: where given orders stop, which joins wait, and for whom."""
    lines = []
    for state in workers:
        try:
            state.policy.finish()
        except Stalled as error:
            lines.append(f"worker {state.worker}: {error.what}")
    lines += [f"worker {state.worker}: {line}" for state in workers for line in state.waiting()]
    why = Waits([Standing.of(state) for state in workers], controller).told()
    return stalled_error(lines, sorted(controller.in_flight), why, groups_of(controller.program.graph))


def groups_of(graph: Graph) -> list[str]:
    """The names of the Groups of a graph."""
    return [node.name for node in graph.nodes if isinstance(node, Group)]


def stalled_error(
    waiting: Sequence[str], instances: Sequence[int], why: Sequence[str] = (), groups: Sequence[str] = ()
) -> Stalled:
    """The same from what workers said; ``why`` is the wait-for cycle or what is missing, its heading first.

    Of ``groups`` those that nobody said anything of are named: a group begins with its first member, so one that none
    of its members has come to is not among those that wait.
    """
    shown = ", ".join(map(str, instances[:8])) + (" ..." if len(instances) > 8 else "")
    flight = f"{len(instances)} instances in flight ({shown})" if instances else "no instance in flight"
    details = [f"  - {line}" for line in waiting[:20]] or ["  - no join waits"]
    details += [f"  {why[0]}", *(f"    {line}" for line in why[1:])] if why else []
    silent = [name for name in groups if not any(f"{name} misses a forward" in line for line in waiting)]
    if silent:
        details.append(f"  no group waits at {', '.join(silent[:8])}: done, or never begun for want of a first member")
    if any("given order" in line for line in waiting) or any("given order" in line for line in why):
        do = "change the given order, or the number of instances in flight, so that what a task needs comes before it"
    else:
        do = "look at the keys of these joins and at the paths that lead to their missing ports"
        do += "; a Group makes nothing of no members (docs/nodes.md)" if silent else ""
    return Stalled("\n".join([f"the run stalled with {flight}", *details]), do=do)
