"""Every node proved alone: gradients by central differences in float64, linear maps by the adjoint identity.

<forward(x), g> = <x, backward(g)>  for the linear ones;  d<forward(x), g>/dx = backward(g)  for the others.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.ir.kernels import offsets
from ampsim.ir.message import BACKWARD, FORWARD, Array, Spec, spec_of
from ampsim.ir.nodes import (
    Add,
    Bcast,
    BranchLstm,
    Columns,
    Concat,
    Embedding,
    GatedReadout,
    Gru,
    LeafLstm,
    Linear,
    LogSoftmax,
    Parameterised,
    Relu,
    Sigmoid,
    Split,
    Tanh,
    Transform,
)
from ampsim.ir.nodes.base import ShapeError
from ampsim.ir.nodes.embedding import FEW
from tests.null.proofs import close, dense, prove

ROWS, SIZES, SEEDS = st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**32 - 1)


@given(ROWS, SIZES, SIZES, SEEDS)
def test_linear(rows: int, width_in: int, width_out: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    prove(Linear("L", width_in, width_out), random.standard_normal((rows, width_in)), random)


@given(ROWS, SIZES, SIZES, SEEDS)
def test_embedding(rows: int, vocabulary: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    prove(Embedding("E", vocabulary, width), random.integers(0, vocabulary, rows), random)


@pytest.mark.parametrize("tokens, width", [(3, 20), (300, 100), (2000, 20), (0, 4)])
@pytest.mark.parametrize("vocabulary", [1, 7, FEW, FEW + 1, 1000])
def test_rows_of_an_embedding_are_summed_however_often_they_occur(tokens: int, width: int, vocabulary: int) -> None:
    random = np.random.default_rng(0)
    node = Embedding("E", vocabulary, width)
    x = np.minimum(random.geometric(5 / (vocabulary + 5), tokens), vocabulary) - 1  # some often, some once
    g = random.standard_normal((tokens, width))
    wanted = np.zeros((vocabulary, width))
    np.add.at(wanted, x, g)
    gradient = node.gradients((x, g))["table"]
    assert gradient.rows.tolist() == sorted(set(x.tolist()))
    close(dense(gradient, wanted.shape), wanted)


@given(st.sampled_from([Tanh(), LogSoftmax(), Relu(), Sigmoid(), Columns("C", 0, 1)]), ROWS, SIZES, SEEDS)
def test_activations(node: Transform, rows: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, width))
    prove(node, np.where(np.abs(x) < 1e-3, 0.5, x), random)  # Relu has no slope at its corner


def test_relu_at_its_corner() -> None:
    y, saved = Relu().forward(np.zeros((1, 1)), {})
    dx, _ = Relu().backward(np.ones((1, 1)), saved, {}, True)
    assert y.tolist() == [[0.0]]
    assert dx is not None
    assert dx.tolist() == [[0.0]]


def test_columns_leave_out_the_others() -> None:
    node, x = Columns("C", 1, 3), np.arange(8.0, dtype=np.float32).reshape(2, 4)
    y, saved = node.forward(x, {})
    assert y.tolist() == [[1, 2], [5, 6]]
    assert sum(array.nbytes for array in saved) == 0
    dx, _ = node.backward(y, saved, {}, True)
    assert dx is not None
    assert dx.tolist() == [[0, 1, 2, 0], [0, 5, 6, 0]]
    with pytest.raises(ShapeError, match="3 or more"):
        node.infer(Spec((2, 2), np.dtype(np.float32)))
    assert list(node.faults()) == []
    assert len(list(Columns("C", 3, 3).faults())) == len(list(Columns("C", -1, 3).faults())) == 1


def test_a_sigmoid_says_what_it_should_everywhere() -> None:
    x = np.array([[-1e30, -100, -1, 0, 1, 100, 1e30]], np.float32)
    y, _ = Sigmoid().forward(x, {})
    np.testing.assert_allclose(y, [[0, 0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1, 1]], atol=1e-7)


@given(ROWS, st.sampled_from([2, 4, 32, 33, 50]), st.floats(1e2, 1e30), SEEDS)
def test_log_softmax_cannot_overflow(rows: int, columns: int, scale: float, seed: int) -> None:
    """Few columns and many: they are not worked out in the same way."""
    x = (np.random.default_rng(seed).standard_normal((rows, columns)) * scale).astype(np.float32)
    y, _ = LogSoftmax().forward(x, {})
    assert np.isfinite(y).all()
    np.testing.assert_allclose(np.exp(y.astype(np.float64)).sum(axis=1), 1, rtol=1e-5)


@given(ROWS, SIZES, st.integers(2, 4), SEEDS)
def test_add_is_adjoint_to_its_spread(rows: int, width: int, ports: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    node = Add("A", ports=tuple(f"p{i}" for i in range(ports)))
    parts = [random.standard_normal((rows, width)) for _ in range(ports)]
    before = [part.copy() for part in parts]
    merged: Any = node.merge(parts)
    g = random.standard_normal(merged.shape)
    back: list[Any] = node.spread(g, [spec_of(part) for part in parts])
    close((merged * g).sum(), sum((p * b).sum() for p, b in zip(parts, back, strict=True)))
    np.testing.assert_array_equal(parts, before)
    specs = [spec_of(part) for part in parts]
    assert node.infer(specs) == node.merge(specs) == spec_of(merged)
    work = node.work(specs)
    assert (work.vector, work.read, work.written) == ((ports - 1) * specs[0].nbytes // 4, ports * g.nbytes, g.nbytes)


def test_add_adds_in_port_order_and_only_what_is_alike() -> None:
    big, one = np.full((1, 1), 1e8, np.float32), np.ones((1, 1), np.float32)
    assert Add("A", ports=("a", "b", "c")).merge([one, big, -big]) == [[0.0]]
    assert Add("A", ports=("a", "b", "c")).merge([big, -big, one]) == [[1.0]]
    for other in (np.ones((1, 2), np.float32), np.ones((2, 1), np.float32), np.ones((1, 1), np.int64)):
        with pytest.raises(ShapeError, match="every port"):
            Add("A").infer([spec_of(one), spec_of(other)])


@given(ROWS, st.lists(SIZES, min_size=1, max_size=4), SEEDS)
def test_concat_is_adjoint_to_its_spread(rows: int, widths: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    node = Concat("C", ports=tuple(f"p{i}" for i in range(len(widths))))
    parts = [random.standard_normal((rows, width)) for width in widths]
    merged = node.merge(parts)
    assert isinstance(merged, np.ndarray)
    g = random.standard_normal(merged.shape)
    back: list[Any] = node.spread(g, [spec_of(part) for part in parts])
    close((merged * g).sum(), sum((p * b).sum() for p, b in zip(parts, back, strict=True)))
    assert all(isinstance(b, np.ndarray) and b.flags.c_contiguous for b in back)


@given(ROWS, st.lists(SIZES, min_size=1, max_size=4), SEEDS)
def test_split_is_adjoint_to_its_merge(rows: int, widths: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    node = Split("S", tuple(widths), tuple(f"p{i}" for i in range(len(widths))))
    x = random.standard_normal((rows, sum(widths)))
    pieces: list[Any] = node.spread(x)
    gradients: list[Any] = [random.standard_normal((rows, width)) for width in widths]
    back: Any = node.merge(gradients)
    close(sum((p * g).sum() for p, g in zip(pieces, gradients, strict=True)), (x * back).sum())
    assert all(isinstance(p, np.ndarray) and p.flags.c_contiguous for p in pieces)


@given(ROWS, SIZES, st.integers(1, 4), SEEDS)
def test_bcast_is_adjoint_to_the_sum(rows: int, width: int, ports: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    node = Bcast("B", ports=tuple(f"p{i}" for i in range(ports)))
    x = random.standard_normal((rows, width))
    gradients: list[Any] = [random.standard_normal((rows, width)) for _ in range(ports)]
    kept = [g.copy() for g in gradients]
    back: Any = node.merge(gradients)
    pieces: list[Any] = node.spread(x)
    close(sum((p * g).sum() for p, g in zip(pieces, gradients, strict=True)), (x * back).sum())
    np.testing.assert_array_equal(gradients, kept)  # nobody writes into a payload


def test_bcast_adds_in_port_order() -> None:
    """1 + 1e8 - 1e8 in float32 tells the order of addition."""
    big, one = np.full((1, 1), 1e8, np.float32), np.ones((1, 1), np.float32)
    node = Bcast("B", ports=("a", "b", "c"))
    assert node.merge([one, big, -big]) == [[0.0]]
    assert node.merge([big, -big, one]) == [[1.0]]


# -- what is said of shapes and costs ---------------------------------------------------------------------------------

TRANSFORMS = st.one_of(
    st.builds(Linear, st.just("L"), st.just(3), SIZES),
    st.builds(Embedding, st.just("E"), st.just(3), SIZES),
    st.sampled_from([Relu(), Tanh(), LogSoftmax(), Sigmoid(), Columns("C", 1, 3)]),
    st.builds(LeafLstm, st.just("C"), st.just(3), st.sampled_from([1, 4, 16])),
    st.builds(BranchLstm, st.just("C"), st.sampled_from([1, 4, 16])),
    st.builds(Gru, st.just("C"), SIZES, st.sampled_from([1, 4, 16])),
    st.builds(GatedReadout, st.just("R"), st.just(3), st.sampled_from([1, 4, 16])),
)


def width_of(node: Transform) -> int:
    """Columns that go into it."""
    if isinstance(node, BranchLstm):
        return 4 * node.hidden
    return node.width + node.hidden if isinstance(node, Gru) else 3


def an_input(node: Transform, rows: int, random: np.random.Generator) -> Array:
    if isinstance(node, Embedding):
        return random.integers(0, node.vocabulary, rows)
    return random.standard_normal((rows, width_of(node)), dtype=np.float32)


def first_values(node: Transform, random: np.random.Generator) -> dict[str, Array]:
    return node.initial(random) if isinstance(node, Parameterised) else {}


@given(TRANSFORMS, st.integers(0, 5), SEEDS)
def test_shapes_are_those_of_the_arrays(node: Transform, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, values = an_input(node, rows, random), first_values(node, random)
    given = spec_of(x)
    y, saved = node.forward(x, values)
    assert spec_of(y) == node.infer(given)
    assert tuple(map(spec_of, saved)) == node.saves(given)
    assert all(len(array) == rows for array in saved)
    dx, deferred = node.backward(np.ones_like(y), saved, values, x.dtype == np.float32)
    assert dx is None or spec_of(dx) == given
    if isinstance(node, Parameterised):
        assert {name: spec_of(value) for name, value in values.items()} == node.parameters()
        assert tuple(map(spec_of, deferred)) == node.defers(given)
        for name, gradient in node.gradients(deferred).items():
            assert spec_of(dense(gradient, values[name].shape)) == spec_of(values[name])
            assert rows or not dense(gradient, values[name].shape).any()


@given(TRANSFORMS, st.lists(st.integers(0, 3), min_size=1, max_size=4), SEEDS)
def test_rows_stacked_are_rows_one_by_one(node: Transform, counts: list[int], seed: int) -> None:
    """Forward together, backward one message after the other, in the other order, or the other way about."""
    random = np.random.default_rng(seed)
    x, values = an_input(node, sum(counts), random), first_values(node, random)
    y, saved = node.forward(x, values)
    g, wants = random.standard_normal(y.shape, dtype=np.float32), x.dtype == np.float32
    dx, deferred = node.backward(g, saved, values, wants)
    at = offsets(counts)
    alone = []
    for start, stop in reversed(list(pairwise(at))):
        y_own, saved_own = node.forward(x[start:stop], values)
        np.testing.assert_allclose(y_own, y[start:stop], rtol=1e-5, atol=1e-6)
        dx_own, deferred_own = node.backward(g[start:stop], tuple(s[start:stop] for s in saved), values, wants)
        if dx is not None and dx_own is not None:
            np.testing.assert_allclose(dx_own, dx[start:stop], rtol=1e-5, atol=1e-6)
        alone.append((g[start:stop], saved_own, deferred_own))
    stacked = tuple(np.concatenate(parts) for parts in zip(*(own[1] for own in alone), strict=True))
    dx_again, deferred_again = node.backward(np.concatenate([own[0] for own in alone]), stacked, values, wants)
    assert (dx is None) == (dx_again is None)
    if dx is not None and dx_again is not None:
        back = [dx[start:stop] for start, stop in reversed(list(pairwise(at)))]
        np.testing.assert_allclose(dx_again, np.concatenate(back), rtol=1e-5, atol=1e-6)
    if isinstance(node, Parameterised):
        pieces = tuple(np.concatenate(parts) for parts in zip(*(own[2] for own in alone), strict=True))
        for made in (deferred_again, pieces):
            for name, gradient in node.gradients(made).items():
                wanted = dense(node.gradients(deferred)[name], values[name].shape)
                np.testing.assert_allclose(dense(gradient, wanted.shape), wanted, rtol=1e-4, atol=1e-5)


@given(TRANSFORMS, st.integers(0, 5), SEEDS)
def test_forward_and_backward_leave_their_arguments_alone(node: Transform, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, values = an_input(node, rows, random), first_values(node, random)
    x.flags.writeable = False
    y, saved = node.forward(x, values)
    g = np.ones_like(y)
    g.flags.writeable = False
    for array in (*saved, *values.values()):
        array.flags.writeable = False
    node.backward(g, saved, values, x.dtype == np.float32)


@given(st.integers(1, 500), SIZES, SIZES)
def test_a_linear_costs_2mkn_each_way(rows: int, k: int, n: int) -> None:
    node, x = Linear("L", k, n), Spec((rows, k), np.dtype(np.float32))
    for work in (node.work(x, FORWARD), node.work(x, BACKWARD), node.gradient_work(rows)):
        assert work.matmul == 2 * rows * k * n
        assert sorted(work.products[0]) == sorted((rows, k, n))
    assert node.work(x, BACKWARD, False).matmul == 0
    assert node.work(x, FORWARD).read == x.nbytes + 4 * (k + 1) * n
    assert node.work(x, FORWARD).written == node.infer(x).nbytes


@given(st.lists(st.just(Spec((3, 4), np.dtype(np.float32))), min_size=1, max_size=5))
def test_n_arrays_are_added_by_n_minus_1_additions(parts: list[Spec]) -> None:
    work = Bcast("B").work(parts)
    assert (work.vector, work.read, work.written) == (12 * (len(parts) - 1), 48 * len(parts), 48)


@given(st.integers(0, 100), st.integers(1, 50), SIZES)
def test_an_embedding_touches_only_rows_used(rows: int, vocabulary: int, width: int) -> None:
    assert Embedding("E", vocabulary, width).touched(rows) == min(rows, vocabulary) * width
    assert Linear("L", 3, width).touched(rows) == 4 * width


@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_initial_weights_have_the_variance_they_promise(gain: float) -> None:
    weights = Linear("L", 400, 300, gain).initial(np.random.default_rng(0))
    np.testing.assert_allclose(weights["W"].var(), gain / 400, rtol=0.02)
    assert not weights["b"].any()
