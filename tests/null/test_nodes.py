"""Every node proved alone: gradients by central differences in float64, linear maps by the adjoint identity.

<forward(x), g> = <x, backward(g)>  for the linear ones;  d<forward(x), g>/dx = backward(g)  for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.ir.kernels import offsets
from ampsim.ir.message import BACKWARD, FORWARD, Array, Spec, spec_of
from ampsim.ir.nodes import (
    Bcast,
    Concat,
    Embedding,
    Linear,
    LogSoftmax,
    NllLoss,
    Parameterised,
    Relu,
    RowGradient,
    Split,
    Tanh,
    Transform,
)

ROWS, SIZES, SEEDS = st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**32 - 1)


def slopes(f: Callable[[], float], x: Array, step: float = 1e-6) -> Array:
    """Central differences of a scalar by every element of ``x``."""
    found = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        before = x[at]
        x[at] = before + step
        high = f()
        x[at] = before - step
        found[at] = (high - f()) / (2 * step)
        x[at] = before
    return found


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-8)


def dense(gradient: Any, shape: tuple[int, ...]) -> Array:
    """A weight gradient as an array."""
    if not isinstance(gradient, RowGradient):
        return np.asarray(gradient)
    assert len(np.unique(gradient.rows)) == len(gradient.rows)
    table = np.zeros(shape, gradient.values.dtype)
    table[gradient.rows] = gradient.values
    return table


def prove(node: Transform, x: Array, random: np.random.Generator) -> None:
    """Input and weight gradients of a transform equal the slopes of <forward(x), g>."""
    values: dict[str, Array] = {}
    if isinstance(node, Parameterised):
        values = {name: random.standard_normal(spec.shape) for name, spec in node.parameters().items()}
    y, saved = node.forward(x, values)
    g = random.standard_normal(y.shape)

    def along() -> float:
        return float((node.forward(x, values)[0] * g).sum())

    wants = x.dtype == np.float64
    dx, deferred = node.backward(g.copy(), saved, values, wants)
    if wants:
        assert dx is not None
        close(dx, slopes(along, x))
    if isinstance(node, Parameterised):
        gradients = node.gradients(deferred)
        assert gradients.keys() == values.keys()
        for name, value in values.items():
            close(dense(gradients[name], value.shape), slopes(along, value))
    nothing, same = node.backward(g.copy(), saved, values, False)
    assert nothing is None
    assert len(same) == len(deferred)


@given(ROWS, SIZES, SIZES, SEEDS)
def test_linear(rows: int, width_in: int, width_out: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    prove(Linear("L", width_in, width_out), random.standard_normal((rows, width_in)), random)


@given(ROWS, SIZES, SIZES, SEEDS)
def test_embedding(rows: int, vocabulary: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    prove(Embedding("E", vocabulary, width), random.integers(0, vocabulary, rows), random)


@given(st.sampled_from([Tanh(), LogSoftmax(), Relu()]), ROWS, SIZES, SEEDS)
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


@given(ROWS, st.floats(1e2, 1e30), SEEDS)
def test_log_softmax_cannot_overflow(rows: int, scale: float, seed: int) -> None:
    x = (np.random.default_rng(seed).standard_normal((rows, 4)) * scale).astype(np.float32)
    y, _ = LogSoftmax().forward(x, {})
    assert np.isfinite(y).all()
    np.testing.assert_allclose(np.exp(y.astype(np.float64)).sum(axis=1), 1, rtol=1e-5)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(2, 5), SEEDS)
def test_nll_loss(rows: list[int], classes: int, seed: int) -> None:
    """The gradient is that of the sum over messages of each message's mean loss."""
    random, total = np.random.default_rng(seed), sum(rows)
    x, labels = random.standard_normal((total, classes)), random.integers(0, classes, total)
    score = NllLoss("N").score(x, labels, rows)
    close(score.gradient, slopes(lambda: float(NllLoss("N").score(x, labels, rows).losses.sum()), x))
    for i, (start, stop) in enumerate(zip(offsets(rows), offsets(rows)[1:], strict=False)):
        close(score.losses[i], -np.mean([x[r, labels[r]] for r in range(start, stop)]))
        assert score.correct[i] == sum(int(x[r].argmax() == labels[r]) for r in range(start, stop))


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
    st.sampled_from([Relu(), Tanh(), LogSoftmax()]),
)


def an_input(node: Transform, rows: int, random: np.random.Generator) -> Array:
    if isinstance(node, Embedding):
        return random.integers(0, node.vocabulary, rows)
    return random.standard_normal((rows, 3), dtype=np.float32)


def first_values(node: Transform, random: np.random.Generator) -> dict[str, Array]:
    return node.initial(random) if isinstance(node, Parameterised) else {}


@given(TRANSFORMS, ROWS, SEEDS)
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


@given(TRANSFORMS, ROWS, SEEDS)
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
