"""Replicas as a graph shows them: ordinary nodes that begin equal and share the instances among them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ampsim.engine.null import NullBackend
from ampsim.engine.parameters import initial_values
from ampsim.engine.placement import place, units_of
from ampsim.engine.plan import Plan
from ampsim.engine.values import parameters_of
from ampsim.engine.weigh import weigh
from ampsim.ir.copies import Replica
from ampsim.ir.graph import Graph
from ampsim.ir.nodes import Linear, NllLoss, Node, Parameterised, Relu, Source
from ampsim.ir.nodes.byinstance import ByInstance, FromCopies
from ampsim.ir.verify import verify, violations
from ampsim.job import Data, Job, Recipe, Training
from ampsim.result.run import Run
from ampsim.testing import diamond, mlp, points, replicated, rnn
from tests.null.copied import chain, copied, with_graph
from tests.null.models import Setting, graphs, lanes
from tests.null.shuffled import ShuffledBackend
from tests.null.test_invariants import assert_still

few = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
COPIES = st.integers(2, 4)


def names(graph: Graph) -> list[str]:
    return [graph.edge_name(edge) for edge in range(len(graph.edges))]


# -- what is built -----------------------------------------------------------------------------------------------------


def test_one_way_in_and_one_way_out() -> None:
    graph = chain(first=2)
    verify(graph)
    assert [name for name in names(graph) if "A" in name] == [
        "x.out -> A.in.cond.in",
        "A.in.cond.0 -> A.0.in",
        "A.in.cond.1 -> A.1.in",
        "A.0.out -> A.out.phi.0",
        "A.1.out -> A.out.phi.1",
        "A.out.phi.out -> relu.in",
    ]
    cond, phi = (graph.nodes[graph.index(name)] for name in ("A.in.cond", "A.out.phi"))
    assert isinstance(cond, ByInstance)
    assert isinstance(phi, FromCopies)
    assert cond.copies == phi.copies == 2
    assert "copies" in str(graph.to_dict())


def test_neighbours_with_equal_copies_are_linked_directly() -> None:
    x, y, end = Source("x"), Source("labels"), NllLoss("loss")
    x >> Linear("A", 6, 4).replicas(2) >> Relu("r").replicas(2) >> Linear("B", 4, 3).replicas(2) >> end["prediction"]
    y >> end["label"]
    graph = Graph.of("g", x, y)
    verify(graph)
    assert {"A.0.out -> r.0.in", "A.1.out -> r.1.in", "r.0.out -> B.0.in", "r.1.out -> B.1.in"} < set(names(graph))
    assert sum(isinstance(node, ByInstance | FromCopies) for node in graph.nodes) == 2


def test_different_numbers_of_copies_meet_in_a_phi_and_part_in_a_cond() -> None:
    x, y, end = Source("x"), Source("labels"), NllLoss("loss")
    x >> Linear("A", 6, 4).replicas(2) >> Linear("B", 4, 3).replicas(3) >> end["prediction"]
    y >> end["label"]
    graph = Graph.of("g", x, y)
    verify(graph)
    assert "A.out.phi.out -> B.in.cond.in" in names(graph)
    assert sum(name.startswith("B.in.cond") for name in names(graph)) == 3


def test_a_whole_graph_falls_into_copies_that_do_not_meet() -> None:
    import networkx

    graph = rnn().graph.replicas(3)
    verify(graph, rnn().data.load().training)
    parts = list(networkx.weakly_connected_components(graph.to_networkx()))
    assert len(parts) == 3
    assert {len(part) for part in parts} == {len(rnn().graph.nodes)}
    assert [{name.rpartition(".")[2] for name in part} for part in parts] == [{"0"}, {"1"}, {"2"}]


def test_copies_know_what_they_are_copies_of() -> None:
    node = chain(second=3).nodes[chain(second=3).index("B.2")]
    assert node.replica == Replica("B", 2, 3, "epoch", "average")
    assert node.base == "B"
    assert [n for n in range(7) if node.replica.handles(n)] == [2, 5]
    assert chain().nodes[0].base == chain().nodes[0].name


def test_a_source_keeps_the_field_it_is_named_after() -> None:
    graph = chain(source=2)
    copy = graph.nodes[graph.index("x.1")]
    assert isinstance(copy, Source)
    assert copy.data_field == "x"
    assert [copy.emits(n) for n in range(4)] == [False, True, False, True]


@given(graphs(), COPIES, st.sampled_from(["epoch", 3]))
def test_json_gives_the_same_graph_back(graph: Graph, copies: int, sync: str | int) -> None:
    made = graph.replicas(copies, sync, "keep")
    again = Graph.from_dict(made.to_dict())
    assert again.to_dict() == made.to_dict()
    assert [node.replica for node in again.nodes] == [node.replica for node in made.nodes]
    assert again.needs_gradient == made.needs_gradient


@few
@given(copied())
def test_random_copies_are_legal(pair: tuple[Setting, Setting]) -> None:
    plain, made = pair
    data = plain.job.data.load().training
    assert list(violations(made.job.graph, data)) == []
    assert Graph.from_dict(made.job.graph.to_dict()).to_dict() == made.job.graph.to_dict()


@given(graphs())
def test_one_copy_is_no_copy(graph: Graph) -> None:
    assert graph.replicas(1).to_dict() == graph.to_dict()


def test_the_nodes_that_were_linked_are_left_alone() -> None:
    """So a graph can be built twice from them."""
    x, end = Source("x"), NllLoss("loss")
    x >> Linear("A", 6, 3).replicas(2) >> end["prediction"]
    Source("labels") >> end["label"]
    assert Graph.of("g", x).to_dict() == Graph.of("g", x).to_dict()


# -- equal beginning ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 99), COPIES)
def test_copies_begin_as_the_node_would(seed: int, copies: int) -> None:
    plain, made = mlp().graph, mlp().graph.replicas(copies)
    for node in plain.nodes:
        if isinstance(node, Parameterised):
            wanted = initial_values(node, seed)
            for copy in range(copies):
                twin = made.nodes[made.index(f"{node.name}.{copy}")]
                assert isinstance(twin, Parameterised)
                for name, value in initial_values(twin, seed).items():
                    np.testing.assert_array_equal(value, wanted[name])


def test_a_run_of_the_plain_graph_can_be_gone_on_with() -> None:
    first = NullBackend().execute(Plan(mlp(), 1))
    job = replicated(mlp(), 2)
    values = parameters_of(first, job.graph)
    second = NullBackend().execute(Plan(job, 2, values=values))
    for name, value in second.initial.items():
        node, _, parameter = name.partition("/")
        np.testing.assert_array_equal(value, first.final[f"{node.partition('.')[0]}/{parameter}"])


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_run_is_gone_on_with_by_any_number_of_copies(before: int, after: int) -> None:
    """All of them begin as any copy ended."""
    first = NullBackend().execute(Plan(replicated(mlp(max_active_keys=4), before), 1))
    job = replicated(mlp(), after)
    second = NullBackend().execute(Plan(job, 1, values=parameters_of(first, job.graph)))
    for name, value in second.initial.items():
        node, _, parameter = name.partition("/")
        base = node.partition(".")[0]
        wanted = first.final[f"{base}/{parameter}" if before == 1 else f"{base}.{before - 1}/{parameter}"]
        np.testing.assert_array_equal(value, wanted)


def test_copies_that_differ_are_gone_on_with_one_by_one_or_as_copy_0() -> None:
    first = NullBackend().execute(Plan(replicated(mlp(), 3), 1))
    first.final["L1.1/b"] = first.final["L1.1/b"] + 1
    found = {copies: parameters_of(first, mlp().graph.replicas(copies)) for copies in (2, 3)}
    same, fewer = found[3], found[2]
    assert same is not None
    assert fewer is not None
    np.testing.assert_array_equal(same["L1.1"]["b"], first.final["L1.1/b"])
    np.testing.assert_array_equal(fewer["L1.1"]["b"], first.final["L1.0/b"])


# -- units and workers -------------------------------------------------------------------------------------------------


def units(graph: Graph) -> dict[str, int]:
    return dict(zip([node.name for node in graph.nodes], units_of(graph), strict=True))


def test_one_affinity_moves_up_copy_by_copy() -> None:
    """By the largest unit and one."""
    found = units(mlp().graph.replicas(3))
    assert [[found[f"{name}.{copy}"] for name in ("L1", "L2", "L3")] for copy in range(3)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
    ]


def test_each_copy_may_have_an_affinity_of_its_own() -> None:
    x, end = Source("x"), NllLoss("loss")
    x >> Linear("A", 6, 4).affinity(0) >> Linear("B", 4, 3).affinity(5, 2).replicas(2) >> end["prediction"]
    Source("labels") >> end["label"]
    found = units(Graph.of("g", x))
    assert (found["A"], found["B.0"], found["B.1"]) == (0, 5, 2)


def test_copies_without_affinity_open_units_where_others_have_one() -> None:
    x, end = Source("x"), NllLoss("loss")
    x >> Linear("A", 6, 4).affinity(0) >> Linear("B", 4, 3).replicas(3) >> end["prediction"]
    Source("labels") >> end["label"]
    found = units(Graph.of("g", x))
    assert len({found["A"], *(found[f"B.{copy}"] for copy in range(3))}) == 4


def test_the_way_out_of_copies_stands_with_its_consumer() -> None:
    """Else what comes from copy 1 would pass through the worker of copy 0."""
    x, end = Source("x"), NllLoss("loss")
    x >> Linear("A", 6, 4).replicas(2) >> Linear("B", 4, 3) >> end["prediction"]
    Source("labels") >> end["label"]
    found = units(Graph.of("g", x))
    assert found["A.out.phi"] == found["B"]
    assert found["A.in.cond"] == found["x"] == found["A.0"]


@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("make", [mlp, rnn, diamond, "plain"])
def test_a_wholly_replicated_graph_is_placed_copy_by_copy(make: Any, copies: int) -> None:
    """With affinities and without."""
    job = Job(chain(), Recipe(points, {}), Training()) if make == "plain" else make()
    plan = Plan(replicated(job, copies), copies)
    plan.check()
    for node, owner in zip(plan.job.graph.nodes, plan.program.owner, strict=True):
        assert node.replica is not None
        assert node.replica.copy == owner, node.name


@few
@given(graphs(), COPIES)
def test_so_is_any_random_graph(graph: Graph, copies: int) -> None:
    made = graph.replicas(copies)
    owner = place(made, copies, weigh(made, lanes()[0], Training()))
    assert all(node.replica and node.replica.copy == w for node, w in zip(made.nodes, owner, strict=True))


def test_copies_of_one_node_are_spread() -> None:
    plan = Plan(rnn(cells=3), 3)
    graph, owner = plan.job.graph, plan.program.owner
    assert len({owner[graph.index(f"cell.{copy}")] for copy in range(3)}) == 3


def test_replicated_layers_in_a_row_are_placed_copy_by_copy() -> None:
    x, end = Source("x").replicas(2), NllLoss("loss")
    at: Node = x
    for i in range(3):
        at = at >> Linear(f"L{i}", 24, 24).replicas(2) >> Relu(f"r{i}").replicas(2)
    at >> Linear("top", 24, 3) >> end["prediction"]
    Source("labels") >> end["label"]
    plan = Plan(Job(Graph.of("g", x), Recipe(points, {"width": 24}), Training()), 2)
    graph, owner = plan.job.graph, plan.program.owner
    assert [owner[graph.index(f"L{i}.{copy}")] for copy in range(2) for i in range(3)] == [0, 0, 0, 1, 1, 1]


def test_copies_weigh_the_same_although_few_instances_were_tried() -> None:
    graph = mlp().graph.replicas(5)
    found = dict(zip([n.name for n in graph.nodes], weigh(graph, points()[0], Training()), strict=True))
    plain = dict(zip([n.name for n in mlp().graph.nodes], weigh(mlp().graph, points()[0], Training()), strict=True))
    assert found["L1.4"] == found["L1.0"] > 0
    # Each copy that sees an instance makes an update of its own, at muf 1 as many as there are instances.
    assert 5 * found["L1.4"] == pytest.approx(plain["L1"])


# -- running -----------------------------------------------------------------------------------------------------------


def crossing(run: Run) -> int:
    """Messages of the graph's own edges that went from one worker to another."""
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    own = np.array([".sync" not in name for name in run.summary["edges"]])
    taken = (messages["edge"] >= 0) & (messages["source"] != tasks["worker"][messages["task"]])
    return int(own[messages["edge"][taken]].sum())


def edges_of(run: Run, copies: bool) -> dict[str, tuple[int, int]]:
    """Messages and bytes between nodes by their base names, forward and backward, the ways of copies left out."""
    found: Counter[tuple[str, int, str]] = Counter()
    table = run.tables["edges"]
    nodes = {node.name: node for node in Graph.from_dict(run.config["job"]["graph"]).nodes}
    for edge, direction, count, size in zip(*(table[c].tolist() for c in table), strict=True):
        source, _, target = run.summary["edges"][edge].partition(" -> ")
        start, into = (nodes.get(end.rpartition(".")[0]) for end in (source, target))
        if source.endswith(".sync") or isinstance(start, ByInstance | FromCopies) or start is None or into is None:
            continue
        key = f"{start.base}.{source.rpartition('.')[2]}"
        found[key, direction, "messages"] += count
        found[key, direction, "bytes"] += size
    return {f"{k} {d}": (n, found[k, d, "bytes"]) for (k, d, what), n in found.items() if what == "messages"}


@pytest.mark.parametrize("make", [mlp, rnn, diamond])
@pytest.mark.parametrize("copies", [2, 3])
def test_a_wholly_replicated_graph_sends_nothing_between_workers(make: Any, copies: int) -> None:
    job = replicated(make(epochs=2, max_active_keys=4, max_batch=3), copies)
    run = NullBackend().execute(Plan(job, copies))
    assert crossing(run) == 0
    plain = NullBackend().execute(Plan(make(epochs=2, max_active_keys=4), copies))
    assert crossing(plain) > 0
    assert edges_of(run, copies=True) == edges_of(plain, copies=False)


def assert_shared_evenly(run: Run, graph: Graph) -> None:
    """The copies of a node differ by one training instance at most."""
    instances = run.tables["instances"]
    trained = instances["instance"][instances["training"]]
    for copies in {node.replica.copies for node in graph.nodes if node.replica}:
        counts = np.bincount(trained % copies, minlength=copies)
        assert counts.max() - counts.min() <= 1, counts


@pytest.mark.parametrize("copies", [2, 3])
def test_no_copy_is_starved_by_validation(copies: int) -> None:
    """One instance, then one of validation, and so on: each copy trains on its share, and updates itself as often."""
    job = replicated(mlp(epochs=2, validate_every=1), copies)
    data = Data(points()[0], points(1)[0])
    run = NullBackend().execute(Plan(job, copies, given_data=data))
    assert_shared_evenly(run, job.graph)
    updates = [run.summary["nodes"][node] for node in run.tables["updates"]["node"].tolist()]
    assert {name: count for name, count in Counter(updates).items() if name.startswith("L1")} == {
        f"L1.{copy}": 24 // copies for copy in range(copies)
    }


def test_a_target_met_in_mid_epoch_leaves_the_copies_even() -> None:
    job = replicated(mlp(epochs=3, validate_every=5, target=1e-9), 3)
    run = NullBackend().execute(Plan(job, 1))
    assert 0 < run.tables["instances"]["training"].sum() < 3 * 12
    assert_shared_evenly(run, job.graph)


@few
@given(copied(), st.integers(0, 9))
def test_copies_share_the_messages_and_leave_nothing_behind(pair: tuple[Setting, Setting], seed: int) -> None:
    """In any order of events; instances are complete once, and counted as without replicas."""
    plain, made = pair
    backend = ShuffledBackend(seed)
    run, wanted = backend.execute(made.plan()), NullBackend().execute(plain.plan())
    assert edges_of(run, copies=True) == edges_of(wanted, copies=False)
    for name in ("epoch", "training", "index", "rows"):
        np.testing.assert_array_equal(run.tables["instances"][name], wanted.tables["instances"][name])
    assert_shared_evenly(run, made.job.graph)
    assert len(run.tables["metrics"]["loss"]) == len(wanted.tables["metrics"]["loss"])
    assert backend.most_in_flight <= made.job.training.max_active_keys
    graph = made.job.graph
    trained = run.tables["instances"]["instance"][run.tables["instances"]["training"]].tolist()
    sources = [(i, node) for i, node in enumerate(graph.nodes) if isinstance(node, Source)]
    assert backend.completed == dict.fromkeys(((i, n) for i, node in sources for n in trained if node.emits(n)), 1)
    for state in backend.workers:
        assert_still(state)


@few
@given(copied())
def test_every_node_sees_its_own_instances_only(pair: tuple[Setting, Setting]) -> None:
    made = pair[1]
    run = NullBackend().execute(made.plan())
    messages, tasks = run.tables["messages"], run.tables["tasks"]
    for node, kind, instance in zip(
        tasks["node"][messages["task"]].tolist(),
        tasks["kind"][messages["task"]].tolist(),
        messages["state"][:, 0].tolist(),
        strict=True,
    ):
        replica = made.job.graph.nodes[node].replica
        assert replica is None or kind == 3 or replica.handles(instance)


@pytest.mark.parametrize("parts", [{"loss": 2}, {"labels": 3}, {"loss": 3, "labels": 2}, {"source": 2}, {"second": 2}])
def test_any_node_may_be_replicated(parts: dict[str, int]) -> None:
    """A lone source, a lone loss: nothing but the route changes, so losses are the same as without."""
    settings: dict[str, Any] = {"epochs": 2, "max_active_keys": 1}
    plain = Job(chain(), Recipe(points, {}), Training(**settings))
    found, wanted = (NullBackend().execute(Plan(with_graph(plain, g), 2)) for g in (chain(**parts), chain()))
    order = np.argsort(found.tables["metrics"]["instance"], kind="stable")
    if "second" not in parts:
        np.testing.assert_array_equal(found.tables["metrics"]["loss"][order], wanted.tables["metrics"]["loss"])
    assert len(order) == len(wanted.tables["metrics"]["loss"])
