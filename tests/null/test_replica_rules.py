"""Replicas that cannot be built: every fault is told, with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ampsim.errors import GraphError, UsageError
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source, Tanh
from ampsim.ir.verify import violations
from tests.null.copied import chain

few = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
COPIES = st.integers(2, 4)


def complaints(*marks: tuple[Any, ...], affinity: tuple[int, ...] = (0,), **other: Any) -> str:
    x, end = Source("x"), NllLoss("loss")
    node = Linear("A", 6, 4).affinity(*affinity)
    for mark in marks:
        node.replicas(*mark)
    x >> node >> Tanh(other.get("name", "t")) >> Linear("B", 4, 3) >> LogSoftmax() >> end["prediction"]
    Source("labels") >> end["label"]
    return "\n".join(violations(Graph.of("g", x)))


@pytest.mark.parametrize(
    "mark, text",
    [
        ((0,), "A: in replicas(...), copies is 0; it is an int from 1 to 1024"),
        ((True,), "copies is True"),
        (("4",), "copies is '4'"),
        ((10**9,), "copies is 1000000000"),
        ((2, 0), "sync is 0; it is 'epoch', or a number of training instances from 1"),
        ((2, "never"), "sync is 'never'"),
        ((2, 1.5), "sync is 1.5"),
        ((2, "epoch", "drop"), "slots is 'drop'; it is 'average' or 'keep'"),
    ],
)
def test_bad_settings_are_reported(mark: tuple[Any, ...], text: str) -> None:
    assert text in complaints(mark)


def test_affinities_must_be_as_many_as_copies() -> None:
    assert "A: affinity names 2 units for 3 copies; name one" in complaints((3,), affinity=(0, 1))
    assert "A: affinity names 2 units for 1 copies" in complaints(affinity=(0, 1))
    assert complaints((3,), affinity=(0, 1, 4)) == ""


def test_numbers_of_copies_have_a_common_multiple_of_moderate_size() -> None:
    text = "\n".join(violations(chain(first=1023, second=1021, loss=1024)))
    assert "copies 1023 (A), 1024 (loss), 1021 (B): their least common multiple is above 1048576" in text
    assert "give nodes equal numbers of copies, or multiples" in text
    assert "least common multiple" not in "\n".join(violations(chain(first=1024, second=1023)))


def test_names_may_not_clash() -> None:
    assert "A.1: 2 nodes have this name" in complaints((2,), name="A.1")
    graph = chain(first=2)
    twin = graph.nodes[graph.index("relu")]
    twin.name = "A"
    assert "A: a node and a replicated node have this name" in "\n".join(violations(graph))


def test_a_graph_is_replicated_once() -> None:
    with pytest.raises(GraphError, match=r"has replicas already, such as A\.0"):
        chain(first=2).replicas(2)


def changed(**changes: Any) -> str:
    """Complaints about two copies of which one was written by hand."""
    data = chain(first=2).to_dict()
    node = next(node for node in data["nodes"] if node["name"] == "A.1")
    node["replica"] |= {k: v for k, v in changes.items() if k in node["replica"]}
    node["settings"] |= {k: v for k, v in changes.items() if k in node["settings"]}
    return "\n".join(violations(Graph.from_dict(data)))


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"copy": 0}, "A: its replicas are copies [0, 0], of 2; give copies 0 to 1 in order"),
        ({"copies": 3}, "A.1: differs from A.0 in type, copies, sync or slots"),
        ({"sync": 7}, "A.1: differs from A.0"),
        ({"slots": "keep"}, "A.1: differs from A.0"),
        ({"gain": 1.0}, "A.1: its settings differ from those of A.0; replicas are alike"),
        ({"copy": 0}, "A.in.cond.1 -> A.1.in: instances of other copies would pass"),
    ],
)
def test_copies_written_by_hand_must_be_alike(changes: dict[str, Any], text: str) -> None:
    assert text in changed(**changes)
    assert changed() == ""


@pytest.mark.parametrize("setting, value", [("copies", 1), ("copies", "2")])
def test_ways_written_by_hand_must_fit(setting: str, value: Any) -> None:
    data = chain(first=2).to_dict()
    way = next(node for node in data["nodes"] if node["name"] == "A.in.cond")
    way["settings"][setting] = value
    assert "A.in.cond" in "\n".join(violations(Graph.from_dict(data)))


def test_what_is_no_replica_in_json_is_no_graph() -> None:
    data = chain(first=2).to_dict()
    next(node for node in data["nodes"] if node["name"] == "A.1")["replica"] = {"copy": 1}
    with pytest.raises(UsageError, match="no graph"):
        Graph.from_dict(data)


def test_a_loop_needs_its_own_phi_and_cond_still() -> None:
    """The ways into and out of a copied cell do not stand for those of the loop."""
    from ampsim.ir.nodes import Concat

    x, end, join = Source("x"), NllLoss("loss"), Concat("join")
    cell = Linear("cell", 8, 2).replicas(2)
    x >> join["first"]
    join >> cell >> join["second"]
    Source("labels") >> end["label"]
    text = "\n".join(violations(Graph.of("g", x)))
    assert "no Phi joins its start" in text
    assert "no Cond lets a message leave" in text


def test_labels_of_different_fields_do_not_mix() -> None:
    graph = chain(labels=2)
    other = graph.nodes[graph.index("labels.1")]
    assert other.replica is not None
    other.replica = replace(other.replica, base="other")
    assert "loss.label: labels come straight from a Source" in "\n".join(violations(graph))
