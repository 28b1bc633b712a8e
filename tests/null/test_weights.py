"""One step for all parameters of a small node is the same to the bit as a step for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine import weights
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD, Adam, Momentum, Optimizer
from ampsim.engine.plan import Plan
from ampsim.engine.quiet import quiet
from ampsim.engine.rates import Step
from ampsim.engine.weights import Weights
from ampsim.ir.message import Array
from ampsim.ir.nodes import RowGradient
from ampsim.testing import replicated, rnn

OPTIMIZERS = (SGD(0.1), Momentum(0.1), Momentum(0.1, nesterov=True), Adam(0.01, schedule=Step(2, 0.5)))
SHAPES = st.lists(st.lists(st.integers(1, 5), max_size=3).map(tuple), min_size=2, max_size=4)


@contextmanager
def apart() -> Iterator[None]:
    """Every node is a large one."""
    before, weights.SMALL = weights.SMALL, 0
    try:
        yield
    finally:
        weights.SMALL = before


def drawn(shapes: list[tuple[int, ...]], random: np.random.Generator) -> dict[str, Array]:
    return {f"p{i}": np.asarray(random.standard_normal(shape), np.float32) for i, shape in enumerate(shapes)}


@given(SHAPES, st.integers(0, 100), st.sampled_from(OPTIMIZERS), st.sampled_from([1.0, 0.25]))
def test_together_and_apart_are_the_same(
    shapes: list[tuple[int, ...]], seed: int, optimizer: Optimizer, scale: float
) -> None:
    random = np.random.default_rng(seed)
    values = drawn(shapes, random)
    one = Weights(values, optimizer)
    with apart():
        other = Weights({name: value.copy() for name, value in values.items()}, optimizer)
    for count in range(1, 5):
        gradients = drawn(shapes, random)
        for each in (one, other):
            assert each.step({name: value.copy() for name, value in gradients.items()}, scale, count) is None
        for name in values:
            np.testing.assert_array_equal(one.values[name], other.values[name])
            for slot in optimizer.slots:
                np.testing.assert_array_equal(one.slots[name][slot], other.slots[name][slot])


def test_what_is_handed_out_stays_what_it_is() -> None:
    """Others hold the arrays: a chain the values, a synchroniser both."""
    values = drawn([(3, 2), (2,)], np.random.default_rng(0))
    state = Weights(values, Momentum(0.1))
    held, slot = state.values["p0"], state.slots["p0"]["v"]
    held[...] = 1.0
    state.step({name: np.ones_like(value) for name, value in values.items()}, 1.0, 1)
    np.testing.assert_allclose(held, 0.9)
    np.testing.assert_allclose(slot, 1.0)
    assert held is state.values["p0"]
    assert held.flags.c_contiguous


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("bad", ["p0", "p1"])
def test_a_gradient_that_is_not_finite_is_named_and_changes_nothing(small: bool, bad: str) -> None:
    values = drawn([(3, 2), (2,)], np.random.default_rng(0))
    before = {name: value.copy() for name, value in values.items()}
    if small:
        state = Weights(values, Adam())
    else:
        with apart():
            state = Weights(values, Adam())
    gradients = {name: np.ones_like(value) for name, value in values.items()}
    gradients[bad].reshape(-1)[1] = np.nan
    with quiet(numeric=True):
        assert state.step(gradients, 1.0, 1) == bad
    for name, value in before.items():
        np.testing.assert_array_equal(state.values[name], value)
        assert not any(slot.any() for slot in state.slots[name].values())


def test_only_some_of_the_parameters_may_have_a_gradient_and_some_only_in_rows() -> None:
    values = drawn([(3, 2), (2,), (4,)], np.random.default_rng(0))
    state = Weights(values, SGD(1.0))
    rows = RowGradient(np.asarray([1]), np.ones((1, 2), np.float32))
    assert state.step({"p0": rows, "p2": np.ones(4, np.float32)}, 1.0, 1) is None
    moved = {name: values[name] - state.values[name] for name in values}
    np.testing.assert_allclose(moved["p0"], [[0, 0], [1, 1], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(moved["p2"], 1, atol=1e-6)
    assert not moved["p1"].any()


@pytest.mark.parametrize("slots", ["average", "keep"])
def test_a_whole_run_is_the_same_to_the_bit(slots: str) -> None:
    """Copies are synchronised through the same arrays."""
    plan = Plan(replicated(rnn(epochs=2, optimizer=Adam(0.01), max_active_keys=4), 2, sync=5, slots=slots), 2)
    together = NullBackend().execute(plan)
    with apart():
        separate = NullBackend().execute(plan)
    for name, value in separate.final.items():
        np.testing.assert_array_equal(together.final[name], value, err_msg=name)
