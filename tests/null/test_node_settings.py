"""Nodes with settings of their own: what they are, what they do, and what is said where they make no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD, Adam, Momentum
from ampsim.engine.plan import Plan
from ampsim.engine.rates import Step, Warmup
from ampsim.engine.schedule import Schedule
from ampsim.errors import ConfigError
from ampsim.ir.message import Array
from ampsim.job import OF_NODES, Job, Training
from ampsim.result.run import Run
from ampsim.testing import mlp, replicated, rnn
from tests.null.shuffled import ShuffledBackend
from tests.null.test_exactness import mlp_step, rnn_step

MIXED: dict[str, dict[str, Any]] = {
    "cell": {"update": "instance", "gradient": "sum", "optimizer": Momentum(0.05)},
    "embed": {"min_update_frequency": 4, "optimizer": Adam(0.01, schedule=Warmup(5))},
}


def updates(run: Run) -> dict[str, list[int]]:
    """Gradients in each update, by node."""
    table = run.tables["updates"]
    names = [run.summary["nodes"][n] for n in table["node"]]
    return {n: [g for m, g in zip(names, table["gradients"].tolist(), strict=True) if m == n] for n in set(names)}


# -- whose settings they are ------------------------------------------------------------------------------------------


def test_a_node_has_its_own_settings_and_for_the_rest_those_of_the_job() -> None:
    training = Training(min_update_frequency=3, nodes={"cell": {"gradient": "sum"}, "top": {"optimizer": Adam()}})
    cell = training.of_node("cell")
    assert (cell.gradient, cell.min_update_frequency, cell.optimizer) == ("sum", 3, SGD())
    assert (training.of_node("top").optimizer, training.of_node("top").gradient) == (Adam(), "mean")
    assert training.of_node("other") == replace(training, nodes={})


def test_a_copy_takes_those_of_its_node_unless_it_has_its_own() -> None:
    own: dict[str, Any] = {
        "cell": {"min_update_frequency": 10, "gradient": "sum"},
        "cell.1": {"min_update_frequency": 2},
    }
    training = Training(nodes=own)
    found = {name: training.of_node(name) for name in ("cell.0", "cell.1", "cell.12")}
    assert [found[name].min_update_frequency for name in found] == [10, 2, 10]
    assert {settings.gradient for settings in found.values()} == {"sum"}
    # A node that merely looks like a copy is none: the graph knows.
    assert training.of_node("cell.0", base="cell.0").min_update_frequency == 1


def test_what_is_null_or_empty_is_not_set() -> None:
    """Two ways to say nothing are one job."""
    empty: tuple[Any, ...] = ({}, {"L1": {}}, {"L1": None}, {"L1": {"optimizer": None, "gradient": None}})
    assert len({mlp(nodes=nodes).hash for nodes in empty}) == 1
    assert mlp(nodes={"L1": {"gradient": "sum"}}).hash != mlp().hash
    assert hash(Training(nodes={"L1": {"gradient": "sum"}})) == hash(Training())


# -- what they do -----------------------------------------------------------------------------------------------------


class Rule:
    """Collects gradients and updates by hand, in float64: the mean or the sum of each ``muf`` of them."""

    def __init__(self, muf: int, mean: bool, move: Callable[[dict[str, Array], Array, int], Array]) -> None:
        self.muf, self.mean, self.move = muf, mean, move
        self.collected: dict[str, list[Array]] = {}
        self.slots: dict[str, dict[str, Array]] = {}
        self.count: dict[str, int] = {}

    def collect(self, name: str, weight: Array, gradient: Array) -> None:
        pile = self.collected.setdefault(name, [])
        pile.append(gradient)
        if len(pile) == self.muf:
            self.flush(name, weight)

    def flush(self, name: str, weight: Array) -> None:
        pile = self.collected.pop(name, [])
        if pile:
            g = np.sum(pile, axis=0) / (len(pile) if self.mean else 1)
            self.count[name] = self.count.get(name, 0) + 1
            weight -= self.move(self.slots.setdefault(name, {}), g, self.count[name])


def plain(slots: dict[str, Array], g: Array, t: int) -> Array:
    """SGD at 0.2, halved after every 5 updates."""
    return 0.2 * 0.5 ** ((t - 1) // 5) * g


def nesterov(slots: dict[str, Array], g: Array, t: int) -> Array:
    slots["v"] = v = 0.8 * slots.get("v", np.zeros_like(g)) + g
    return 0.05 * (g + 0.8 * v)


def adam(slots: dict[str, Array], g: Array, t: int) -> Array:
    slots["m"] = m = 0.9 * slots.get("m", np.zeros_like(g)) + 0.1 * g
    slots["v"] = v = 0.999 * slots.get("v", np.zeros_like(g)) + 0.001 * g * g
    moved: Array = 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return moved


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("max_batch", [1, 8])
def test_each_layer_by_a_rule_of_its_own_is_what_a_loop_in_numpy_does(workers: int, max_batch: int) -> None:
    """12 instances are no multiple of 5: what is left over at the end of an epoch has the mean of what is there."""
    rules = {"L1": Rule(1, True, plain), "L2": Rule(3, False, nesterov), "L3": Rule(5, True, adam)}
    nodes = {
        "L2": {"optimizer": Momentum(0.05, 0.8, True), "min_update_frequency": 3, "gradient": "sum"},
        "L3": {"optimizer": Adam(0.01), "min_update_frequency": 5},
    }
    job = mlp(epochs=3, optimizer=SGD(0.2, schedule=Step(5, 0.5)), max_batch=max_batch, nodes=nodes)
    run = NullBackend().execute(Plan(job, workers))
    data = job.data.load()
    schedule = Schedule(*data, 3)
    weights = {name: value.astype(np.float64) for name, value in run.initial.items()}
    losses = []
    for segment in schedule.segments():
        for n in range(segment.start, segment.stop) if segment.training else ():
            loss, gradients = mlp_step(weights, data.training.arrays, schedule.entry(n).index)
            losses.append(loss)
            for name, weight in weights.items():
                rules[name[:2]].collect(name, weight, gradients[name])
        if segment.flush:
            for name, weight in weights.items():
                rules[name[:2]].flush(name, weight)
    metrics = run.tables["metrics"]
    np.testing.assert_allclose(metrics["loss"][metrics["training"]], losses, rtol=1e-4)
    for name, weight in weights.items():
        np.testing.assert_allclose(run.final[name], weight, rtol=1e-4, atol=1e-5, err_msg=name)
    assert updates(run) == {"L1": [1] * 36, "L2": [3] * 12, "L3": [5, 5, 2] * 3}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("max_batch", [1, 8])
def test_some_nodes_at_an_instances_end_and_others_by_count(workers: int, max_batch: int) -> None:
    """In a loop: the cell once an instance with the sum of its rounds, the table once an epoch, the rest at once."""
    nodes = {"cell": {"update": "instance", "gradient": "sum"}, "embed": {"min_update_frequency": 10**6}}
    job = rnn(epochs=3, optimizer=SGD(0.2), max_batch=max_batch, nodes=nodes)
    run = NullBackend().execute(Plan(job, workers))
    data = job.data.load()
    schedule = Schedule(*data, 3)
    weights = {name: value.astype(np.float64) for name, value in run.initial.items()}
    table, letters = np.zeros_like(weights["embed/table"]), 0
    for segment in schedule.segments():
        for n in range(segment.start, segment.stop) if segment.training else ():
            index = schedule.entry(n).index
            _, gradients = rnn_step(weights, data.training.arrays, index)
            table += gradients.pop("embed/table")
            letters += int(data.training.arrays["length"][index])
            for name, gradient in gradients.items():
                weights[name] -= 0.2 * gradient
        if segment.flush:
            weights["embed/table"] -= 0.2 * table / letters
            table, letters = np.zeros_like(table), 0
    for name, weight in weights.items():
        np.testing.assert_allclose(run.final[name], weight, rtol=1e-5, atol=1e-6, err_msg=name)
    found = updates(run)
    assert (
        found["cell"] == data.training.arrays["length"][[schedule.entry(n).index for n in training(schedule)]].tolist()
    )
    assert (len(found["embed"]), found["classify"]) == (3, [1] * 36)


def training(schedule: Schedule) -> list[int]:
    """Numbers of all training instances."""
    return [n for part in schedule.segments() if part.training for n in range(part.start, part.stop)]


@pytest.mark.parametrize("muf", [1, 50])
def test_muf_of_one_node_leaves_the_others_alone(muf: int) -> None:
    run = NullBackend().execute(Plan(rnn(epochs=2, nodes={"cell": {"min_update_frequency": muf}}), 2))
    usual = NullBackend().execute(Plan(rnn(epochs=2), 2))
    found, wanted = updates(run), updates(usual)
    assert (found["embed"], found["classify"]) == (wanted["embed"], wanted["classify"])
    rounds = len(wanted["cell"]) // 2  # of an epoch
    cut = [min(muf, rounds - start) for start in range(0, rounds, muf)]
    assert found["cell"] == cut * 2


# -- with all the rest ------------------------------------------------------------------------------------------------


def mixed(**own: Any) -> Job:
    return rnn(**{"epochs": 2, "max_active_keys": 4, "max_batch": 3, "min_update_frequency": 3, "nodes": MIXED, **own})


@settings(max_examples=12)
@given(st.integers(0, 1000), st.sampled_from([1, 2, 3]), st.sampled_from([None, 5]))
def test_any_order_is_replayed_to_the_bit(seed: int, workers: int, every: int | None) -> None:
    plan = Plan(mixed(validate_every=every), workers)
    run = ShuffledBackend(seed).execute(plan)
    for backend in (NullBackend(), ShuffledBackend(seed + 1)):
        again = backend.execute(replace(plan, order=replay_order(run)))
        assert replay_order(again) == replay_order(run)
        for name, value in run.final.items():
            np.testing.assert_array_equal(again.final[name], value, err_msg=name)


@pytest.mark.parametrize("base", [{"update": "instance"}, {"update": "muf"}])
def test_the_jobs_own_way_may_be_either(base: dict[str, Any]) -> None:
    """What is said of the others and what is said of one come to the same."""
    ways = {"embed": "instance", "cell": "muf", "classify": "instance"}
    nodes = {name: {"update": way} for name, way in ways.items() if way != base["update"]}
    run = NullBackend().execute(Plan(mixed(nodes=nodes, **base), 2))
    every = NullBackend().execute(Plan(mixed(nodes={name: {"update": way} for name, way in ways.items()}), 2))
    assert updates(run) == updates(every)
    for name, value in every.final.items():
        np.testing.assert_array_equal(run.final[name], value)


def test_a_validation_within_an_epoch_changes_nothing() -> None:
    often, never = (
        NullBackend().execute(Plan(mixed(max_active_keys=1, validate_every=every), 2)) for every in (3, None)
    )
    for name, value in never.final.items():
        np.testing.assert_array_equal(often.final[name], value)


def test_shapes_count_the_same_updates() -> None:
    numeric, shapes = (NullBackend().execute(Plan(mixed(), 3, mode=mode)) for mode in ("numeric", "shapes"))
    assert updates(numeric).keys() == updates(shapes).keys()
    assert [len(numeric.tables["updates"]["node"])] == [len(shapes.tables["updates"]["node"])]
    assert numeric.summary["static_memory"] == shapes.summary["static_memory"]


def test_memory_counts_the_slots_of_each_nodes_own_optimizer() -> None:
    sizes = {"embed": 4 * 7 * 4, "cell": 4 * (9 * 5 + 5), "classify": 4 * (5 * 3 + 3)}
    (static,) = NullBackend().execute(Plan(mixed(), 1)).summary["static_memory"]
    assert static["parameters"] == static["gradients"] == sum(sizes.values())
    assert static["optimizer"] == 2 * sizes["embed"] + sizes["cell"]


@pytest.mark.parametrize("slots", ["average", "keep"])
def test_copies_of_a_node_share_its_settings(slots: str) -> None:
    job = replicated(mixed(), 2, sync=4, slots=slots)
    run = NullBackend().execute(Plan(job, 2))
    found = updates(run)
    # 24 instances are shared by two copies; each makes an update of each of its own
    assert [len(found["cell.0"]), len(found["cell.1"])] == [12, 12]
    again = NullBackend().execute(Plan(job, 2, order=replay_order(run)))
    assert all((again.final[name] == value).all() for name, value in run.final.items())


def test_copies_may_differ_as_long_as_their_state_can_be_averaged() -> None:
    apart = {"cell.1": {"optimizer": Momentum(0.1)}}
    with pytest.raises(ConfigError, match="whose state cannot be averaged") as caught:
        rnn_copies(slots="average", nodes=apart)
    assert caught.value.where == "training.nodes.cell"
    run = NullBackend().execute(Plan(rnn_copies(slots="keep", nodes=apart), 2))
    np.testing.assert_array_equal(run.final["cell.0/W"], run.final["cell.1/W"])
    rnn_copies(slots="average", nodes={"cell.1": {"optimizer": SGD(0.5)}})


def rnn_copies(slots: str, nodes: dict[str, Any]) -> Job:
    graph = rnn().graph.replicas(2, slots=slots)
    return Job(graph, rnn().data, Training(nodes=nodes))


# -- changing some of it -----------------------------------------------------------------------------------------------


def test_settings_of_other_nodes_stay_when_those_of_one_are_changed() -> None:
    job = rnn(nodes={"embed": {"optimizer": Adam(0.2)}, "cell": {"gradient": "sum", "update": "instance"}})
    found = job.with_training(nodes={"classify": {"min_update_frequency": 3}, "cell": {"gradient": "mean"}})
    assert found.training.nodes == {
        "embed": {"optimizer": Adam(0.2)},
        "cell": {"gradient": "mean", "update": "instance"},
        "classify": {"min_update_frequency": 3},
    }
    assert found.with_training(nodes={}).hash == found.with_training(epochs=found.training.epochs).hash == found.hash
    assert job.training.nodes["cell"]["gradient"] == "sum"


def test_a_workloads_own_settings_stay_too() -> None:
    from ampsim.workloads import workload

    job = workload("list_reduction", lists=200, validation=100)
    own = dict(job.training.nodes["embed"])
    assert own
    assert job.with_training(nodes={"classify": {"gradient": "sum"}}).training.nodes["embed"] == own
    assert job.with_training(optimizer=SGD(0.5)).training.of_node("embed").optimizer == own["optimizer"]


@pytest.mark.parametrize(
    "change, left",
    [
        ({"cell": {"gradient": None}}, {"embed": {"gradient": "sum"}, "cell": {"update": "instance"}}),
        ({"cell": None}, {"embed": {"gradient": "sum"}}),
        (None, {}),
    ],
)
def test_none_takes_settings_back(change: Any, left: dict[str, Any]) -> None:
    job = rnn(nodes={"embed": {"gradient": "sum"}, "cell": {"gradient": "sum", "update": "instance"}})
    assert job.with_training(nodes=change).training.nodes == left


def test_bad_changes_are_told_as_bad_settings_are() -> None:
    with pytest.raises(ConfigError, match="must be a mapping of names"):
        rnn().with_training(nodes=["cell"])
    with pytest.raises(ConfigError, match="must be a mapping of settings"):
        rnn().with_training(nodes={"cell": 3})


# -- JSON -------------------------------------------------------------------------------------------------------------

OWN = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": st.sampled_from([SGD(0.1), Momentum(nesterov=True), Adam(schedule=Step(3, 0.5))]),
        "min_update_frequency": st.integers(1, 100),
        "gradient": st.sampled_from(["mean", "sum"]),
        "update": st.sampled_from(["muf", "instance"]),
    },
)


@given(st.dictionaries(st.sampled_from(["embed", "cell", "classify"]), OWN))
def test_json_and_back_is_the_same_job(nodes: dict[str, Any]) -> None:
    job = rnn(nodes=nodes)
    text = json.dumps(job.to_dict())
    again = Job.from_dict(json.loads(text))
    assert (again.hash, again.training, json.dumps(again.to_dict())) == (job.hash, job.training, text)
    assert job.with_training(epochs=2).training.nodes == job.training.nodes


def test_what_is_handed_in_may_be_changed_afterwards() -> None:
    nodes = {"cell": {"gradient": "sum"}}
    job = rnn(nodes=nodes)
    nodes["cell"]["gradient"] = "mean"
    nodes["other"] = {}
    assert job.training.nodes == {"cell": {"gradient": "sum"}}


# -- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nodes, where, what",
    [
        ([], "nodes", "it must be a mapping"),
        ({"cell": 3}, "nodes.cell", "it must be a mapping of settings"),
        ({3: {}}, "nodes.3", "it must be a mapping of settings"),
        ({"cell": {"rate": 0.1}}, "nodes.cell.rate", "a node has no setting 'rate' of its own"),
        ({"cell": {"epochs": 2}}, "nodes.cell.epochs", "a node has no setting 'epochs' of its own"),
        ({"cell": {"min_update_frequency": 0}}, "nodes.cell.min_update_frequency", "must be an int from 1"),
        ({"cell": {"gradient": "median"}}, "nodes.cell.gradient", "must be 'mean' or 'sum'"),
        ({"cell": {"update": "epoch"}}, "nodes.cell.update", "must be 'muf' or 'instance'"),
        ({"cell": {"optimizer": "rmsprop"}}, "nodes.cell.optimizer.name", "unknown optimizer 'rmsprop'"),
        ({"cell": {"optimizer": 3}}, "nodes.cell.optimizer", "must be one of: sgd, momentum, adam"),
        (
            {"cell": {"optimizer": {"name": "sgd", "schedule": {"name": "step", "every": 0, "factor": 1}}}},
            "nodes.cell.optimizer.schedule.every",
            "not an int from 1",
        ),
    ],
)
def test_a_bad_setting_is_named_with_its_node(nodes: Any, where: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        Training(nodes=nodes)
    assert caught.value.where == f"training.{where}"
    assert "training.optimizer" not in str(caught.value)


def test_an_unknown_setting_is_told_with_those_there_are_and_the_closest() -> None:
    with pytest.raises(ConfigError) as caught:
        Training(nodes={"cell": {"min_update_freq": 3}})
    assert caught.value.do == f"one of: {', '.join(OF_NODES)}; did you mean min_update_frequency?"


@pytest.mark.parametrize(
    "name, what, do",
    [
        ("L11", "the graph has no node 'L11'", "one of: L1, L2, L3; did you mean L1?"),
        ("relu", "the graph has no node 'relu'", "one of: L1, L2, L3"),
        ("loss", "node 'loss' has no parameters", "one of: L1, L2, L3"),
    ],
)
def test_a_node_that_is_not_there_is_told_as_soon_as_there_is_a_job(name: str, what: str, do: str) -> None:
    nodes = {name: {"gradient": "sum"}}
    makes: tuple[Callable[[], Job], ...] = (lambda: mlp(nodes=nodes), lambda: mlp().with_training(nodes=nodes))
    for make in makes:
        with pytest.raises(ConfigError, match=what) as caught:
            make()
        assert caught.value.where == f"training.nodes.{name}"
        assert caught.value.do is not None
        assert caught.value.do.startswith(do)


def test_a_copy_that_is_not_there_is_told_too() -> None:
    graph = rnn().graph.replicas(2)
    Job(graph, rnn().data, Training(nodes={"cell": {"gradient": "sum"}, "cell.1": {"gradient": "sum"}}))
    with pytest.raises(ConfigError, match=r"the graph has no node 'cell\.2'"):
        Job(graph, rnn().data, Training(nodes={"cell.2": {"gradient": "sum"}}))
