"""Which worker hosts which node: units from affinities, contiguous parts as light as can be, bad placements refused."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.placement import place, units_of
from ampsim.engine.plan import Plan
from ampsim.engine.weigh import weigh
from ampsim.errors import UsageError
from ampsim.ir.graph import Graph
from ampsim.ir.message import State
from ampsim.ir.nodes import Linear, NllLoss, Node, Parameterised, Relu, Source
from ampsim.job import Training
from ampsim.testing import diamond, mlp, points, rnn
from tests.null.bags import job
from tests.null.models import graphs, lanes


def layers(widths: list[int]) -> Graph:
    """A chain of Linear and Relu, without affinities."""
    x, loss = Source("x"), NllLoss("loss")
    at: Node = x
    for i, (a, b) in enumerate(pairwise(widths)):
        at = at >> Linear(f"L{i}", a, b) >> Relu()
    at >> loss["prediction"]
    Source("labels") >> loss["label"]
    return Graph.of("layers", x)


def weights_of(graph: Graph, width: int) -> list[float]:
    return weigh(graph, points(instances=3, width=width)[0], Training())


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), st.integers(1, 5))
def test_parts_are_contiguous_and_the_heaviest_is_as_light_as_can_be(widths: list[int], workers: int) -> None:
    graph = layers(widths)
    cost = weights_of(graph, widths[0])
    owner = place(graph, workers, cost)
    weight: dict[int, float] = {}
    for unit, load in zip(units_of(graph), cost, strict=True):
        weight[unit] = weight.get(unit, 0.0) + load
    values = list(weight.values())
    parts = min(workers, len(values))

    def heaviest(cuts: tuple[int, ...]) -> float:
        return max(sum(values[a:b]) for a, b in pairwise((0, *cuts, len(values))))

    best = min(heaviest(cuts) for cuts in combinations(range(1, len(values)), parts - 1))
    chain = [owner[graph.index(f"L{i}")] for i in range(len(widths) - 1)]
    assert chain == sorted(chain)
    assert sorted(set(owner)) == list(range(parts))
    found = [sum(c for c, w in zip(cost, owner, strict=True) if w == worker) for worker in range(parts)]
    assert max(found) == pytest.approx(best)


def test_without_affinity_every_layer_opens_a_unit_and_others_join_their_producer() -> None:
    graph = layers([4, 3, 2])
    units = dict(zip([node.name for node in graph.nodes], units_of(graph), strict=True))
    assert units == {"x": 0, "L0": 0, "relu1": 0, "L1": 1, "relu2": 1, "loss": 1, "labels": 1}


def test_affinities_name_units_and_sources_join_their_consumer() -> None:
    graph = rnn().graph
    units = dict(zip([node.name for node in graph.nodes], units_of(graph), strict=True))
    assert (units["embed"], units["cell"], units["classify"]) == (0, 1, 2)
    assert units["tanh1"] == units["next"] == units["more"] == 1
    assert units["tokens"] == 0
    assert units["labels"] == units["loss"] == 2


@given(graphs(), st.integers(1, 4))
def test_every_node_of_a_random_graph_has_a_worker(graph: Graph, workers: int) -> None:
    owner = place(graph, workers, weigh(graph, lanes()[0], Training()))
    assert len(owner) == len(graph.nodes)
    units = len(set(units_of(graph)))
    assert set(owner) == set(range(min(workers, units)))


@given(graphs())
def test_a_loss_and_its_labels_stand_together(graph: Graph) -> None:
    units = units_of(graph)
    assert units[graph.index("loss")] == units[graph.index("labels")]


def test_a_given_placement_is_followed() -> None:
    plan = Plan(mlp(), 2, placement={0: 1, 1: 0, 2: 1})
    graph = plan.job.graph
    assert [plan.program.owner[graph.index(name)] for name in ("x", "L1", "L2", "L3", "loss")] == [1, 1, 0, 1, 1]


@pytest.mark.parametrize(
    "placement, text",
    [
        ({0: 0, 1: 1}, "the placement says nothing of unit 2"),
        ({0: 0, 1: 1, 2: 2}, "puts unit 2 on worker 2, but there are 2"),
        ({0: 0, 1: -1, 2: 0}, "puts unit 1 on worker -1, but there are 2"),
    ],
)
def test_a_bad_placement_is_a_usage_error(placement: dict[int, int], text: str) -> None:
    plan = Plan(mlp(), 2, placement=placement)
    plan.check()
    with pytest.raises(UsageError, match=text):
        _ = plan.program


def test_more_workers_than_units_leave_some_idle() -> None:
    plan = Plan(diamond(), 5)
    assert set(plan.program.owner) == {0, 1}
    assert plan.program.update_workers == (0, 1)


@pytest.mark.parametrize(
    "change, text",
    [({"workers": 0}, "0 workers cannot run anything"), ({"mode": "both"}, "unknown mode 'both'")],
)
def test_a_bad_plan_is_a_usage_error(change: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Plan(mlp(), **change).check()


def test_shapes_mode_cannot_train_to_a_target() -> None:
    with pytest.raises(UsageError, match="computes no accuracy"):
        Plan(mlp(target=0.5), mode="shapes").check()
    with pytest.raises(UsageError, match="computes no loss") as error:
        Plan(mlp(target_loss=0.5), mode="shapes").check()
    assert (error.value.where, error.value.do) == (
        "training.target_loss",
        "set training.target_loss to null, or use numeric mode",
    )


def test_nodes_are_weighed_as_often_as_they_really_run() -> None:
    """The first three words have some lengths; the cell runs once for each letter, the classifier once a word."""
    made = rnn(update="instance")
    data = made.data.load().training
    graph = made.graph
    weights = dict(zip([node.name for node in graph.nodes], weigh(graph, data, made.training), strict=True))
    letters = sum(data.structure(index) for index in range(3))
    rows, updates = 3, 3 * (2 * 9 * 5 + 2 * 5)
    forward_and_backward = letters * (2 * (2 * rows * 9 * 5) + rows * 5)
    gradient = letters * (2 * rows * 9 * 5 + rows * 5)
    assert weights["cell"] == forward_and_backward + gradient + updates
    assert weights["more"] == weights["h0" if "h0" in weights else "start"] == 0


def test_an_error_in_the_trial_is_left_to_the_run() -> None:
    made = job("items")
    made.graph.nodes[made.graph.index("sum")].members = f"{__name__}:nobody"  # type: ignore[attr-defined]
    assert sum(weigh(made.graph, made.data.load().training, made.training)) > 0


def nobody(state: State, size: int) -> list[State]:
    """Members that never come."""
    return [(state[0], 99)]


def test_a_parameterised_node_is_the_only_one_in_its_chain() -> None:
    """Chains are cut so that a group of gradients serves one update only."""
    program = Plan(rnn(), 1).program
    for chain in program.chains:
        assert sum(isinstance(program.graph.nodes[n], Parameterised) for n in chain) <= 1
    names = [[program.graph.nodes[n].name for n in chain] for chain in program.chains]
    assert ["join", "cell", "tanh1"] in names
    assert ["classify", "logsoftmax1"] in names


def test_a_unit_that_does_not_exist_is_refused() -> None:
    graph = mlp().graph
    with pytest.raises(UsageError, match="no unit 9"):
        place(graph, 2, [0.0] * len(graph.nodes), {0: 0, 1: 0, 2: 1, 9: 0})
