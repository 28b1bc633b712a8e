"""Gated cells: equal to the papers' formulas written out one by one, gradients included, and to other people's code.

Gates of fewer than 16 columns are worked out in another memory order than wider ones, so both are always tried.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.ir.message import BACKWARD, FORWARD, Array, Spec, spec_of
from ampsim.ir.nodes import BranchLstm, GatedReadout, Gru, LeafLstm, Parameterised, ShapeError
from ampsim.ir.nodes.gates import TALL, as_planes, gates_first, rows_first, sigmoid
from tests.null.proofs import close, prove

ROWS, SEEDS = st.integers(0, 4), st.integers(0, 2**32 - 1)
WIDTHS = [1, 3, TALL - 1, TALL, TALL + 3]
Values = dict[str, Array]


def logistic(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def plain_leaf(node: LeafLstm, x: Array, values: Values) -> Array:
    n, weights, b = node.hidden, values["W"], values["b"]
    i = logistic(x @ weights[:, :n] + b[:n])
    o = logistic(x @ weights[:, n : 2 * n] + b[n : 2 * n])
    u = np.tanh(x @ weights[:, 2 * n :] + b[2 * n :])
    c = i * u
    return np.hstack([o * np.tanh(c), c])


def plain_branch(node: BranchLstm, x: Array, values: Values) -> Array:
    """Tai et al. 2015, equations 9 to 14, for N = 2: gate k has its own matrix for each child."""
    h_left, c_left, h_right, c_right = np.split(x, 4, axis=1)
    above, below = np.split(values["W"], 2, axis=0)
    sums = [
        h_left @ left + h_right @ right + b
        for left, right, b in zip(
            np.split(above, 5, axis=1), np.split(below, 5, axis=1), np.split(values["b"], 5), strict=True
        )
    ]
    i, f_left, f_right, o = map(logistic, sums[:4])
    c = i * np.tanh(sums[4]) + f_left * c_left + f_right * c_right
    return np.hstack([o * np.tanh(c), c])


def plain_gru(node: Gru, x: Array, values: Values) -> Array:
    m, h = x[:, : node.width], x[:, node.width :]
    w_n, w_r, w_z = np.split(values["W"], 3, axis=1)
    u_r, u_z, u_n = np.split(values["U"], 3, axis=1)
    b_n, b_r, b_z, c = np.split(values["b"], 4)
    r = logistic(m @ w_r + h @ u_r + b_r)
    z = logistic(m @ w_z + h @ u_z + b_z)
    new = np.tanh(m @ w_n + b_n + r * (h @ u_n + c))
    return np.asarray((1 - z) * new + z * h)


def plain_readout(node: GatedReadout, x: Array, values: Values) -> Array:
    w_gate, w_value = np.split(values["W"], 2, axis=1)
    b_gate, b_value = np.split(values["b"], 2)
    return np.asarray(logistic(x @ w_gate + b_gate) * (x @ w_value + b_value))


# node, the formula, columns that go in
CASES = [
    *[(LeafLstm("leaf", 4, n), plain_leaf, 4) for n in WIDTHS],
    *[(BranchLstm("branch", n), plain_branch, 4 * n) for n in WIDTHS],
    *[(Gru("gru", 3, n), plain_gru, 3 + n) for n in WIDTHS],
    *[(GatedReadout("readout", 5, n), plain_readout, 5) for n in WIDTHS],
]
NAMES = [node.operation for node, _, _ in CASES]


def drawn(node: Parameterised, random: np.random.Generator) -> Values:
    return {name: random.standard_normal(spec.shape) for name, spec in node.parameters().items()}


@pytest.mark.parametrize("node, formula, columns", CASES, ids=NAMES)
@given(ROWS, SEEDS)
def test_a_cell_is_its_formula(node: Any, formula: Any, columns: int, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, values = random.standard_normal((rows, columns)), drawn(node, random)
    y, _ = node.forward(x, values)
    close(y, formula(node, x, values))
    single = {name: value.astype(np.float32) for name, value in values.items()}
    y, _ = node.forward(x.astype(np.float32), single)
    np.testing.assert_allclose(y, formula(node, x, values), rtol=1e-3, atol=1e-5)
    assert y.flags.c_contiguous


@pytest.mark.parametrize("node, formula, columns", CASES, ids=NAMES)
@pytest.mark.parametrize("rows", [1, 2])
def test_gradients_are_slopes(node: Any, formula: Any, columns: int, rows: int) -> None:
    random = np.random.default_rng(rows)
    prove(node, random.standard_normal((rows, columns)), random)


@pytest.mark.parametrize("node, formula, columns", CASES, ids=NAMES)
def test_what_is_kept_counts_every_byte_once(node: Any, formula: Any, columns: int) -> None:
    x = np.ones((7, columns), np.float32)
    _, saved = node.forward(x, node.initial(np.random.default_rng(0)))
    assert [array.nbytes for array in saved] == [spec.nbytes for spec in node.saves(spec_of(x))]


@pytest.mark.parametrize("node, formula, columns", CASES, ids=NAMES)
def test_gradients_add_up_whatever_the_memory_order(node: Any, formula: Any, columns: int) -> None:
    """Single rows lose the memory order of the planes when they are stacked; nothing but time depends on it."""
    random = np.random.default_rng(0)
    x, values = random.standard_normal((6, columns)), drawn(node, random)
    y, saved = node.forward(x, values)
    g = random.standard_normal(y.shape)
    dx, deferred = node.backward(g, saved, values, True)
    cut = [tuple(array[i : i + 1] for array in saved) for i in (5, 4, 3, 2, 1, 0)]
    for stacked in (
        tuple(np.concatenate(parts) for parts in zip(*cut, strict=True)),
        tuple(np.ascontiguousarray(array[::-1]) for array in saved),
        tuple(np.asfortranarray(array[::-1]) for array in saved),
        tuple(array[::-1] for array in saved),
    ):
        back, rows = node.backward(np.asfortranarray(g[::-1]), stacked, values, True)
        close(back, dx[::-1])
        for name, gradient in node.gradients(tuple(np.ascontiguousarray(part) for part in rows)).items():
            close(gradient, node.gradients(deferred)[name])


def test_extreme_inputs_saturate() -> None:
    """In silence: warnings are errors here."""
    for node, _, columns in CASES:
        values: Any = {name: np.ones(spec.shape, np.float32) for name, spec in node.parameters().items()}
        for size in (-1e30, 1e30):
            y, saved = node.forward(np.full((2, columns), size, np.float32), values)
            if isinstance(node, LeafLstm):
                assert np.abs(y).max() <= 1
            dx: Any = node.backward(np.ones_like(y), saved, values, True)[0]
            assert not np.isnan(dx).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sigmoid(dtype: type) -> None:
    x: Array = np.linspace(-30, 30, 1001).astype(dtype)
    y = x.copy()
    sigmoid(y)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, logistic(x.astype(np.float64)), atol=1e-7 if dtype == np.float32 else 1e-15)


@pytest.mark.parametrize("width", WIDTHS)
def test_planes_are_views_and_keep_their_order_when_stacked(width: int) -> None:
    x = np.arange(5 * 3 * width).reshape(5, 3 * width)
    gates = as_planes(x, width)
    assert np.shares_memory(gates, x)
    for i, gate in enumerate(gates):
        own = x[:, i * width : (i + 1) * width]
        np.testing.assert_array_equal(gate, own.T if width < TALL else own)
    made = np.ascontiguousarray(gates)
    both = np.concatenate([rows_first(made, width)[:2], rows_first(made, width)[3:]])
    assert both.shape == (4, 3, width)
    again = gates_first(both, width)
    assert again.base is both or np.shares_memory(again, both)  # found again without a copy
    np.testing.assert_array_equal(gates_first(rows_first(made, width), width), made)


# -- settings and initial values --------------------------------------------------------------------------------------


def test_names_of_parameters_and_operations() -> None:
    assert [spec.shape for spec in LeafLstm("l", 300, 150).parameters().values()] == [(300, 450), (450,)]
    assert [spec.shape for spec in BranchLstm("b", 150).parameters().values()] == [(300, 750), (750,)]
    assert [spec.shape for spec in Gru("g", 7, 5).parameters().values()] == [(7, 15), (5, 15), (20,)]
    assert [spec.shape for spec in GatedReadout("r", 5).parameters().values()] == [(5, 2), (2,)]
    assert [node.operation for node in (LeafLstm("l", 300, 150), BranchLstm("b", 150))] == [
        "LeafLstm(300, 150)",
        "BranchLstm(150)",
    ]
    assert [node.operation for node in (Gru("g", 7, 5), GatedReadout("r", 5))] == ["Gru(7, 5)", "GatedReadout(5, 1)"]


def test_initial_values() -> None:
    random = np.random.default_rng(0)
    leaf, branch = LeafLstm("l", 300, 100).initial(random), BranchLstm("b", 100).initial(random)
    gru, readout = Gru("g", 200, 100).initial(random), GatedReadout("r", 400, 100).initial(random)
    for weights, fan_in in (
        (leaf["W"], 300),
        (branch["W"], 200),
        (gru["W"], 300),
        (gru["U"], 300),
        (readout["W"], 400),
    ):
        np.testing.assert_allclose(weights.var(), 1 / fan_in, rtol=0.05)
    assert not any(values["b"].any() for values in (leaf, gru, readout))
    assert branch["b"].reshape(5, 100).mean(axis=1).tolist() == [0, 1, 1, 0, 0]
    assert branch["b"].max() == 1


@pytest.mark.parametrize("node", [LeafLstm("l", 3, 0), BranchLstm("b"), Gru("g", -1, 2), GatedReadout("r", 3, 0)])
def test_sizes_are_looked_at(node: Parameterised) -> None:
    (fault,) = node.faults()
    assert "sizes are ints from 1" in fault


@pytest.mark.parametrize("node, formula, columns", CASES, ids=NAMES)
def test_what_does_not_fit_is_told(node: Any, formula: Any, columns: int) -> None:
    assert list(node.faults()) == []
    for wrong in (Spec((2, columns + 1), np.dtype(np.float32)), Spec((2, columns), np.dtype(np.int64))):
        with pytest.raises(ShapeError, match=rf"needs float32 of shape \(rows, {columns}\)"):
            node.infer(wrong)


# -- work, counted by hand --------------------------------------------------------------------------------------------


def test_work_of_a_leaf() -> None:
    """2 rows, 3 in, 4 hidden: products (2, 3, 12); bias, functions, c, tanh c, h are 3 + 3 + 1 + 1 + 1 = 9 a column."""
    node, x = LeafLstm("l", 3, 4), Spec((2, 3), np.dtype(np.float32))
    assert node.work(x, FORWARD) == (((2, 3, 12),), 9 * 8, 4 * (6 + 36 + 12), 4 * (16 + 32))
    # slopes of i, o: 4; of tanh c and onward to dc: 2 + 3; the gates: 2 + 2 + 4
    assert node.work(x, BACKWARD, False) == ((), 17 * 8, 4 * (16 + 32), 4 * 24)
    assert node.work(x, BACKWARD) == (((2, 12, 3),), 17 * 8, 4 * (16 + 32 + 36), 4 * (24 + 6))
    assert node.gradient_work(2) == (((3, 2, 12),), 24, 4 * (6 + 24), 4 * (36 + 12))


def test_work_of_a_branch() -> None:
    """2 rows, 3 hidden: product (2, 6, 15); 5 + 5 for the gates, 5 for c, tanh c, h: 17 a column."""
    node, x = BranchLstm("b", 3), Spec((2, 12), np.dtype(np.float32))
    assert node.work(x, FORWARD) == (((2, 6, 15),), 17 * 6, 4 * (24 + 90 + 15), 4 * (12 + 48))
    # slopes 8, dc 5, o 2, i 2, f 4, u 4; the two f dc for the memories
    assert node.work(x, BACKWARD, False) == ((), 25 * 6, 4 * (12 + 48), 4 * 30)
    assert node.work(x, BACKWARD) == (((2, 15, 6),), 27 * 6, 4 * (12 + 48 + 90), 4 * (30 + 24))
    assert node.gradient_work(2) == (((6, 2, 15),), 30, 4 * (12 + 30), 4 * (90 + 15))


def test_work_of_a_gru() -> None:
    """2 rows, width 3, hidden 4: r, z take 2 + 2 + 2, the inner sum 1, n 4, h' 3."""
    node, x = Gru("g", 3, 4), Spec((2, 7), np.dtype(np.float32))
    weights = 3 * 12 + 4 * 12
    assert node.work(x, FORWARD) == (((2, 3, 12), (2, 4, 12)), 14 * 8, 4 * (14 + weights + 16), 4 * (8 + 32))
    assert node.work(x, BACKWARD, False) == ((), 15 * 8, 4 * (8 + 32 + 8), 4 * 32)
    products = ((2, 12, 3), (2, 12, 4))
    assert node.work(x, BACKWARD) == (products, 16 * 8, 4 * (8 + 32 + 8 + weights), 4 * (32 + 14))
    assert node.gradient_work(2) == (((3, 2, 12), (4, 2, 12)), 32, 4 * (14 + 32), 4 * (weights + 16))


def test_work_of_a_readout() -> None:
    node, x = GatedReadout("r", 5, 2), Spec((3, 5), np.dtype(np.float32))
    assert node.work(x, FORWARD) == (((3, 5, 4),), 4 * 6, 4 * (15 + 20 + 4), 4 * (6 + 12))
    assert node.work(x, BACKWARD) == (((3, 4, 5),), 5 * 6, 4 * (6 + 12 + 20), 4 * (12 + 15))
    assert node.gradient_work(3) == (((5, 3, 4),), 12, 4 * (15 + 12), 4 * 24)


# -- beside PyTorch, where it is installed ----------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [5, 20])
def test_the_gru_is_that_of_pytorch(hidden: int) -> None:
    torch: Any = pytest.importorskip("torch")
    random, width = np.random.default_rng(0), 6
    node = Gru("g", width, hidden)
    values = {name: value.astype(np.float32) for name, value in drawn(node, random).items()}
    x = random.standard_normal((7, width + hidden), dtype=np.float32)
    w_n, w_r, w_z = np.split(values["W"], 3, axis=1)
    u_r, u_z, u_n = np.split(values["U"], 3, axis=1)
    b_n, b_r, b_z, c = np.split(values["b"], 4)
    cell = torch.nn.GRUCell(width, hidden)
    with torch.no_grad():
        cell.weight_ih[:] = torch.from_numpy(np.hstack([w_r, w_z, w_n]).T.copy())
        cell.weight_hh[:] = torch.from_numpy(np.hstack([u_r, u_z, u_n]).T.copy())
        cell.bias_ih[:] = torch.from_numpy(np.hstack([b_r, b_z, b_n]))
        cell.bias_hh[:] = torch.from_numpy(np.hstack([0 * b_r, 0 * b_z, c]))
    theirs = torch.from_numpy(x).requires_grad_()
    out = cell(theirs[:, :width], theirs[:, width:])
    y, saved = node.forward(x, values)
    np.testing.assert_allclose(y, out.detach().numpy(), rtol=1e-4, atol=1e-5)
    g = random.standard_normal(y.shape, dtype=np.float32)
    out.backward(torch.from_numpy(g))
    dx, deferred = node.backward(g, saved, values, True)
    assert dx is not None
    made = node.gradients(deferred)
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-4, atol=1e-5)
    n, r, z = np.split(made["W"], 3, axis=1)
    np.testing.assert_allclose(np.hstack([r, z, n]).T, cell.weight_ih.grad.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(made["U"].T, cell.weight_hh.grad.numpy(), rtol=1e-4, atol=1e-5)
    n, r, z, inner = np.split(made["b"], 4)
    np.testing.assert_allclose(np.hstack([r, z, inner]), cell.bias_hh.grad.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(n, cell.bias_ih.grad.numpy()[2 * hidden :], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hidden", [5, 20])
def test_the_tree_lstm_is_that_of_autograd(hidden: int) -> None:
    torch: Any = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    node = BranchLstm("b", hidden)
    values = drawn(node, random)
    x = random.standard_normal((4, 4 * hidden))
    theirs = {name: torch.from_numpy(value).requires_grad_() for name, value in values.items()}
    into = torch.from_numpy(x).requires_grad_()
    h_left, c_left, h_right, c_right = into.chunk(4, dim=1)
    i, f_left, f_right, o, u = (torch.cat([h_left, h_right], dim=1) @ theirs["W"] + theirs["b"]).chunk(5, dim=1)
    c = i.sigmoid() * u.tanh() + f_left.sigmoid() * c_left + f_right.sigmoid() * c_right
    out = torch.cat([o.sigmoid() * c.tanh(), c], dim=1)
    y, saved = node.forward(x, values)
    close(y, out.detach().numpy())
    g = random.standard_normal(y.shape)
    out.backward(torch.from_numpy(g))
    dx, deferred = node.backward(g, saved, values, True)
    close(dx, into.grad.numpy())
    for name, gradient in node.gradients(deferred).items():
        close(gradient, theirs[name].grad.numpy())
