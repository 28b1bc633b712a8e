"""Random graphs of which random nodes are replicated."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st

from ampsim.ir.copies import Mark
from ampsim.ir.graph import Edge, Graph
from ampsim.ir.replicas import expand
from ampsim.job import Job
from tests.null.models import Setting, settings

MARKS = st.builds(
    Mark, st.sampled_from([2, 2, 3]), st.sampled_from(["epoch", 1, 2, 5]), st.sampled_from(["average", "keep"])
)


def with_marks(graph: Graph, marks: Mapping[int, Mark]) -> Graph:
    """The graph with these nodes replicated."""
    nodes = [copy.copy(node) for node in graph.nodes]
    for index, mark in marks.items():
        nodes[index].mark = mark
    made, edges, problems = expand(nodes, graph.edges)
    return Graph(graph.name, made, [Edge(*edge) for edge in edges], problems)


@st.composite
def copied(draw: st.DrawFn) -> tuple[Setting, Setting]:
    """A random job, and the same one with some of its nodes replicated, each with an owner for every node."""
    plain = draw(settings())
    nodes = len(plain.job.graph.nodes)
    if draw(st.booleans()):
        marks = dict.fromkeys(range(nodes), draw(MARKS))
    else:
        marks = draw(st.dictionaries(st.integers(0, nodes - 1), MARKS, min_size=1))
    graph = with_marks(plain.job.graph, marks)
    workers = max(plain.owner) + 1
    owner = tuple(draw(st.lists(st.integers(0, workers - 1), min_size=len(graph.nodes), max_size=len(graph.nodes))))
    return plain, Setting(replace(plain.job, graph=graph), owner)


def with_graph(job: Job, graph: Graph) -> Job:
    """The job on another graph."""
    return Job(graph, job.data, job.training)
