"""The rules of a legal graph: each broken alone, all broken at once, and by one random edit of a valid graph."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import GraphError, UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Edge, Graph
from ampsim.ir.nodes import (
    Bcast,
    Concat,
    Cond,
    Embedding,
    Isu,
    Linear,
    LogSoftmax,
    NllLoss,
    Node,
    Phi,
    Relu,
    Source,
    Split,
    Tanh,
)
from ampsim.ir.reference import problem, reference
from ampsim.ir.verify import verify, violations
from ampsim.testing import Points, advance, diamond, more, points, retreat, rnn
from tests.null.models import graphs

CONSTANT = 7


class Stray(Node):
    """Of no family."""


def ends(middle: Callable[[Source, NllLoss], None]) -> Graph:
    """A source ``x`` and a loss with labels, and between them what is in question."""
    x, loss = Source("x"), NllLoss("loss")
    middle(x, loss)
    Source("labels") >> loss["label"]
    return Graph.of("g", x, loss)


def chain(*nodes: Node) -> Graph:
    def middle(x: Source, loss: NllLoss) -> None:
        at: Node = x
        for node in nodes:
            at = at >> node
        at >> loss["prediction"]

    return ends(middle)


def looped(*nodes: Node, phi: Node, cond: Cond | Bcast) -> Graph:
    """From x to phi, through the nodes to cond, and back from its second port; on from its first one."""

    def middle(x: Source, loss: NllLoss) -> None:
        first, second = phi.inputs
        at: Node = x >> phi[first]
        for node in nodes:
            at = at >> node
        at >> cond
        cond[cond.outputs[1]] >> phi[second]
        cond[cond.outputs[0]] >> loss["prediction"]

    return ends(middle)


def edited(graph: Graph, edges: list[Any]) -> Graph:
    return Graph(graph.name, list(graph.nodes), edges)


def no_source() -> Graph:
    loss = NllLoss("loss")
    loop = Phi("phi")
    cond = Cond("cond", more)
    loop >> Isu("isu", advance, retreat) >> cond
    cond["yes"] >> loop["again"]
    cond["no"] >> loop["start"]
    return Graph.of("g", loop, loss)


def dead_end(x: Source, loss: NllLoss) -> None:
    fan = Bcast("fan")
    x >> fan
    fan["first"] >> loss["prediction"]
    fan["second"] >> Relu("lost")


def double_input(x: Source, loss: NllLoss) -> None:
    relu = Relu("relu")
    x >> relu >> loss["prediction"]
    Source("y") >> relu


def double_output(x: Source, loss: NllLoss) -> None:
    a, b, join = Relu("a"), Relu("b"), Concat("join")
    x >> a >> join["first"]
    x >> b >> join["second"]
    join >> loss["prediction"]


def unfed(x: Source, loss: NllLoss) -> None:
    join = Concat("join")
    x >> join["first"]
    join >> loss["prediction"]


def wrong_way(x: Source, loss: NllLoss) -> None:
    x >> loss["prediction"]
    loss >> Relu("after")


def unnamed_port(x: Source, loss: NllLoss) -> None:
    join = Concat("join")
    x >> join
    join >> loss["prediction"]


def no_such_port(x: Source, loss: NllLoss) -> None:
    x >> Relu("relu")["side"]
    x >> loss["prediction"]


def computed_labels() -> Graph:
    x, loss = Source("x"), NllLoss("loss")
    x >> loss["prediction"]
    Source("labels") >> Relu("relu") >> loss["label"]
    return Graph.of("g", x, loss)


def twice(node: Callable[[], Node]) -> Graph:
    return chain(node(), node())


def local() -> Callable[..., bool]:
    def inner(state: object, structure: object) -> bool:
        return True

    return inner


STEP = Isu("step", advance, retreat)

# rule: (graph, its violations, each as the beginning of a line)
BROKEN: dict[str, tuple[Callable[[], Graph], list[str]]] = {
    "unique names": (lambda: twice(lambda: Relu("a")), ["a: 2 nodes have this name"]),
    "legal names": (lambda: chain(Relu("a b")), ["'a b': not a name"]),
    "short names": (lambda: chain(Relu("a" * 101)), [f"'{'a' * 40}': not a name"]),
    "affinity": (lambda: chain(Relu("a").affinity(-1)), ["a: affinity -1 is not a number of a unit"]),
    "affinity is an int": (lambda: chain(Relu("a").affinity(True)), ["a: affinity True is not"]),
    "family": (lambda: chain(Stray("a")), ["a: Stray is of no node family"]),
    "sizes of Linear": (lambda: chain(Linear("a", 0, 2)), ["a: Linear.width_in is 0; sizes are ints from 1"]),
    "gain": (lambda: chain(Linear("a", 1, 2, gain=-1)), ["a: Linear.gain is -1"]),
    "sizes of Embedding": (
        lambda: chain(Embedding("a", 2.5, -1)),  # type: ignore[arg-type]
        ["a: Embedding.vocabulary is 2.5", "a: Embedding.width is -1"],
    ),
    "sizes of Split": (lambda: splitted((1, 2, 3)), ["cut: Split has 3 sizes for 2 ports"]),
    "widths of Split": (lambda: splitted((0, 2)), ["cut: Split.sizes is (0, 2); sizes are ints from 1"]),
    "port names": (lambda: concat(("p", "p")), ["join: input ports ['p', 'p'] are not unique", "join.p: "]),
    "fed ports": (lambda: ends(unfed), ["join.second: this input port has no edge"]),
    "one edge in": (lambda: ends(double_input), ["relu.in: this input port has 2 edges, one is allowed; join them"]),
    "one edge out": (lambda: ends(double_output), ["x.out: this output port has 2 edges, one is allowed; spread"]),
    "direction": (lambda: ends(wrong_way), ["loss >> after: loss (NllLoss) has no output port", *["after"] * 4]),
    "ambiguous port": (lambda: ends(unnamed_port), ["x >> join: name the input port of join", *["join"] * 3, "x", "x"]),
    "unknown port": (lambda: ends(no_such_port), ["x >> relu: relu has no input port 'side'", *["relu"] * 4]),
    "edge to nowhere": (
        lambda: edited(chain(Relu("a")), [*chain(Relu("a")).edges, Edge(0, 0, 99, 0)]),
        ["edge 3: there is no node 99; nodes are 0 to 3"],
    ),
    "edge from nowhere": (
        lambda: edited(chain(Relu("a")), [*chain(Relu("a")).edges, Edge(-1, 0, 1, 0)]),
        ["edge 3: there is no node -1"],
    ),
    "edge without a port": (
        lambda: edited(chain(Relu("a")), [*chain(Relu("a")).edges, Edge(0, 1, 1, 0)]),
        ["edge 3: x has no output port 1; it has ['out']"],
    ),
    "key of a port": (
        lambda: chain(Relu("a", key={"side": "ampsim.ir.keys:instance"})),
        ["a: key for port 'side', which does not exist; ports are ['in']"],
    ),
    "form of a reference": (lambda: chain(Relu("a", key="instance")), ["a: 'instance' is not of the form"]),
    "lambda": (
        lambda: chain(Relu("a", key=lambda state: state)),
        ["a: 'tests.null.test_verify:<lambda>.<locals>.<lambda>' is a lambda"],
    ),
    "closure": (
        lambda: chain(Relu("a", key=local())),
        ["a: 'tests.null.test_verify:local.<locals>.inner' is defined inside a function"],
    ),
    "script": (lambda: chain(Relu("a", key="__main__:key")), ["a: '__main__:key' stands in a script"]),
    "missing module": (lambda: chain(Relu("a", key="nowhere.at.all:key")), ["a: 'nowhere.at.all:key' cannot be imp"]),
    "missing function": (lambda: chain(Relu("a", key="ampsim.ir.keys:no")), ["a: 'ampsim.ir.keys:no' cannot be imp"]),
    "not a function": (
        lambda: chain(Relu("a", key="tests.null.test_verify:CONSTANT")),
        ["a: 'tests.null.test_verify:CONSTANT' is a int, not a function"],
    ),
    "empty": (lambda: Graph("g", [], []), ["the graph is empty", "no Source", "no loss"]),
    "source": (
        no_source,
        [
            "loss.prediction: this input",
            "loss.label: this input",
            "no Source",
            *["phi: no path", "phi: no path", "loss: no path"],
            *["isu: no path", "isu: no path", "cond: no path", "cond: no path"],
        ],
    ),
    "loss": (lambda: Graph.of("g", x_only()), ["x.out: this output port has no edge", "no loss", "x: no path leads"]),
    "dead end": (lambda: ends(dead_end), ["lost.out: this output", "lost: no path leads from here to a loss"]),
    "labels": (computed_labels, ["loss.label: labels come straight from a Source"]),
    "loop without Phi": (
        lambda: looped(Isu("isu", advance, retreat), phi=Concat("join"), cond=Cond("cond", more)),
        ["loop through join, cond, isu: no Phi"],
    ),
    "loop without Isu": (
        lambda: looped(Relu("a"), phi=Phi("phi"), cond=Cond("cond", more)),
        ["loop through phi, cond, a: no Isu"],
    ),
    "loop without Cond": (
        lambda: looped(Isu("isu", advance, retreat), phi=Phi("phi"), cond=Bcast("fan")),
        ["loop through phi, fan, isu: no Cond"],
    ),
}


def x_only() -> Source:
    return Source("x")


def splitted(sizes: tuple[int, ...]) -> Graph:
    def middle(x: Source, loss: NllLoss) -> None:
        cut, join = Split("cut", sizes), Concat("join")
        x >> cut
        cut["first"] >> join["first"]
        cut["second"] >> join["second"]
        join >> loss["prediction"]

    return ends(middle)


def concat(ports: tuple[str, ...]) -> Graph:
    def middle(x: Source, loss: NllLoss) -> None:
        join = Concat("join", ports=ports)
        x >> join["p"]
        join >> loss["prediction"]

    return ends(middle)


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_is_told_of_alone(rule: str) -> None:
    """Exactly these violations, whatever their order."""
    make, wanted = BROKEN[rule]
    found = sorted(violations(make()))
    assert len(found) == len(wanted), found
    for line in wanted:
        assert any(text.startswith(line) for text in found), (line, found)


def test_all_violations_are_reported_at_once() -> None:
    nodes = [Relu("a b", key="x"), Linear("l", 0, -1).affinity(-3)]
    graph = chain(*nodes)
    with pytest.raises(GraphError) as error:
        verify(edited(graph, [*graph.edges, Edge(0, 0, 55, 0)]))
    assert len(error.value.violations) == 6
    text = str(error.value)
    assert "graph 'g' is not valid: 6 violations" in text
    for part in ("'a b': not a name", "'x' is not of the form", "width_in", "width_out", "affinity -3", "no node 55"):
        assert part in text
    assert error.value.exit_code == 2


# -- shapes, with data ------------------------------------------------------------------------------------------------


def shapes(graph: Graph, data: Dataset | None = None) -> list[str]:
    return list(violations(graph, points(width=4)[0] if data is None else data))


def test_shapes_that_fit() -> None:
    assert shapes(chain(Linear("a", 4, 3), LogSoftmax())) == []


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: chain(Linear("a", 5, 3)), "a: Linear(5, 3) needs float32 of shape (rows, 5), gets float32 of"),
        (lambda: chain(Embedding("a", 5, 3)), "a: Embedding(5, 3) needs int64 of shape (rows,), gets float32"),
        (lambda: splitted((1, 2)), "cut: Split needs 3 columns, gets shape (5, 4)"),
        (
            lambda: looped(Linear("a", 4, 2), Isu("i", advance, retreat), phi=Phi("phi"), cond=Cond("c", more)),
            "phi: its inputs differ in shape or dtype",
        ),
    ],
)
def test_shapes_that_do_not_fit(make: Callable[[], Graph], text: str) -> None:
    (found,) = shapes(make())
    assert found.startswith(text)


def test_a_source_is_named_after_its_field() -> None:
    x, loss = Source("y"), NllLoss("loss")
    x >> loss["prediction"]
    Source("labels") >> loss["label"]
    assert shapes(Graph.of("g", x)) == ["y: the data set has no field 'y'; name the Source after one, or reads="]


def test_an_empty_data_set() -> None:
    arrays: dict[str, Any] = {"x": np.zeros((0, 5, 4), np.float32), "labels": np.zeros((0, 5), np.int64)}
    assert shapes(chain(Relu()), Points(arrays)) == ["the data set is empty; it needs at least one instance"]


def test_a_loop_that_waits_for_itself() -> None:
    """Its Phi stands behind the join, so nothing can ever enter."""

    def middle(x: Source, loss: NllLoss) -> None:
        join, phi, cond = Concat("join"), Phi("phi"), Cond("cond", more, ports=("out", "short", "long"))
        x >> join["first"]
        join >> phi["start"] >> Isu("i", advance, retreat) >> cond
        cond["short"] >> phi["again"]
        cond["long"] >> join["second"]
        cond["out"] >> loss["prediction"]

    (line,) = shapes(ends(middle))
    assert line.startswith("loss, join: no message can ever be complete here")


# -- by hypothesis ----------------------------------------------------------------------------------------------------


@given(graphs(), st.data())
def test_a_lost_edge_is_missed_on_both_sides(graph: Graph, data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, len(graph.edges) - 1))
    source, output, target, port = graph.edges[lost]
    found = list(violations(edited(graph, [e for i, e in enumerate(graph.edges) if i != lost])))
    a, b = graph.nodes[source], graph.nodes[target]
    assert f"{a.name}.{a.outputs[output]}: this output port has no edge; link it or remove it" in found
    assert f"{b.name}.{b.inputs[port]}: this input port has no edge; link it or remove it" in found


@given(graphs(), st.data())
def test_a_doubled_edge_is_refused_on_both_sides(graph: Graph, data: st.DataObject) -> None:
    source, output, target, port = data.draw(st.sampled_from(graph.edges))
    found = list(violations(edited(graph, [*graph.edges, Edge(source, output, target, port)])))
    a, b = graph.nodes[source], graph.nodes[target]
    assert [line.partition(" port ")[0] for line in found] == [
        f"{b.name}.{b.inputs[port]}: this input",
        f"{a.name}.{a.outputs[output]}: this output",
    ]


@given(graphs(), st.data())
def test_a_renamed_node_collides(graph: Graph, data: st.DataObject) -> None:
    a, b = data.draw(st.permutations(range(len(graph.nodes))))[:2]
    graph.nodes[a].name = graph.nodes[b].name
    assert list(violations(graph)) == [f"{graph.nodes[b].name}: 2 nodes have this name; names must be unique"]


@given(graphs(), st.data())
def test_a_loop_needs_all_three_kinds(graph: Graph, data: st.DataObject) -> None:
    """A Relu in the place of an Isu has the same ports, and the loop can no longer count."""
    counters = [i for i, node in enumerate(graph.nodes) if isinstance(node, Isu)]
    if not counters:
        return
    chosen = data.draw(st.sampled_from(counters))
    nodes = list(graph.nodes)
    nodes[chosen] = Tanh(nodes[chosen].name)
    (line,) = violations(Graph(graph.name, nodes, list(graph.edges)))
    assert re.match(r"loop through .*: no Isu changes the state", line)


@given(graphs(), st.permutations(range(40)))
def test_the_order_of_nodes_does_not_matter(graph: Graph, order: list[int]) -> None:
    from tests.null.models import lanes

    count = len(graph.nodes)
    place = [i for i in order if i < count] + list(range(40, count))
    new = {old: i for i, old in enumerate(place)}
    edges = [Edge(new[e.source], e.output, new[e.target], e.input) for e in graph.edges]
    assert list(violations(Graph("g", [graph.nodes[i] for i in place], edges), lanes()[0])) == []


@pytest.mark.parametrize("count, reverse", [(100_000, False), (20_000, True)])
def test_a_very_long_chain(count: int, reverse: bool) -> None:
    nodes: list[Node] = [Source("x"), *(Relu(f"r{i}") for i in range(count)), NllLoss("loss"), Source("labels")]
    edges = [Edge(i, 0, i + 1, 0) for i in range(count + 1)] + [Edge(count + 2, 0, count + 1, 1)]
    if reverse:
        last = len(nodes) - 1
        nodes, edges = nodes[::-1], [Edge(last - e.source, 0, last - e.target, e.input) for e in edges]
    verify(Graph("long", nodes, edges), points()[0])


# -- references -------------------------------------------------------------------------------------------------------


class Caller:
    def method(self, state: object) -> object:
        return state

    @classmethod
    def made(cls, state: object) -> object:
        return state

    def __call__(self, state: object) -> object:
        return state


@pytest.mark.parametrize("target", [functools.partial(more, length=1), Caller().method, Caller()])
def test_what_has_no_name_of_its_own_is_refused_when_given(target: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="no function of a module"):
        reference(target)


@pytest.mark.parametrize("target", [more, Caller, Caller.method, Caller.made, len, "math:sqrt"])
def test_what_can_be_imported_is_fine(target: Any) -> None:
    assert problem(reference(target)) is None


def test_the_small_jobs_are_valid() -> None:
    for job in (rnn(), diamond()):
        verify(job.graph, job.data.load().training)


@pytest.mark.parametrize("node", [Isu("odd", "m:f", "m:g"), Bcast("odd"), Cond("odd", "m:p"), Source("odd")])
def test_a_key_where_nothing_is_remembered_is_a_violation(node: Node) -> None:
    node.key = "ampsim.ir.keys:instance"
    found = list(violations(Graph("g", [node], [])))
    assert any("remembers nothing under a key" in line for line in found)
