"""Random graphs of which random nodes are replicated."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st

from ampsim.ir.copies import Mark
from ampsim.ir.graph import Edge, Graph
from ampsim.ir.nodes import Linear, NllLoss, Relu, Source
from ampsim.ir.replicas import expand
from ampsim.job import Job
from ampsim.result.run import Run
from tests.null.models import Setting, settings

SYNC = 3  # the kind of task
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


def chain(first: int = 1, second: int = 1, source: int = 1, loss: int = 1, labels: int = 1) -> Graph:
    """Two layers, with so many copies of each node."""
    x, y = Source("x").replicas(source), Source("labels").replicas(labels)
    end = NllLoss("loss").replicas(loss)
    x >> Linear("A", 6, 4).replicas(first) >> Relu("relu") >> Linear("B", 4, 3).replicas(second) >> end["prediction"]
    y >> end["label"]
    return Graph.of("chain", x, y)


def bytes_between(run: Run) -> dict[tuple[str, int], tuple[int, int]]:
    """Messages and bytes of the edges between copies."""
    table = run.tables["edges"]
    rows = zip(*(table[column].tolist() for column in table), strict=True)
    named = ((run.summary["edges"][e], d, count, size) for e, d, count, size in rows)
    return {(name, d): (count, size) for name, d, count, size in named if ".sync" in name}


def syncs(run: Run) -> Counter[str]:
    """Sync tasks by node."""
    tasks = run.tables["tasks"]
    return Counter(run.summary["nodes"][n] for n in tasks["node"][tasks["kind"] == SYNC].tolist())
