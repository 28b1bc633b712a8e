"""A graph is data: built by >>, the same after a trip through JSON, drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
from hypothesis import given

from ampsim.errors import GraphError, UsageError
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Concat, Cond, Isu, Linear, NllLoss, Phi, Relu, Source
from ampsim.ir.verify import verify
from ampsim.testing import advance, diamond, more, retreat, rnn
from tests.null.models import graphs, lanes


@given(graphs())
def test_random_graphs_are_valid(graph: Graph) -> None:
    verify(graph, lanes()[0])


@given(graphs())
def test_json_and_back_is_the_same_graph(graph: Graph) -> None:
    packed = graph.to_dict()
    again = Graph.from_dict(json.loads(json.dumps(packed)))
    assert again.to_dict() == packed
    assert again.edges == graph.edges
    assert [vars(node) | {"links": []} for node in again.nodes] == [vars(node) | {"links": []} for node in graph.nodes]
    verify(again, lanes()[0])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed.pop("nodes"),
        lambda packed: packed["nodes"].append(7),
        lambda packed: packed["nodes"][0].pop("type"),
        lambda packed: packed["nodes"][0].update(type="ampsim.ir.graph:Graph"),
        lambda packed: packed["nodes"][0].update(type="ampsim.nowhere:Node"),
        lambda packed: packed["nodes"][0].update(settings=[1]),
        lambda packed: packed["nodes"][0].update(settings={"colour": "red"}),
        lambda packed: packed["edges"].append([1, 2]),
        lambda packed: packed.update(edges=7),
    ],
)
def test_what_is_no_graph_is_a_usage_error(spoil: Any) -> None:
    packed = rnn().graph.to_dict()
    spoil(packed)
    with pytest.raises(UsageError):
        Graph.from_dict(packed)


def test_nodes_are_numbered_in_the_order_they_were_linked() -> None:
    x, loss = Source("x"), NllLoss("loss")
    x >> Linear("a", 2, 2) >> Relu() >> Linear("b", 2, 2) >> loss["prediction"]
    Source("labels") >> loss["label"]
    graph = Graph.of("g", x)
    assert [node.name for node in graph.nodes] == ["x", "a", "relu1", "b", "loss", "labels"]
    assert [graph.edge_name(e) for e in range(3)] == ["x.out -> a.in", "a.out -> relu1.in", "relu1.out -> b.in"]
    assert graph.index("b") == 3
    with pytest.raises(GraphError, match="'c' is no node"):
        graph.index("c")


def test_names_made_up_avoid_names_given() -> None:
    x = Source("relu1")
    x >> Relu() >> Relu("relu2") >> Relu()
    assert [node.name for node in Graph.of("g", x).nodes] == ["relu1", "relu3", "relu2", "relu4"]


def test_ports_are_named_where_there_is_a_choice() -> None:
    graph = rnn().graph
    names = [graph.edge_name(e) for e in range(len(graph.edges))]
    assert "more.again -> phi.again" in names
    assert "more.done -> classify.in" in names
    phi = graph.index("phi")
    assert [len(edges) for edges in graph.incoming[phi]] == [1, 1]


def test_affinity_gives_the_node_back() -> None:
    node = Linear("a", 1, 1)
    assert node.affinity(3) is node
    assert node.unit == 3


def test_functions_stand_as_names() -> None:
    assert Cond("c", more).functions == ("ampsim.testing:more",)
    assert Isu("i", advance, "ampsim.testing:retreat").functions == Isu("i", advance, retreat).functions
    assert Concat("j", key={"first": "ampsim.ir.keys:instance"}).key == {"first": "ampsim.ir.keys:instance"}
    assert Phi("p", key=more).key == "ampsim.testing:more"


def test_only_edges_below_a_parameter_need_gradients() -> None:
    x, loss = Source("x"), NllLoss("loss")
    x >> Relu("early") >> Linear("a", 2, 2) >> Relu("late") >> loss["prediction"]
    Source("labels") >> loss["label"]
    graph = Graph.of("g", x)
    needs = {graph.edge_name(e): need for e, need in enumerate(graph.needs_gradient)}
    assert needs == {
        "x.out -> early.in": False,
        "early.out -> a.in": False,
        "a.out -> late.in": True,
        "late.out -> loss.prediction": True,
        "labels.out -> loss.label": False,
    }


def test_to_networkx() -> None:
    graph = diamond().graph
    drawn = graph.to_networkx()
    assert list(drawn.nodes) == [node.name for node in graph.nodes]
    assert drawn.number_of_edges() == len(graph.edges)
    assert drawn.nodes["left"] == {"type": "Linear", "unit": 1}
    assert nx.is_directed_acyclic_graph(drawn)
    assert not nx.is_directed_acyclic_graph(rnn().graph.to_networkx())
    edge = graph.edges[0]
    names = graph.nodes[edge.source].name, graph.nodes[edge.target].name
    assert drawn.get_edge_data(*names, key=0) == {"output": "out", "input": "in"}


def test_to_mermaid() -> None:
    lines = rnn().graph.to_mermaid().splitlines()
    phi, join, more_ = (rnn().graph.index(name) for name in ("phi", "join", "more"))
    assert lines[0] == "flowchart LR"
    assert f'  n{phi}["phi<br/>Phi"]' in lines
    assert f"  n{phi} -->|h| n{join}" in lines
    assert f"  n{more_} -->|again to again| n{phi}" in lines
    assert len(lines) == 1 + len(rnn().graph.nodes) + len(rnn().graph.edges)


# -- units, and what does not change ----------------------------------------------------------------------------------


def units(graph: Graph, *names: str) -> list[int | None]:
    return [graph.nodes[graph.index(name)].unit for name in names]


def test_other_units_are_another_graph() -> None:
    graph = rnn().graph
    before = graph.to_dict()
    moved = graph.with_units({"cell": 4, "embed": None})
    assert units(moved, "cell", "embed") == [4, None]
    assert graph.to_dict() == before
    packed = moved.to_dict()
    for node, was in zip(packed["nodes"], before["nodes"], strict=True):
        assert {**node, "unit": None} == {**was, "unit": None}
    assert packed["edges"] == before["edges"]


def test_a_job_whose_hash_was_read_is_not_the_one_on_other_units() -> None:
    job = rnn()
    first = job.hash
    moved = replace(job, graph=job.graph.with_units({"cell": 4}))
    assert moved.hash != first == job.hash == rnn().hash
    assert replace(moved, graph=moved.graph.with_units({"cell": units(job.graph, "cell")[0]})).hash == first


def test_units_of_copies_are_named_or_follow_as_for_the_node_they_were() -> None:
    x, end = Source("x"), NllLoss("loss")
    x >> Linear("A", 6, 4).affinity(1) >> Linear("B", 4, 3).affinity(2) >> end["prediction"]
    Source("labels") >> end["label"]
    plain = Graph.of("g", x)
    graph = plain.replicas(3)
    names = ("B.0", "B.1", "B.2")
    assert units(graph.with_units({"B": (4, 5, 9)}), *names) == [4, 5, 9]
    assert units(graph.with_units({"B.1": 7}), *names) == [2, 7, 8]
    assert units(graph.with_units({"B": None}), *names) == [None] * 3
    for unit in (0, 2, 6):
        moved = graph.with_units({"B": unit})
        later = plain.with_units({"B": unit}).replicas(3)
        assert units(moved, *names) == units(later, *names)


@pytest.mark.parametrize(
    "given_units, what",
    [({"C": 1}, "'C' is no node"), ({"B": (1, 2)}, "B: 2 units for 3 copies"), ({"loss": (1, 2)}, "loss: 2 units")],
)
def test_units_of_what_is_not_there_are_refused(given_units: Any, what: str) -> None:
    from tests.null.copied import chain

    with pytest.raises(GraphError, match=what):
        chain(second=3).with_units(given_units)


def test_a_unit_that_is_none_is_told_by_verify() -> None:
    with pytest.raises(GraphError, match="affinity -1 is not a number of a unit"):
        verify(rnn().graph.with_units({"cell": -1}))


def test_nodes_of_a_graph_are_not_those_that_were_linked_and_stay_as_they_are() -> None:
    x, end, layer = Source("x"), NllLoss("loss"), Linear("A", 6, 3)
    x >> layer >> end["prediction"]
    Source("labels") >> end["label"]
    graph = Graph.of("g", x)
    before = graph.to_dict()
    layer.affinity(3).replicas(2)
    assert graph.to_dict() == before
    assert "A.1" in [node.name for node in Graph.of("g", x).nodes]
    inside = graph.nodes[graph.index("A")]
    calls: tuple[Callable[[], Any], ...] = (lambda: inside.affinity(1), lambda: inside.replicas(2))
    for call in calls:
        with pytest.raises(GraphError, match="'A' stands in a graph, which does not change") as caught:
            call()
        assert caught.value.do is not None
        assert "graph." in caught.value.do
    for built in (Graph.from_dict(before), graph.with_units({}), graph.replicas(2)):
        with pytest.raises(GraphError, match="does not change"):
            built.nodes[0].affinity(1)
