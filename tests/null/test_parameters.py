"""What an update contains depends on the order of gradients, never on how they were grouped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.ledger import Ledger
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.parameters import ParameterState, initial_values
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.worker import WorkerState
from ampsim.errors import NonFinite
from ampsim.ir.message import Array, State
from ampsim.ir.nodes import Linear
from ampsim.job import Training
from ampsim.testing import Points, mlp, points, rnn

NODE = Linear("L", 3, 2)


def fresh(**training: Any) -> ParameterState:
    settings = Training(optimizer=SGD(0.1), **training)
    return ParameterState(4, NODE, settings, initial_values(NODE, 0), Ledger())


def state_of(*numbers: int) -> State:
    return numbers


def rows_of(counts: list[int], seed: int = 0) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    total = sum(counts)
    return random.standard_normal((total, 3), dtype=np.float32), random.standard_normal((total, 2), dtype=np.float32)


def feed(state: ParameterState, counts: list[int], groups: list[int], x: Array, g: Array) -> list[int]:
    """Give gradients one after the other, in groups cut at ``room`` as the engine does; sizes of the updates made."""
    made: list[int] = []
    at = row = 0
    while at < len(counts):
        size = min(groups[len(made) % len(groups)], state.room, len(counts) - at)
        rows = counts[at : at + size]
        stop = row + sum(rows)
        states: list[State] = [(i,) for i in range(at, at + size)]
        pile = state.collect((x[row:stop], g[row:stop]), states, rows, [0] * size)
        at, row = at + size, stop
        if pile is not None:
            made.append(state.update(pile)[1].gradients)
    made += [state.update(pile)[1].gradients for pile in state.flush(None)]
    assert state.ledger.deferred == 0
    return made


COUNTS = st.lists(st.integers(1, 3), min_size=1, max_size=12)
GROUPS = st.lists(st.integers(1, 6), min_size=1, max_size=4)


@given(COUNTS, GROUPS, st.integers(1, 5), st.sampled_from(["mean", "sum"]))
def test_grouping_changes_neither_number_nor_content_of_updates(
    counts: list[int], groups: list[int], muf: int, gradient: str
) -> None:
    x, g = rows_of(counts)
    one, other = (fresh(min_update_frequency=muf, gradient=gradient) for _ in range(2))
    alone = feed(one, counts, [1], x, g)
    together = feed(other, counts, groups, x, g)
    assert alone == together
    assert alone == [min(muf, len(counts) - start) for start in range(0, len(counts), muf)]
    assert one.version == other.version == len(alone)
    for name, value in one.values.items():
        np.testing.assert_allclose(value, other.values[name], rtol=1e-5, atol=1e-6)


@given(COUNTS, st.sampled_from(["mean", "sum"]))
def test_an_update_is_the_mean_or_the_sum_over_messages(counts: list[int], gradient: str) -> None:
    """Messages, not rows; and the leftover at a flush has the mean of what is there."""
    x, g = rows_of(counts)
    state = fresh(min_update_frequency=100, gradient=gradient)
    before = {name: value.copy() for name, value in state.values.items()}
    assert feed(state, counts, [1], x, g) == [len(counts)]
    scale = 1 / len(counts) if gradient == "mean" else 1
    np.testing.assert_allclose(state.values["W"], before["W"] - 0.1 * scale * (x.T @ g), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state.values["b"], before["b"] - 0.1 * scale * g.sum(axis=0), rtol=1e-5, atol=1e-6)


@given(st.permutations([0, 0, 1, 2, 2, 2]), st.integers(1, 6))
def test_at_instance_end_each_instance_makes_one_update_of_its_own(owners: list[int], group: int) -> None:
    counts = [1] * 6
    x, g = rows_of(counts)
    state = fresh(update="instance")
    for start in range(0, 6, group):
        chosen = slice(start, min(start + group, 6))
        states = [state_of(owner, t) for t, owner in enumerate(owners)][chosen]
        assert state.collect((x[chosen], g[chosen]), states, counts[chosen], [0] * len(states)) is None
    for instance in (2, 0, 1):
        (pile,) = state.flush([instance, 99])
        before = state.values["W"].copy()
        _, facts = state.update(pile)
        own = [i for i, owner in enumerate(owners) if owner == instance]
        assert (facts.instance, facts.gradients) == (instance, len(own))
        step = 0.1 / len(own) * (x[own].T @ g[own])
        np.testing.assert_allclose(state.values["W"], before - step, rtol=1e-5, atol=1e-6)
    assert state.flush(None) == []


def test_staleness_is_the_versions_between() -> None:
    state = fresh(min_update_frequency=3)
    x, g = rows_of([1, 1, 1])
    pile = state.collect((x, g), [(0,), (1,), (2,)], [1, 1, 1], [0, 2, 1])
    assert pile is not None
    _, facts = state.update(pile)
    assert (facts.version, facts.staleness_mean, facts.staleness_max) == (1, 1.0, 2)
    assert state.staleness == {0: 1, 1: 1, 2: 1}


def test_initial_values_depend_on_seed_and_name_only() -> None:
    one, same = initial_values(NODE, 0), initial_values(Linear("L", 3, 2).affinity(5), 0)
    np.testing.assert_array_equal(one["W"], same["W"])
    for other in (initial_values(NODE, 1), initial_values(Linear("M", 3, 2), 0)):
        assert (one["W"] != other["W"]).any()


@pytest.mark.parametrize("muf, wanted", [(1, {1}), (3, {1, 2, 3})])
def test_a_backward_group_never_crosses_an_update(muf: int, wanted: set[int]) -> None:
    run = NullBackend().execute(Plan(rnn(max_active_keys=8, max_batch=16, min_update_frequency=muf), 2))
    tasks, names = run.tables["tasks"], run.summary["nodes"]
    heads = [names.index(name) for name in ("embed", "join", "classify")]  # join heads the chain of the cell
    chosen = (tasks["kind"] == 1) & np.isin(tasks["node"], heads)
    assert set(tasks["messages"][chosen].tolist()) <= wanted
    forward = (tasks["kind"] == 0) & np.isin(tasks["node"], heads)
    assert tasks["messages"][forward].max() > 3  # which is not for want of company


# -- what is not finite -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_gradient_names_node_and_instance_and_leaves_the_weights_alone(bad: float) -> None:
    state = fresh(min_update_frequency=3)
    x, g = rows_of([1, 1, 1])
    g[1] = bad
    before = {name: value.copy() for name, value in state.values.items()}
    for i in range(2):
        assert state.collect((x[i : i + 1], g[i : i + 1]), [(40 + i,)], [1], [0]) is None
    pile = state.collect((x[2:], g[2:]), [(42,)], [1], [0])
    assert pile is not None
    with quiet(numeric=True), pytest.raises(NonFinite, match=r"L/W is not finite; it came from instance 41\n") as error:
        state.update(pile)
    assert error.value.where == "L"
    assert state.version == 0
    for name, value in before.items():
        np.testing.assert_array_equal(state.values[name], value)


def test_a_large_gradient_is_still_finite() -> None:
    """Its square is not, in float32."""
    state = fresh()
    x, g = np.full((1, 3), 1e10, np.float32), np.full((1, 2), 1e12, np.float32)
    pile = state.collect((x, g), [(0,)], [1], [0])
    assert pile is not None
    with quiet(numeric=True):
        state.update(pile)
    assert np.isfinite(state.values["W"]).all()


def spoiled(instances: int = 12) -> tuple[Points, Points]:
    """The third instance of the data holds a NaN."""
    train, held_out = points(instances)
    x = train.arrays["x"].copy()
    x[2, 0, 0] = np.nan
    assert isinstance(held_out, Points)
    return Points({"x": x, "labels": train.arrays["labels"]}), held_out


@pytest.mark.parametrize("max_batch", [1, 4])
def test_a_loss_that_is_not_finite_ends_the_run(max_batch: int) -> None:
    job = mlp(max_active_keys=4, max_batch=max_batch, shuffle=False)
    plan = Plan(type(job)(job.graph, type(job.data)(spoiled), job.training), 2)
    with pytest.raises(
        NonFinite, match=r"the loss of loss is nan at state \(2,\), instance 2 \(epoch 0, index 2 of"
    ) as error:
        NullBackend().execute(plan)
    assert error.value.where == "loss"
    assert error.value.exit_code == 1


def test_of_an_instance_the_epoch_and_its_place_in_the_data_are_told() -> None:
    """Shuffled, in the second pass: the number is of no use to who looks at the data."""
    job = mlp(epochs=2)
    schedule = Plan(job, 1).program.schedule
    number = next(n for n in range(schedule.per_epoch, 2 * schedule.per_epoch) if schedule.entry(n)[1:] == (True, 2))
    assert number != schedule.per_epoch + 2
    assert schedule.told(number) == f"{number} (epoch 1, index 2 of the training data)"
    assert schedule.told(schedule.per_epoch - 1) == "15 (epoch 0, index 3 of the validation data)"
    state = WorkerState(Plan(job, 1).program, 0).parameters[job.graph.index("L1")]
    pile = state.collect((np.ones((1, 6)), np.full((1, 8), np.nan)), [(number,)], [1], [0])
    assert pile is not None
    text = rf"L1/W is not finite; it came from instance {number} \(epoch 1, index 2 of the training data\)"
    with quiet(numeric=True), pytest.raises(NonFinite, match=text):
        state.update(pile)


def test_training_that_diverges_ends_without_warnings_by_numpy() -> None:
    with pytest.raises(NonFinite):
        NullBackend().execute(Plan(mlp(epochs=30, optimizer=SGD(1e5)), 1))
