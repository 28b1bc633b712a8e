"""The optimizers against the textbook, in float64 and without cleverness, and against PyTorch where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.optimizer import OPTIMIZERS, SGD, Adam, Momentum, Optimizer
from ampsim.engine.rates import Cosine, RateSchedule, Step, Warmup
from ampsim.errors import ConfigError
from ampsim.ir.message import Array
from ampsim.ir.nodes import RowGradient

SHAPE = (7, 3)
SEEDS, STEPS, SCALES = st.integers(0, 1000), st.integers(1, 12), st.sampled_from([1.0, 0.5, 0.01])
SHARES = st.floats(0, 1)
SCHEDULES = st.one_of(
    st.none(),
    st.builds(Step, st.integers(1, 5), SHARES),
    st.builds(Cosine, st.integers(1, 15), SHARES),
    st.builds(Warmup, st.integers(1, 15)),
)


class Textbook:
    """Update rules word by word from their papers; ``state`` holds what they carry along, row by row."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer: Any = optimizer
        self.state = {name: np.zeros(SHAPE) for name in ("m", "v")}

    def step(self, weight: Array, gradient: Array, rows: Array, t: int) -> None:
        own = self.optimizer
        rate = own.rate if own.schedule is None else own.rate * own.schedule.share(t)
        weight[rows] -= rate * getattr(self, type(own).__name__.lower())(gradient[rows], rows, t)

    def sgd(self, g: Array, rows: Array, t: int) -> Array:
        return g

    def momentum(self, g: Array, rows: Array, t: int) -> Array:
        """As in the documentation of torch.optim.SGD, without dampening."""
        v, mu = self.state["v"], self.optimizer.momentum
        v[rows] = mu * v[rows] + g
        moved: Array = g + mu * v[rows] if self.optimizer.nesterov else v[rows]
        return moved

    def adam(self, g: Array, rows: Array, t: int) -> Array:
        """Kingma and Ba 2015, algorithm 1."""
        own, m, v = self.optimizer, self.state["m"], self.state["v"]
        m[rows] = own.beta1 * m[rows] + (1 - own.beta1) * g
        v[rows] = own.beta2 * v[rows] + (1 - own.beta2) * g * g
        moved: Array = m[rows] / (1 - own.beta1**t) / (np.sqrt(v[rows] / (1 - own.beta2**t)) + own.epsilon)
        return moved


def compare(optimizer: Optimizer, seed: int, steps: int, scale: float, sparse: bool) -> None:
    random = np.random.default_rng(seed)
    book = Textbook(optimizer)
    weight = random.standard_normal(SHAPE).astype(np.float32)
    wanted = weight.astype(np.float64)
    slots = {name: np.zeros_like(weight) for name in optimizer.slots}
    for t in range(1, steps + 1):
        rows = np.arange(SHAPE[0])
        if sparse:
            rows = np.sort(random.choice(SHAPE[0], random.integers(1, SHAPE[0]), replace=False))
        gradient = random.standard_normal(SHAPE).astype(np.float32)
        before = [array.copy() for array in (weight, *slots.values())]
        given = RowGradient(rows, gradient[rows]) if sparse else gradient.copy()
        optimizer.step(weight, given, scale, slots, t)
        book.step(wanted, gradient.astype(np.float64) * scale, rows, t)
        np.testing.assert_allclose(weight, wanted, rtol=2e-4, atol=2e-5)
        unused = np.setdiff1d(np.arange(SHAPE[0]), rows)
        for array, old in zip((weight, *slots.values()), before, strict=True):
            np.testing.assert_array_equal(array[unused], old[unused])  # neither moved nor decayed
    assert {array.dtype for array in (weight, *slots.values())} == {np.dtype(np.float32)}


@given(SEEDS, STEPS, SCALES, st.booleans(), st.floats(1e-3, 1.0), SCHEDULES)
def test_sgd(seed: int, steps: int, scale: float, sparse: bool, rate: float, schedule: RateSchedule | None) -> None:
    compare(SGD(rate, schedule=schedule), seed, steps, scale, sparse)


@given(SEEDS, STEPS, SCALES, st.booleans(), st.floats(1e-3, 0.5), st.floats(0, 0.95), st.booleans(), SCHEDULES)
def test_momentum(
    seed: int,
    steps: int,
    scale: float,
    sparse: bool,
    rate: float,
    momentum: float,
    nesterov: bool,
    schedule: RateSchedule | None,
) -> None:
    compare(Momentum(rate, momentum, nesterov, schedule=schedule), seed, steps, scale, sparse)


@given(SEEDS, STEPS, SCALES, st.booleans(), st.floats(1e-4, 0.1), st.floats(0, 0.99), st.floats(0.5, 0.999), SCHEDULES)
def test_adam(
    seed: int,
    steps: int,
    scale: float,
    sparse: bool,
    rate: float,
    beta1: float,
    beta2: float,
    schedule: RateSchedule | None,
) -> None:
    compare(Adam(rate, beta1, beta2, schedule=schedule), seed, steps, scale, sparse)


@given(SEEDS, STEPS, st.sampled_from([SGD(0.1), Momentum(0.1), Momentum(0.1, 0.5, True), Adam(0.01)]))
def test_a_gradient_of_all_rows_is_a_gradient_of_rows(seed: int, steps: int, optimizer: Optimizer) -> None:
    """To the bit: what is sparse is only where the numbers lie."""
    random = np.random.default_rng(seed)
    dense, sparse = (np.ones(SHAPE, np.float32) for _ in range(2))
    kept = [{name: np.zeros(SHAPE, np.float32) for name in optimizer.slots} for _ in range(2)]
    for t in range(1, steps + 1):
        gradient = random.standard_normal(SHAPE).astype(np.float32)
        optimizer.step(sparse, RowGradient(np.arange(SHAPE[0]), gradient.copy()), 0.5, kept[0], t)
        optimizer.step(dense, gradient, 0.5, kept[1], t)
    np.testing.assert_array_equal(dense, sparse)


def test_without_momentum_it_is_sgd() -> None:
    for nesterov in (False, True):
        weights = [np.ones(SHAPE, np.float32) for _ in range(2)]
        for weight, optimizer in zip(weights, (SGD(0.3), Momentum(0.3, 0.0, nesterov)), strict=True):
            slots = {name: np.zeros(SHAPE, np.float32) for name in optimizer.slots}
            for t in range(1, 5):
                optimizer.step(weight, np.full(SHAPE, t, np.float32), 1.0, slots, t)
        np.testing.assert_allclose(weights[0], weights[1], rtol=1e-6)


def test_the_first_step_of_adam_is_the_rate() -> None:
    """Bias correction: m_hat / sqrt(v_hat) is 1 in size whatever the gradient."""
    weight = np.zeros((1, 2), np.float32)
    slots = {name: np.zeros_like(weight) for name in Adam.slots}
    Adam(0.01).step(weight, np.asarray([[100.0, -1e-3]], np.float32), 1.0, slots, 1)
    np.testing.assert_allclose(weight, [[-0.01, 0.01]], rtol=1e-4)


def test_nothing_is_allocated_and_nothing_shared() -> None:
    """The change lies in the memory of the gradient, and two steps of equal settings do not meet."""
    for optimizer in (SGD(0.1), Momentum(0.1), Momentum(0.1, nesterov=True), Adam(0.1)):
        gradient = np.ones(SHAPE, np.float32)
        slots = {name: np.zeros(SHAPE, np.float32) for name in optimizer.slots}
        assert optimizer.change(gradient, 0.5, slots, 1) is gradient
        assert not any(np.shares_memory(slot, gradient) for slot in slots.values())


# -- PyTorch ----------------------------------------------------------------------------------------------------------

TORCH: list[tuple[Optimizer, Callable[[Any, Any], Any]]] = [
    (SGD(0.1), lambda torch, p: torch.optim.SGD(p, lr=0.1)),
    (Momentum(0.05), lambda torch, p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    (Momentum(0.05, 0.8, True), lambda torch, p: torch.optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True)),
    (Adam(0.01), lambda torch, p: torch.optim.Adam(p, lr=0.01)),
    (Adam(0.003, 0.8, 0.99, 1e-6), lambda torch, p: torch.optim.Adam(p, lr=0.003, betas=(0.8, 0.99), eps=1e-6)),
]
RATES: list[tuple[RateSchedule | None, Callable[[Any, Any], Any]]] = [
    (None, lambda torch, o: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
    (Step(4, 0.5), lambda torch, o: torch.optim.lr_scheduler.StepLR(o, 4, 0.5)),
    (Cosine(12), lambda torch, o: torch.optim.lr_scheduler.LambdaLR(o, lambda n: Cosine(12).share(n + 1))),
    (Warmup(6), lambda torch, o: torch.optim.lr_scheduler.LinearLR(o, 1 / 6, 1.0, 5)),
]


@pytest.mark.parametrize("schedule, scheduler", RATES, ids=["constant", "step", "cosine", "warmup"])
@pytest.mark.parametrize("optimizer, make", TORCH, ids=["sgd", "momentum", "nesterov", "adam", "adam with settings"])
def test_twenty_steps_are_those_of_pytorch(
    optimizer: Optimizer, make: Callable[[Any, Any], Any], schedule: Any, scheduler: Callable[[Any, Any], Any]
) -> None:
    torch = pytest.importorskip("torch")
    own = type(optimizer)(**{**vars(optimizer), "schedule": schedule})
    random = np.random.default_rng(0)
    weight = random.standard_normal(SHAPE).astype(np.float32)
    slots = {name: np.zeros_like(weight) for name in own.slots}
    theirs = torch.nn.Parameter(torch.tensor(weight))
    foreign = make(torch, [theirs])
    rates = scheduler(torch, foreign)
    for t in range(1, 21):
        gradient = random.standard_normal(SHAPE).astype(np.float32)
        theirs.grad = torch.tensor(gradient)
        assert own.rate_at(t) == pytest.approx(foreign.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        own.step(weight, gradient, 1.0, slots, t)
        foreign.step()
        rates.step()
        np.testing.assert_allclose(weight, theirs.detach().numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("over", [1, 7, 12])
def test_a_cosine_is_that_of_pytorch(over: int) -> None:
    """Until it is down: there theirs turns back."""
    torch = pytest.importorskip("torch")
    foreign = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(foreign, over, eta_min=0.1)
    for t in range(1, over + 2):
        assert Cosine(over, 0.1).share(t) == pytest.approx(foreign.param_groups[0]["lr"], abs=1e-9)
        foreign.step()
        rates.step()


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, where",
    [
        (lambda: SGD(-1), "rate"),
        (lambda: SGD(float("nan")), "rate"),
        (lambda: Momentum(momentum=1), "momentum"),
        (lambda: Momentum(momentum=-0.1), "momentum"),
        (lambda: Momentum(nesterov=1), "nesterov"),  # type: ignore[arg-type]
        (lambda: Adam(beta1=1.0), "beta1"),
        (lambda: Adam(epsilon=True), "epsilon"),
        (lambda: SGD(schedule="step"), "schedule"),  # type: ignore[arg-type]
        (lambda: Adam(schedule=SGD()), "schedule"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_setting_is_named(make: Callable[[], Optimizer], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.where == f"training.optimizer.{where}"


def test_every_optimizer_has_a_name_and_counts_its_work() -> None:
    for kind in OPTIMIZERS.values():
        optimizer: Any = kind
        assert optimizer() == optimizer()
        assert kind.flops > 0
    assert SGD(1) == SGD(1.0) != SGD(1.0, schedule=Warmup(3))
