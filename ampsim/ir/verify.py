"""The rules of a legal graph, as code. Every backend calls this first; all violations are reported at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from ampsim.errors import GraphError
from ampsim.ir import replicas
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph, reached
from ampsim.ir.nodes import (
    Cond,
    Detach,
    FanIn,
    FanOut,
    Flatmap,
    Isu,
    Loss,
    Node,
    Phi,
    Regroup,
    Routing,
    Source,
    Transform,
)
from ampsim.ir.nodes.byinstance import ByInstance, FromCopies
from ampsim.ir.reference import problem
from ampsim.ir.shapes import edge_specs

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


def verify(graph: Graph, data: Dataset | None = None) -> None:
    """Raise GraphError with every violation found, each with its node, port, rule and next step.

    With a data set, shapes and dtypes are carried from its first instance along all edges.
    """
    found = list(violations(graph, data))
    if found:
        plural = "violation" if len(found) == 1 else "violations"
        raise GraphError(f"graph {graph.name!r} is not valid: {len(found)} {plural}", tuple(found))


def violations(graph: Graph, data: Dataset | None = None) -> Iterator[str]:
    """The violations one by one. Shapes are looked at only when the structure is sound."""
    loose = dict(_loose(graph))
    sound = Graph(graph.name, list(graph.nodes), [edge for n, edge in enumerate(graph.edges) if n not in loose])
    rules = (_names, _nodes, _ports, _functions, _paths, _loops, replicas.faults)
    structural = [*graph.dangling, *loose.values(), *(line for rule in rules for line in rule(sound))]
    yield from structural
    if data is not None and not structural:
        yield from edge_specs(graph, data)[1]


def _loose(graph: Graph) -> Iterator[tuple[int, str]]:
    """Edges that do not lead from a port to a port, by number; only a graph that was written by hand has them."""
    for number, edge in enumerate(graph.edges):
        ends = (("output", edge.source, edge.output), ("input", edge.target, edge.input))
        for side, node, port in ends:
            if type(node) is not int or not 0 <= node < len(graph.nodes):
                yield number, f"edge {number}: there is no node {node!r}; nodes are 0 to {len(graph.nodes) - 1}"
                break
            names = graph.nodes[node].outputs if side == "output" else graph.nodes[node].inputs
            if type(port) is not int or not 0 <= port < len(names):
                name = graph.nodes[node].name
                yield number, f"edge {number}: {name} has no {side} port {port!r}; it has {list(names)}"
                break


def _names(graph: Graph) -> Iterator[str]:
    if not graph.nodes:
        yield "the graph is empty; link nodes with >> and name its sources in Graph.of"
    for name, count in Counter(node.name for node in graph.nodes).items():
        if count > 1:
            yield f"{name}: {count} nodes have this name; names must be unique"
        if not NAME.fullmatch(name):
            yield f"{name[:40]!r}: not a name; use letters, digits, '_', '-', '.', at most 100"


def _nodes(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if node.unit is not None and (type(node.unit) is not int or node.unit < 0):
            yield f"{node.name}: affinity {node.unit!r} is not a number of a unit; use an int from 0"
        if not isinstance(node, Source | Transform | Routing | FanIn | FanOut | Regroup | Loss):
            yield f"{node.name}: {type(node).__name__} is of no node family; derive it from Transform, Routing or FanIn"
        yield from (f"{node.name}: {fault}" for fault in node.faults())


def _ports(graph: Graph) -> Iterator[str]:
    for sides, kind in ((graph.incoming, "input"), (graph.outgoing, "output")):
        for node, ports in zip(graph.nodes, sides, strict=True):
            names = node.inputs if kind == "input" else node.outputs
            if len(set(names)) != len(names):
                yield f"{node.name}: {kind} ports {list(names)} are not unique"
            for name, edges in zip(names, ports, strict=True):
                if not edges:
                    yield f"{node.name}.{name}: this {kind} port has no edge; link it or remove it"
                elif len(edges) > 1:
                    cure = "join them with a Phi" if kind == "input" else "spread them with a Bcast"
                    yield f"{node.name}.{name}: this {kind} port has {len(edges)} edges, one is allowed; {cure}"


def _functions(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        keys = node.key.values() if isinstance(node.key, dict) else [node.key] if node.key else []
        if isinstance(node.key, dict):
            for port in node.key:
                if port not in node.inputs:
                    yield f"{node.name}: key for port {port!r}, which does not exist; ports are {list(node.inputs)}"
        if node.key is not None and isinstance(node, Source | Isu | Cond | Detach | FanOut | Regroup):
            yield f"{node.name}: {type(node).__name__} remembers nothing under a key; leave key out"
        elif isinstance(node.key, dict) and isinstance(node, Phi):
            yield f"{node.name}: a Phi has one key for all its ports; give a function"
        for function in (*node.functions, *map(str, keys)):
            wrong = problem(function)
            if wrong:
                yield f"{node.name}: {wrong}"


def _paths(graph: Graph) -> Iterator[str]:
    successors: dict[int, list[int]] = {}
    predecessors: dict[int, list[int]] = {}
    for edge in graph.edges:
        successors.setdefault(edge.source, []).append(edge.target)
        predecessors.setdefault(edge.target, []).append(edge.source)
    sources = [i for i, node in enumerate(graph.nodes) if isinstance(node, Source)]
    losses = [i for i, node in enumerate(graph.nodes) if isinstance(node, Loss)]
    if not sources:
        yield "no Source: nothing would ever enter the graph"
    if not losses:
        yield "no loss: nothing would ever turn back; end the graph in a loss"
    fed, answered = reached(sources, successors), reached(losses, predecessors)
    for i, node in enumerate(graph.nodes):
        if i not in fed:
            yield f"{node.name}: no path from a Source leads here; it would wait for ever"
        if i not in answered:
            yield f"{node.name}: no path leads from here to a loss; its messages would never be answered"
    for i in losses:
        labels = replicas.label_sources(graph, i)
        if not all(isinstance(node, Source) for node in labels) or len({node.base for node in labels}) > 1:
            yield f"{graph.nodes[i].name}.label: labels come straight from a Source; link one to this port"


LOOPS: tuple[tuple[type[Node] | tuple[type[Node], ...], str], ...] = (
    (Phi, "no Phi joins its start with its return, so nothing could enter it; add one"),
    ((Isu, Regroup), "no Isu changes the state, so two rounds could not be told apart; add one"),
    ((Cond, Flatmap), "no Cond lets a message leave, so it would go round for ever; add one"),
)


def _loops(graph: Graph) -> Iterator[str]:
    """Every loop needs a node of each of these kinds: without the nodes of one kind there is no loop left.

    The ways into and out of replicas do not count: they neither join a loop's start with its return nor leave it.
    """
    looped: set[int] = set().union(*_tangles((edge.source, edge.target) for edge in graph.edges))
    within = [(e.source, e.target) for e in graph.edges if e.source in looped and e.target in looped]
    for kind, wrong in LOOPS:
        serve = {n for n in looped if isinstance(graph.nodes[n], kind)}
        left = looped - {n for n in serve if not isinstance(graph.nodes[n], ByInstance | FromCopies)}
        for tangle in _tangles((a, b) for a, b in within if a in left and b in left):
            names = ", ".join(graph.nodes[n].name for n in sorted(tangle)[:8])
            yield f"loop through {names}: {wrong}"


def _tangles(ends: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Sets of nodes each of which can reach itself and all others of its set."""
    import networkx

    plain = networkx.DiGraph(ends)
    found = networkx.strongly_connected_components(plain)
    return [tangle for tangle in found if len(tangle) > 1 or any(plain.has_edge(n, n) for n in tangle)]
