"""The graph of a job: nodes, and edges between their ports. It is data, and the same data on every backend."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ampsim.errors import GraphError
from ampsim.ir import replicas
from ampsim.ir.copies import Mark, Replica
from ampsim.ir.nodes.base import Link, Node, Parameterised
from ampsim.ir.nodes.loss import Loss
from ampsim.ir.nodes.routing import Detach
from ampsim.ir.reference import reference, resolve

if TYPE_CHECKING:
    import networkx

_OWN = ("name", "key", "unit", "links", "replica", "units", "mark", "built")


class Edge(NamedTuple):
    """From output port ``output`` of node ``source`` to input port ``input`` of node ``target`` (all numbers)."""

    source: int
    output: int
    target: int
    input: int


class Graph:
    """Nodes in a fixed order and the edges between them; both are referred to by number everywhere else.

    ``dangling`` holds the links whose ports could not be told; ``verify`` reports them. A graph and its nodes do not
    change once it is built: jobs are told apart by it.
    """

    def __init__(self, name: str, nodes: list[Node], edges: list[Edge], dangling: list[str] | None = None) -> None:
        self.name = name
        self.nodes = tuple(nodes)
        self.edges = tuple(edges)
        self.dangling = tuple(dangling or ())
        for node in self.nodes:
            node.built = True

    @classmethod
    def of(cls, name: str, *sources: Node) -> Graph:
        """The graph that was linked with ``>>``: everything that can be reached from ``sources``, in either direction.

        Nodes are numbered breadth first in the order they were linked; nodes without a name get one from their type.
        Nodes with replicas are in it as their copies.
        """
        order: dict[int, Node] = {}
        waiting = deque(sources)
        while waiting:
            node = waiting.popleft()
            if id(node) in order:
                continue
            order[id(node)] = node
            waiting.extend(link.target for link in node.links)
            waiting.extend(link.source for link in node.links)
        nodes = list(order.values())
        _name(nodes)
        number = {id(node): index for index, node in enumerate(nodes)}
        links = [link for node in nodes for link in node.links if link.source is node]
        edges, dangling = [], []  # type: list[tuple[int, int, int, int]], list[str]
        for link in links:
            problem, output, target = _ports(link)
            if problem:
                dangling.append(problem)
            else:
                edges.append((number[id(link.source)], output, number[id(link.target)], target))
        return cls._expanded(name, nodes, edges, dangling)

    @classmethod
    def _expanded(cls, name: str, nodes: list[Node], edges: list[replicas.Ends], dangling: list[str]) -> Graph:
        nodes, edges, problems = replicas.expand(nodes, edges)
        return cls(name, nodes, [Edge(*edge) for edge in edges], [*dangling, *problems])

    def replicas(self, copies: int, sync: str | int = "epoch", slots: str = "average") -> Graph:
        """The graph with ``copies`` copies of every node, which have no edge between them; see :meth:`Node.replicas`.

        Raises GraphError if there are replicas in it already.
        """
        twice = [node.name for node in self.nodes if node.replica is not None]
        if twice:
            what = f"graph {self.name!r} has replicas already, such as {twice[0]}"
            raise GraphError(what, do="replicate single nodes, or the whole graph, once")
        nodes = replicas.marked(self.nodes, Mark(copies, sync, slots))
        return self._expanded(self.name, nodes, list(self.edges), list(self.dangling))

    def with_units(self, units: Mapping[str, int | Sequence[int | None] | None]) -> Graph:
        """The graph with nodes on other units, by name; None: on that of a neighbour, as if it had no affinity.

        The name of a replicated node stands for all its copies: it takes a unit for each, or one, u, and copy i is put
        on u + i * (1 + the largest unit of first copies and of nodes without replicas). Raises GraphError for a name
        that is not in the graph, or a wrong number of units.
        """
        return Graph(self.name, replicas.with_units(self, units), list(self.edges), list(self.dangling))

    def __repr__(self) -> str:
        return f"Graph({self.name!r}, {len(self.nodes)} nodes, {len(self.edges)} edges)"

    def index(self, name: str) -> int:
        """The number of the node called ``name``. Raises GraphError."""
        for index, node in enumerate(self.nodes):
            if node.name == name:
                return index
        raise GraphError(f"{name!r} is no node of graph {self.name!r}", do=f"one of: {[n.name for n in self.nodes]}")

    def edge_name(self, edge: int) -> str:
        """``L1.out -> relu1.in``."""
        source, output, target, port = self.edges[edge]
        a, b = self.nodes[source], self.nodes[target]
        return f"{a.name}.{a.outputs[output]} -> {b.name}.{b.inputs[port]}"

    @cached_property
    def outgoing(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """``outgoing[node][port]``: the edges that leave an output port (a valid graph has one)."""
        ends = [(edge.source, edge.output) for edge in self.edges]
        return _by_port(ends, [len(node.outputs) for node in self.nodes])

    @cached_property
    def incoming(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """``incoming[node][port]``: the edges that enter an input port (a valid graph has one)."""
        ends = [(edge.target, edge.input) for edge in self.edges]
        return _by_port(ends, [len(node.inputs) for node in self.nodes])

    @cached_property
    def needs_gradient(self) -> tuple[bool, ...]:
        """For each edge whether a parameter lies upstream and a gradient comes from downstream.

        The others are answered by empty backward messages. No gradient passes a Detach.
        """
        ahead: dict[int, list[int]] = {}
        behind: dict[int, list[int]] = {}
        for edge in self.edges:
            if not isinstance(self.nodes[edge.source], Detach):
                ahead.setdefault(edge.source, []).append(edge.target)
            if not isinstance(self.nodes[edge.target], Detach):
                behind.setdefault(edge.target, []).append(edge.source)
        trained = reached([i for i, node in enumerate(self.nodes) if isinstance(node, Parameterised)], ahead)
        scored = reached([i for i, node in enumerate(self.nodes) if isinstance(node, Loss)], behind)
        return tuple(
            edge.source in trained and edge.target in scored and not self._detached(edge) for edge in self.edges
        )

    def _detached(self, edge: Edge) -> bool:
        return any(isinstance(self.nodes[node], Detach) for node in (edge.source, edge.target))

    @cached_property
    def looped(self) -> frozenset[int]:
        """Nodes on a loop, or between two: what is left when nodes without a way in, or out, are taken away."""
        left = set(range(len(self.nodes)))
        for side in ("source", "target"):
            ends = [(getattr(edge, side), edge.target if side == "source" else edge.source) for edge in self.edges]
            ahead = Counter(end for start, end in ends if {start, end} <= left)
            after: dict[int, list[int]] = {}
            for start, end in ends:
                after.setdefault(start, []).append(end)
            bare = deque(node for node in sorted(left) if not ahead[node])
            while bare:
                node = bare.popleft()
                left.discard(node)
                for end in after.get(node, ()):
                    ahead[end] -= 1
                    if not ahead[end] and end in left:
                        bare.append(end)
        return frozenset(left)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; :meth:`from_dict` gives the same graph back."""
        nodes, edges = [_pack(node) for node in self.nodes], [list(edge) for edge in self.edges]
        return {"name": self.name, "nodes": nodes, "edges": edges}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Graph:
        """The graph that :meth:`to_dict` described. Raises GraphError if it cannot be read."""
        try:
            return cls(data["name"], [_unpack(n) for n in data["nodes"]], [Edge(*edge) for edge in data["edges"]])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise GraphError(f"this is no graph: {error}", do="a graph has name, nodes and edges") from error

    def to_networkx(self) -> networkx.MultiDiGraph[str]:
        """Nodes by name with ``type`` and ``unit``; edges with their ports and number."""
        import networkx

        graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph(name=self.name)
        for node in self.nodes:
            graph.add_node(node.name, type=type(node).__name__, unit=node.unit)
        for number, (source, output, target, port) in enumerate(self.edges):
            a, b = self.nodes[source], self.nodes[target]
            graph.add_edge(a.name, b.name, key=number, output=a.outputs[output], input=b.inputs[port])
        return graph

    def to_mermaid(self) -> str:
        """The drawing, as Mermaid text (rendered by most viewers of Markdown)."""
        lines = ["flowchart LR"]
        for index, node in enumerate(self.nodes):
            lines.append(f'  n{index}["{node.name}<br/>{type(node).__name__}"]')
        for source, output, target, port in self.edges:
            a, b = self.nodes[source], self.nodes[target]
            named = [ports[p] for ports, p in ((a.outputs, output), (b.inputs, port)) if len(ports) > 1]
            label = f"|{' to '.join(named)}|" if named else ""
            lines.append(f"  n{source} -->{label} n{target}")
        return "\n".join(lines)


def reached(start: list[int], step: dict[int, list[int]]) -> set[int]:
    """What can be reached in any number of steps, the start included."""
    seen, waiting = set(start), deque(start)
    while waiting:
        for node in step.get(waiting.popleft(), ()):
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen


def _by_port(ends: list[tuple[int, int]], ports: list[int]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    found: dict[tuple[int, int], list[int]] = {}
    for edge, end in enumerate(ends):
        found.setdefault(end, []).append(edge)
    return tuple(tuple(tuple(found.get((n, p), ())) for p in range(count)) for n, count in enumerate(ports))


def _name(nodes: list[Node]) -> None:
    """Give every nameless node its type's name and a number, in graph order."""
    taken = {node.name for node in nodes}
    for node in nodes:
        number = 1
        while not node.name:
            candidate = f"{type(node).__name__.lower()}{number}"
            if candidate not in taken:
                node.name = candidate
                taken.add(candidate)
            number += 1


def _ports(link: Link) -> tuple[str, int, int]:
    """What is wrong with a link (or ""), and the numbers of its ports."""
    where = f"{link.source.name} >> {link.target.name}"
    numbers = []
    for side, node, ports, name in (
        ("output", link.source, link.source.outputs, link.output),
        ("input", link.target, link.target.inputs, link.input),
    ):
        if not ports:
            return f"{where}: {node.name} ({type(node).__name__}) has no {side} port; link it the other way", 0, 0
        if name is None and len(ports) > 1:
            return f"{where}: name the {side} port of {node.name}, one of {list(ports)}", 0, 0
        if name is not None and name not in ports:
            return f"{where}: {node.name} has no {side} port {name!r}, only {list(ports)}", 0, 0
        numbers.append(0 if name is None else ports.index(name))
    return "", numbers[0], numbers[1]


def _pack(node: Node) -> dict[str, Any]:
    settings = {f.name: getattr(node, f.name) for f in fields(node) if f.name not in _OWN}
    packed: dict[str, Any] = {"type": reference(type(node)), "name": node.name, "settings": settings}
    if node.key is not None:
        packed["key"] = node.key
    if node.unit is not None:
        packed["unit"] = node.unit
    if node.replica is not None:
        packed["replica"] = asdict(node.replica)
    return packed


def _unpack(data: dict[str, Any]) -> Node:
    kind = resolve(data["type"])
    if not (isinstance(kind, type) and issubclass(kind, Node)):
        raise GraphError(f"{data['type']!r} is no node type")
    settings: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in data["settings"].items()}
    replica = Replica(**data["replica"]) if "replica" in data else None
    return kind(data["name"], key=data.get("key"), unit=data.get("unit"), replica=replica, **settings)
