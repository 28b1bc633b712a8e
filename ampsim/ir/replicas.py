"""Replicas: one node of a graph becomes several ordinary nodes that share the instances among them.

    a >> cell.replicas(2) >> b          a --> cell.in.cond --+--> cell.0 --+--> cell.out.phi --> b
                                                             +--> cell.1 --+

    a.replicas(2) >> b.replicas(2)      a.0 --> b.0    a.1 --> b.1

Everything behind the builder sees the copies only: placement, JSON, reports, and the engine.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

from ampsim.errors import GraphError
from ampsim.ir.copies import Mark, Replica, mark_faults
from ampsim.ir.nodes.base import FLOAT, Node, Parameterised
from ampsim.ir.nodes.byinstance import ByInstance, FromCopies

if TYPE_CHECKING:
    from ampsim.ir.graph import Edge, Graph

Ends = tuple[int, int, int, int]
MOST_LANES = 2**20  # numbers left out between stretches of training are fewer


class Twins(NamedTuple):
    """The copies of one node with parameters, by number of the copy, and when they are made equal again."""

    base: str
    nodes: tuple[int, ...]
    sync: str | int
    slots: str


def expand(nodes: Sequence[Node], edges: Sequence[Ends]) -> tuple[list[Node], list[Ends], list[str]]:
    """Copies in the place of marked nodes, the edges between all of them, and what is wrong with the marks.

    A node with a bad mark stays as it is.
    """
    problems = [f"{node.name}: {fault}" for node in nodes for fault in _mark_faults(node)]
    if all(_copies(node) == 1 for node in nodes):
        return [_unmarked(node) for node in nodes], list(edges), problems
    stride = 1 + max((u for node in nodes for u in (node.unit, *node.units) if type(u) is int), default=-1)
    before: dict[int, list[Node]] = {}
    after: dict[int, list[Node]] = {}
    links: list[tuple[Node, int, Node, int]] = []
    made = [_made(node, stride) for node in nodes]
    for source, output, target, port in edges:
        starts, ends = made[source], made[target]
        if len(starts) != len(ends) and len(starts) > 1:
            phi = FromCopies(f"{nodes[source].name}.{nodes[source].outputs[output]}.phi", copies=len(starts))
            after.setdefault(source, []).append(phi)
            links += [(start, output, phi, i) for i, start in enumerate(starts)]
            starts, output = [phi], 0
        if len(starts) != len(ends):
            cond = ByInstance(f"{nodes[target].name}.{nodes[target].inputs[port]}.cond", copies=len(ends))
            before.setdefault(target, []).append(cond)
            links.append((starts[0], output, cond, 0))
            links += [(cond, i, end, port) for i, end in enumerate(ends)]
        else:
            links += [(start, output, end, port) for start, end in zip(starts, ends, strict=True)]
    every = [new for i in range(len(nodes)) for new in (*before.get(i, ()), *made[i], *after.get(i, ()))]
    number = {id(node): i for i, node in enumerate(every)}
    return every, [(number[id(a)], output, number[id(b)], port) for a, output, b, port in links], problems


def marked(nodes: Sequence[Node], mark: Mark) -> list[Node]:
    """The same nodes, all to be replicated."""
    found = []
    for node in nodes:
        twin = copy.copy(node)
        twin.mark = mark
        found.append(twin)
    return found


def _mark_faults(node: Node) -> Iterator[str]:
    if node.mark is not None:
        faults = list(mark_faults(*node.mark))
        yield from (f"in replicas(...), {fault}" for fault in faults)
        if faults:
            return
    copies = node.mark.copies if node.mark else 1
    if node.units and len(node.units) != copies:
        yield f"affinity names {len(node.units)} units for {copies} copies; name one, or one for each copy"


def _copies(node: Node) -> int:
    if node.mark is None or any(mark_faults(*node.mark)):
        return 1
    return node.mark.copies


def _unmarked(node: Node) -> Node:
    """A twin of a node that stays single: the one that was linked may be changed, and built from, again."""
    twin = copy.copy(node)
    twin.mark, twin.links = None, []
    return twin


def _made(node: Node, stride: int) -> list[Node]:
    """The copies of a node; of an ordinary one just itself."""
    copies = _copies(node)
    if copies == 1 or node.mark is None:
        return [_unmarked(node)]
    made = []
    for i in range(copies):
        twin = copy.copy(node)
        twin.name = f"{node.name}.{i}"
        twin.replica = Replica(node.name, i, *node.mark)
        twin.mark, twin.links, twin.units = None, [], ()
        if len(node.units) == copies:
            twin.unit = node.units[i]
        elif type(node.unit) is int:
            twin.unit = node.unit + i * stride
        made.append(twin)
    return made


# -- what graphs with replicas are asked -------------------------------------------------------------------------------


def twins(graph: Graph) -> tuple[Twins, ...]:
    """The copies of every replicated node with parameters, in graph order."""
    found: dict[str, list[int]] = {}
    for index, node in enumerate(graph.nodes):
        if node.replica is not None and isinstance(node, Parameterised):
            found.setdefault(node.replica.base, []).append(index)
    made = []
    for base, members in found.items():
        replica = graph.nodes[members[0]].replica
        assert replica is not None
        made.append(Twins(base, tuple(members), replica.sync, replica.slots))
    return tuple(made)


def label_sources(graph: Graph, loss: int) -> list[Node]:
    """The nodes that a loss gets its labels from, looking through the ways into and out of replicas."""
    found: list[Node] = []
    waiting = [graph.edges[edge].source for edge in graph.incoming[loss][1]]
    seen: set[int] = set()
    while waiting:
        index = waiting.pop(0)
        if index in seen:
            continue
        seen.add(index)
        node = graph.nodes[index]
        if isinstance(node, ByInstance | FromCopies):
            waiting += [graph.edges[edge].source for edges in graph.incoming[index] for edge in edges]
        else:
            found.append(node)
    return found


def handles(node: Node, instance: int) -> bool:
    """Whether messages of an instance come to a node at all, as far as replicas decide it."""
    return node.replica is None or node.replica.handles(instance)


def lanes(graph: Graph) -> int:
    """The least common multiple of the numbers of copies: two instances that far apart take the same way."""
    return lcm(*{node.replica.copies for node in graph.nodes if node.replica is not None})


def with_units(graph: Graph, units: Mapping[str, int | Sequence[int | None] | None]) -> list[Node]:
    """The nodes of a graph on other units; see :meth:`Graph.with_units`. Raises GraphError."""
    nodes = [copy.copy(node) for node in graph.nodes]
    spread: list[tuple[Node, int]] = []
    for name, unit in units.items():
        chosen = [node for node in nodes if name in (node.name, node.base)]
        if not chosen:
            graph.index(name)  # which says what there is
        if isinstance(unit, Sequence):
            if len(unit) != len(chosen):
                what = f"{name}: {len(unit)} units for {len(chosen)} copies"
                raise GraphError(what, do="name one, or one for each copy")
            for node, own in zip(chosen, unit, strict=True):
                node.unit = own
            continue
        for node in chosen:
            node.unit = unit
            if len(chosen) > 1 and type(unit) is int:
                spread.append((node, unit))
    first = [node.unit for node in nodes if not (node.replica and node.replica.copy) and type(node.unit) is int]
    for node, unit in spread:
        node.unit = unit + (node.replica.copy if node.replica else 0) * (1 + max(first, default=-1))
    return nodes


# -- rules -------------------------------------------------------------------------------------------------------------


def faults(graph: Graph) -> Iterator[str]:
    """What is wrong with the replicas of a graph, in words. The builder makes them right; JSON may say anything."""
    groups: dict[str, list[Node]] = {}
    plain = Counter(node.name for node in graph.nodes if node.replica is None)
    for node in graph.nodes:
        if node.replica is not None:
            groups.setdefault(node.replica.base, []).append(node)
    for base, members in groups.items():
        if plain[base]:
            yield f"{base}: a node and a replicated node have this name; names must be unique"
        yield from _group_faults(base, members)
    copies = {node.replica.copies: node.base for node in graph.nodes if node.replica is not None}
    if all(type(count) is int and count > 0 for count in copies) and lcm(*copies) > MOST_LANES:
        wanted = "so many kinds of instances cannot be shared evenly; give nodes equal numbers of copies, or multiples"
        shown = ", ".join(f"{count} ({name})" for count, name in list(copies.items())[:4])
        yield f"copies {shown}: their least common multiple is above {MOST_LANES}; {wanted}"
    for edge in graph.edges:
        yield from _edge_faults(graph, edge)


def _group_faults(base: str, members: list[Node]) -> Iterator[str]:
    first = members[0].replica
    assert first is not None
    yield from (f"{base}: of its replicas, {fault}" for fault in mark_faults(first.copies, first.sync, first.slots))
    numbers = [node.replica.copy for node in members if node.replica]
    if type(first.copies) is int and numbers != list(range(first.copies)):
        wanted = f"give copies 0 to {first.copies - 1} in order"
        yield f"{base}: its replicas are copies {numbers}, of {first.copies}; {wanted}"
    for node in members[1:]:
        other = node.replica
        assert other is not None
        same = (other.copies, other.sync, other.slots) == (first.copies, first.sync, first.slots)
        if not same or type(node) is not type(members[0]):
            yield f"{node.name}: differs from {members[0].name} in type, copies, sync or slots; replicas are alike"
        elif _settings(node) != _settings(members[0]):
            yield f"{node.name}: its settings differ from those of {members[0].name}; replicas are alike"
    if isinstance(members[0], Parameterised) and not any(members[0].faults()):
        for name, spec in members[0].parameters().items():
            if spec.dtype != FLOAT:
                yield f"{base}: its parameter {name} is {spec.dtype}; only float32 can be averaged over replicas"


def _settings(node: Node) -> dict[str, object]:
    own = ("name", "unit", "replica", "links", "units", "mark", "built")
    return {name: value for name, value in vars(node).items() if name not in own}


def _edge_faults(graph: Graph, edge: Edge) -> Iterator[str]:
    """Messages of one copy's instances must not get to another copy."""
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    out, into = source.replica, target.replica
    if isinstance(source, ByInstance):
        out = Replica("", edge.output, source.copies)
    if isinstance(target, FromCopies):
        into = Replica("", edge.input, target.copies)
    if (out and (out.copy, out.copies)) != (into and (into.copy, into.copies)):
        a, b = f"{source.name}.{source.outputs[edge.output]}", f"{target.name}.{target.inputs[edge.input]}"
        yield f"{a} -> {b}: instances of other copies would pass; link equal copies, or go by ByInstance and FromCopies"
