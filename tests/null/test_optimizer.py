"""The optimizers against the textbook, in float64 and without cleverness."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.optimizer import SGD, Adam, Optimizer
from ampsim.ir.message import Array
from ampsim.ir.nodes import RowGradient

SHAPE = (7, 3)
SEEDS, STEPS, SCALES = st.integers(0, 1000), st.integers(1, 12), st.sampled_from([1.0, 0.5, 0.01])


class Textbook:
    """Kingma and Ba 2015, algorithm 1, word by word; with ``beta1 = None`` plain SGD."""

    def __init__(self, rate: float, beta1: float | None, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon
        self.m, self.v = np.zeros(SHAPE), np.zeros(SHAPE)

    def step(self, weight: Array, gradient: Array, rows: Array, t: int) -> None:
        g = gradient[rows]
        if self.beta1 is None:
            weight[rows] -= self.rate * g
            return
        self.m[rows] = self.beta1 * self.m[rows] + (1 - self.beta1) * g
        self.v[rows] = self.beta2 * self.v[rows] + (1 - self.beta2) * g * g
        m_hat = self.m[rows] / (1 - self.beta1**t)
        v_hat = self.v[rows] / (1 - self.beta2**t)
        weight[rows] -= self.rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


def compare(optimizer: Optimizer, book: Textbook, seed: int, steps: int, scale: float, sparse: bool) -> None:
    random = np.random.default_rng(seed)
    weight = random.standard_normal(SHAPE).astype(np.float32)
    wanted = weight.astype(np.float64)
    slots = {name: np.zeros_like(weight) for name in optimizer.slots}
    for t in range(1, steps + 1):
        rows = np.arange(SHAPE[0])
        if sparse:
            rows = np.sort(random.choice(SHAPE[0], random.integers(1, SHAPE[0]), replace=False))
        gradient = random.standard_normal(SHAPE).astype(np.float32)
        before = weight.copy()
        given = RowGradient(rows, gradient[rows]) if sparse else gradient.copy()
        optimizer.step(weight, given, scale, slots, t)
        book.step(wanted, gradient.astype(np.float64) * scale, rows, t)
        np.testing.assert_allclose(weight, wanted, rtol=2e-4, atol=2e-5)
        unused = np.setdiff1d(np.arange(SHAPE[0]), rows)
        np.testing.assert_array_equal(weight[unused], before[unused])
    if slots:
        np.testing.assert_allclose(slots["m"], book.m, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(slots["v"], book.v, rtol=1e-4, atol=1e-6)
    assert weight.dtype == np.float32


@given(SEEDS, STEPS, SCALES, st.booleans(), st.floats(1e-3, 1.0))
def test_sgd(seed: int, steps: int, scale: float, sparse: bool, rate: float) -> None:
    compare(SGD(rate), Textbook(rate, None), seed, steps, scale, sparse)


@given(SEEDS, STEPS, SCALES, st.booleans(), st.floats(1e-4, 0.1), st.floats(0, 0.99), st.floats(0.5, 0.999))
def test_adam(seed: int, steps: int, scale: float, sparse: bool, rate: float, beta1: float, beta2: float) -> None:
    compare(Adam(rate, beta1, beta2), Textbook(rate, beta1, beta2), seed, steps, scale, sparse)


def test_the_first_step_of_adam_is_the_rate() -> None:
    """Bias correction: m_hat / sqrt(v_hat) is 1 in size whatever the gradient."""
    weight = np.zeros((1, 2), np.float32)
    slots = {name: np.zeros_like(weight) for name in Adam.slots}
    Adam(0.01).step(weight, np.asarray([[100.0, -1e-3]], np.float32), 1.0, slots, 1)
    np.testing.assert_allclose(weight, [[-0.01, 0.01]], rtol=1e-4)
