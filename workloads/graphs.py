"""Many small graphs, cut into minibatches: an instance is the disjoint union of its graphs.

    two graphs        0 -> 1 -> 2     0 <- 1        nodes numbered within each graph
    one instance      0 -> 1 -> 2     3 <- 4        nodes numbered through
    edges, by type    type 0: 0 -> 1, 4 -> 3        a message of one row an edge
                      type 1: 1 -> 2

A graph network computes on the union as it does on one graph, since no edge leads from one graph into another; so
several graphs in one instance need no padding, and a minibatch of one is nothing special.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ampsim.errors import UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.message import Array, Spec
from ampsim.ir.rows import Rows

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """n graphs as drawn or read: flat arrays, one graph after the other; all int64 but perhaps the answers.

    ``sizes`` (n,) nodes of each graph and ``nodes`` what stands at each; ``degrees`` (n,) edges of each graph and
    ``source``, ``target``, ``kinds`` of each edge, nodes numbered within the graph; ``answers`` (n,).
    """

    sizes: Integers
    nodes: Integers
    degrees: Integers
    source: Integers
    target: Integers
    kinds: Integers
    answers: Array

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, chosen: Integers) -> Drawn:
        """The graphs with these numbers, in this order."""
        nodes, edges = spread(self.sizes, chosen), spread(self.degrees, chosen)
        per_edge = (self.source[edges], self.target[edges], self.kinds[edges])
        return Drawn(self.sizes[chosen], self.nodes[nodes], self.degrees[chosen], *per_edge, self.answers[chosen])


def starts(counts: Array) -> Integers:
    """0 and the sums of all counts before each place, then the sum of all: offsets, (n + 1,)."""
    found = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=found[1:])
    return found


def spread(counts: Integers, chosen: Integers) -> Integers:
    """The positions of the entries of the ``chosen`` lists, when lists of ``counts`` entries lie one after another."""
    first, sizes = starts(counts)[chosen], counts[chosen]
    found: Integers = np.repeat(first - starts(sizes)[:-1], sizes) + np.arange(int(sizes.sum()))
    return found


@dataclass(frozen=True, eq=False)
class Union:
    """What the functions of a graph network's nodes may know of an instance.

    ``along``: from the nodes of the union to one message a type of edge, whose rows are the sources of its edges.
    ``into``: from the same rows to the nodes they lead to. ``readout``: from the nodes to the graphs. ``steps``: how
    often messages are passed.
    """

    steps: int
    types: int
    along: Rows
    into: Rows
    readout: Rows


class Graphs(Dataset):
    """Minibatches of graphs; an instance is the disjoint union of one minibatch, its structure a :class:`Union`.

    Fields, for a minibatch of g graphs with r nodes:
    ``nodes``, state ``(0,)`` (before the first step): (r,) int64; or with the option ``columns`` (r, columns) float32,
    the number in column 0 and zero elsewhere;
    ``answers``, state ``()``: (g,) int64 or float32.

    Arrays, all made by :func:`cut`: ``nodes`` and ``answers``; ``graph``, for each node the number of its graph within
    the minibatch; ``source`` and ``target`` of each edge, numbered within the union and sorted by minibatch and type;
    the offsets ``rows`` and ``graphs`` (minibatches + 1,) and ``edges`` (minibatches * types + 1,).
    """

    def __init__(self, arrays: Mapping[str, Array], *, types: int, steps: int, columns: int = 0) -> None:
        super().__init__(arrays, types=types, steps=steps, columns=columns)
        self._types, self._steps, self._columns = types, steps, columns
        self._rows: list[int] = self.arrays["rows"].tolist()
        self._graphs: list[int] = self.arrays["graphs"].tolist()
        self._edges: list[int] = self.arrays["edges"].tolist()
        # What a regrouping has to know of an instance is worked out once and used in every step of every epoch.
        self._union = lru_cache(maxsize=1 << 13)(self._unite)

    def __len__(self) -> int:
        return len(self._graphs) - 1

    def rows(self, index: int) -> int:
        return self._graphs[index + 1] - self._graphs[index]

    def structure(self, index: int) -> Union:
        return self._union(index)

    def _unite(self, index: int) -> Union:
        first, last = self._rows[index], self._rows[index + 1]
        bounds = self._edges[index * self._types : (index + 1) * self._types + 1]
        counts = [after - before for before, after in pairwise(bounds)]
        source, target = (self.arrays[name][bounds[0] : bounds[-1]] for name in ("source", "target"))
        return Union(
            self._steps,
            self._types,
            Rows(counts, source, last - first),
            Rows(counts, target, last - first),
            Rows([last - first], self.arrays["graph"][first:last], self.rows(index)),
        )

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return [(0,)] if field == "nodes" else [()]

    def spec(self, field: str, index: int) -> Spec:
        if field == "nodes":
            rows = self._rows[index + 1] - self._rows[index]
            if self._columns:
                return Spec((rows, self._columns), np.dtype(np.float32))
            return Spec((rows,), np.dtype(np.int64))
        return Spec((self.rows(index),), self.arrays[field].dtype)

    def payload(self, field: str, index: int) -> Array:
        bounds = {"nodes": self._rows, "answers": self._graphs}[field]
        found: Array = self.arrays[field][bounds[index] : bounds[index + 1]]
        if field == "nodes" and self._columns:
            wide = np.zeros((len(found), self._columns), np.float32)
            wide[:, 0] = found
            return wide
        return found


def cut(drawn: Drawn, batch: int, *, types: int, steps: int, columns: int = 0) -> Graphs:
    """The data set: ``batch`` consecutive graphs a minibatch, the last one perhaps smaller.

    Raises UsageError if the arrays do not fit each other: an edge to a node that there is not, a type that is none.
    """
    check(drawn, types)
    graphs = len(drawn)
    minibatch = np.arange(graphs) // batch
    minibatches = -(-graphs // batch)
    first_graph = np.minimum(np.arange(minibatches + 1) * batch, graphs)
    first_node = starts(drawn.sizes)
    # Numbered within the union: a graph's nodes come after those of the graphs before it in its minibatch.
    moved = first_node[:-1] - first_node[first_graph[minibatch]]
    group = np.repeat(minibatch, drawn.degrees) * types + drawn.kinds
    order = np.argsort(group, kind="stable")
    move = np.repeat(moved, drawn.degrees)
    arrays = {
        "nodes": drawn.nodes,
        "graph": np.repeat(np.arange(graphs) - first_graph[minibatch], drawn.sizes),
        "source": (drawn.source + move)[order],
        "target": (drawn.target + move)[order],
        "answers": drawn.answers,
        "rows": first_node[first_graph],
        "graphs": first_graph,
        "edges": starts(np.bincount(group, minlength=minibatches * types)),
    }
    return Graphs(arrays, types=types, steps=steps, columns=columns)


def check(drawn: Drawn, types: int) -> None:
    """Raise UsageError unless the arrays are graphs with ``types`` types of edges."""
    sizes, degrees = drawn.sizes, drawn.degrees
    lengths = {len(drawn.source), len(drawn.target), len(drawn.kinds)}
    if not len(sizes) == len(degrees) == len(drawn.answers):
        raise UsageError(f"{len(sizes)} sizes, {len(degrees)} degrees and {len(drawn.answers)} answers do not fit")
    if sizes.min(initial=1) < 1 or degrees.min(initial=0) < 0:
        raise UsageError("a graph has at least one node, and no fewer than no edges")
    if sizes.sum() != len(drawn.nodes) or lengths != {int(degrees.sum())}:
        raise UsageError("sizes and degrees do not add up to the nodes and edges that there are")
    limit = np.repeat(sizes, degrees)
    for name, ends in (("source", drawn.source), ("target", drawn.target)):
        wrong = np.flatnonzero((ends < 0) | (ends >= limit))
        if len(wrong):
            edge = int(wrong[0])
            raise UsageError(
                f"{name} of edge {edge} is node {ends[edge]} of a graph of {limit[edge]}", f"{name}[{edge}]"
            )
    wrong = np.flatnonzero((drawn.kinds < 0) | (drawn.kinds >= types))
    if len(wrong):
        edge = int(wrong[0])
        raise UsageError(f"edge {edge} is of type {drawn.kinds[edge]}; there are {types}", f"kinds[{edge}]")
