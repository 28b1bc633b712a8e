"""Disjoint unions: every edge once, by its type, between the right nodes; sums by graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.rows import gather_rows, scatter_rows
from ampsim.workloads.graphs import Drawn, Graphs, cut, spread, starts
from tests.workloads.drawn import TYPES, graphs

Edge = tuple[int, int, int]


def one_by_one(drawn: Drawn) -> list[tuple[list[int], list[Edge], float]]:
    """Nodes, edges (source, target, type) and answer of each graph, by plain slicing."""
    found = []
    node = edge = 0
    for size, degree, answer in zip(drawn.sizes.tolist(), drawn.degrees.tolist(), drawn.answers.tolist(), strict=True):
        part = slice(edge, edge + degree)
        edges = [a.tolist() for a in (drawn.source[part], drawn.target[part], drawn.kinds[part])]
        found.append((drawn.nodes[node : node + size].tolist(), list(zip(*edges, strict=True)), answer))
        node, edge = node + size, edge + degree
    return found


def taken_apart(data: Graphs) -> list[tuple[list[int], list[Edge], float]]:
    """The same out of a data set: unions cut into their graphs again."""
    found = []
    for index in range(len(data)):
        union, nodes = data.structure(index), data.payload("nodes", index).tolist()
        owner = union.readout.index.tolist()
        edges: list[list[Edge]] = [[] for _ in range(data.rows(index))]
        first = [owner.index(graph) for graph in range(data.rows(index))]
        kinds = np.repeat(np.arange(union.types), union.along.counts).tolist()
        ends = zip(union.along.index.tolist(), union.into.index.tolist(), kinds, strict=True)
        for source, target, kind in ends:
            graph = owner[source]
            assert owner[target] == graph, "an edge leads out of its graph"
            edges[graph].append((source - first[graph], target - first[graph], kind))
        for graph, answer in enumerate(data.payload("answers", index).tolist()):
            own = [node for node, g in zip(nodes, owner, strict=True) if g == graph]
            found.append((own, edges[graph], answer))
    return found


@given(graphs(), st.integers(1, 4))
def test_a_union_holds_its_graphs_and_nothing_else(drawn: Drawn, batch: int) -> None:
    data = cut(drawn, batch, types=TYPES, steps=2)
    assert [data.rows(i) for i in range(len(data))] == [
        min(batch, len(drawn) - start) for start in range(0, len(drawn), batch)
    ]
    apart, together = one_by_one(drawn), taken_apart(data)
    assert len(apart) == len(together)
    for (nodes, edges, answer), (same_nodes, same_edges, same_answer) in zip(apart, together, strict=True):
        assert (nodes, answer) == (same_nodes, same_answer)
        # By type, and among edges of one type in the order in which they were given.
        assert same_edges == sorted(edges, key=lambda edge: edge[2])


@given(graphs(), st.integers(1, 4), st.integers(0, 2**32))
def test_a_step_over_the_union_is_a_step_over_each_graph(drawn: Drawn, batch: int, seed: int) -> None:
    """A[type] applied to integers, by gather and scatter and by a dense matrix per graph."""
    data = cut(drawn, batch, types=TYPES, steps=1)
    random = np.random.default_rng(seed)
    plain = one_by_one(drawn)
    graph = 0
    for index in range(len(data)):
        union = data.structure(index)
        x = random.integers(-9, 9, (union.along.total, 2)).astype(np.float32)
        scale = np.repeat(np.arange(union.types) + 1, union.along.counts)[:, None].astype(np.float32)
        travelling = gather_rows(x, [union.along])
        assert isinstance(travelling, np.ndarray)
        arrived = scatter_rows(travelling * scale, [union.into])
        sums = scatter_rows(x, [union.readout])
        assert isinstance(arrived, np.ndarray)
        assert isinstance(sums, np.ndarray)
        at = 0
        for number in range(data.rows(index)):
            nodes, edges, _ = plain[graph]
            own = slice(at, at + len(nodes))
            dense = np.zeros((len(nodes), len(nodes)), np.float32)
            for source, target, kind in edges:
                dense[target, source] += kind + 1
            np.testing.assert_array_equal(arrived[own], dense @ x[own])
            np.testing.assert_array_equal(sums[number], x[own].sum(axis=0))
            at, graph = at + len(nodes), graph + 1


@given(graphs(), st.data())
def test_graphs_are_taken_in_any_order(drawn: Drawn, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(drawn) - 1), min_size=1, max_size=9))
    plain = one_by_one(drawn)
    assert one_by_one(drawn.take(np.array(chosen))) == [plain[graph] for graph in chosen]


@given(st.lists(st.integers(0, 4), max_size=6), st.data())
def test_spread_finds_the_entries_of_lists(counts: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=6)) if counts else []
    lists = np.split(np.arange(sum(counts)), starts(np.array(counts, np.int64))[1:-1])
    expected = [entry for number in chosen for entry in lists[number].tolist()]
    found = spread(np.array(counts, np.int64), np.array(chosen, np.int64))
    assert found.tolist() == expected


@given(graphs(), st.integers(1, 4), st.sampled_from([0, 3]))
def test_specs_tell_the_truth_and_the_set_can_be_rebuilt(drawn: Drawn, batch: int, columns: int) -> None:
    data = cut(drawn, batch, types=TYPES, steps=3, columns=columns)
    again = Dataset.rebuild(data.reference, data.arrays, data.options)
    assert again.fingerprint == data.fingerprint
    for index in range(len(data)):
        for field, states in (("nodes", [(0,)]), ("answers", [()])):
            payload, spec = data.payload(field, index), data.spec(field, index)
            assert (payload.shape, payload.dtype) == (spec.shape, spec.dtype)
            assert payload.flags.c_contiguous
            assert data.states(field, index) == states
            np.testing.assert_array_equal(again.payload(field, index), payload)
        assert np.shares_memory(data.payload("answers", index), data.arrays["answers"])
        assert data.structure(index) is data.structure(index)
        assert data.structure(index).steps == 3


def test_a_number_at_a_node_stands_in_the_first_column() -> None:
    drawn = Drawn(*(np.array(a) for a in ([2], [4, 1], [1], [0], [1], [0], [0])))
    data = cut(drawn, 5, types=1, steps=1, columns=3)
    assert data.payload("nodes", 0).tolist() == [[4, 0, 0], [1, 0, 0]]


GOOD = Drawn(*(np.array(a) for a in ([2, 1], [0, 0, 0], [2, 1], [0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 0])))
BAD: list[tuple[dict[str, list[int]], str]] = [
    ({"target": [1, 2, 0]}, r"target of edge 1 is node 2 of a graph of 2"),
    ({"source": [0, 1, 1]}, r"source of edge 2 is node 1 of a graph of 1"),
    ({"source": [0, -1, 0]}, r"source of edge 1 is node -1"),
    ({"kinds": [0, 2, 0]}, r"edge 1 is of type 2; there are 2"),
    ({"kinds": [0, 1, -1]}, r"edge 2 is of type -1"),
    ({"sizes": [3, 0]}, r"at least one node"),
    ({"sizes": [2, 2]}, r"do not add up"),
    ({"degrees": [2, 2]}, r"do not add up"),
    ({"kinds": [0, 1]}, r"do not add up"),
    ({"answers": [0]}, r"do not fit"),
]


@pytest.mark.parametrize("change, message", BAD)
def test_arrays_that_are_no_graphs_are_refused(change: dict[str, Any], message: str) -> None:
    cut(GOOD, 1, types=2, steps=1)
    with pytest.raises(UsageError, match=message):
        cut(replace(GOOD, **{name: np.array(value) for name, value in change.items()}), 1, types=2, steps=1)
