"""Shapes and dtypes carried from the data set along every edge."""

from __future__ import annotations

from collections import deque

from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Spec
from ampsim.ir.nodes import FanIn, FanOut, Loss, Node, Phi, Regroup, Source, Transform
from ampsim.ir.nodes.base import ShapeError


def edge_specs(graph: Graph, data: Dataset) -> tuple[dict[int, Spec], list[str]]:
    """The Spec of one message on each edge, from the first instance of ``data``, and the problems found.

    Loops need no iteration to a fixed point: rows never change on the way, and a Phi passes on whichever input is
    known first; that all its inputs agree is checked at the end. Where a Flatmap or Group changes rows, how many there
    are depends on the instance; all Specs of such a graph have one row.
    """
    known, problems = _entering(graph, data)
    if problems:
        return known, problems
    waiting = deque(graph.edges[edge].target for edge in known)
    done: set[int] = set()
    while waiting:
        index = waiting.popleft()
        node = graph.nodes[index]
        specs = [known.get(ports[0]) for ports in graph.incoming[index]]
        ready = isinstance(node, Phi) or None not in specs
        if index in done or not ready:
            continue
        done.add(index)
        try:
            outputs = infer(node, [spec for spec in specs if spec is not None])
        except ShapeError as error:
            return known, [f"{node.name}: {error}"]
        for (edge,), spec in zip(graph.outgoing[index], outputs, strict=True):
            known[edge] = spec
            waiting.append(graph.edges[edge].target)
    stuck = {graph.edges[edge].target for edge in known} - done
    if stuck:
        names = ", ".join(graph.nodes[index].name for index in sorted(stuck)[:8])
        problems.append(f"{names}: no message can ever be complete here; enter the loop in front of it by a Phi")
    for index, node in enumerate(graph.nodes):
        shapes = {known[ports[0]] for ports in graph.incoming[index] if ports[0] in known}
        if isinstance(node, Phi) and len(shapes) > 1:
            problems.append(f"{node.name}: its inputs differ in shape or dtype: {sorted(map(str, shapes))}")
    return known, problems


def _entering(graph: Graph, data: Dataset) -> tuple[dict[int, Spec], list[str]]:
    if len(data) == 0:
        return {}, ["the data set is empty; it needs at least one instance"]
    known: dict[int, Spec] = {}
    problems = []
    for index, node in enumerate(graph.nodes):
        if isinstance(node, Source):
            try:
                whole, count = data.spec(node.data_field, 0), len(data.states(node.data_field, 0))
            except KeyError:
                field = node.data_field
                problems.append(
                    f"{node.name}: the data set has no field {field!r}; name the Source after one, or reads="
                )
                continue
            ragged = any(isinstance(other, Regroup) for other in graph.nodes)
            known[graph.outgoing[index][0][0]] = whole.with_rows(1 if ragged else whole.shape[0] // max(count, 1))
    return known, problems


def infer(node: Node, inputs: list[Spec]) -> list[Spec]:
    """Shapes of a node's outputs. Raises ShapeError."""
    if isinstance(node, Transform | Regroup):
        return [node.infer(inputs[0])]
    if isinstance(node, FanIn):
        return [node.infer(inputs)]
    if isinstance(node, FanOut):
        return node.infer(inputs[0])
    if isinstance(node, Loss):
        node.check(*inputs)
        return []
    return [inputs[0]] * len(node.outputs)
