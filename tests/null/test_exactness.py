"""With one instance at a time, asynchronous training is plain SGD: the same numbers as a loop in numpy.

The loops below know nothing of messages. They are written from the models' definitions, forward and backward by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.engine.schedule import Schedule
from ampsim.ir.message import Array
from ampsim.job import Job
from ampsim.result.run import Run
from ampsim.testing import mlp, rnn

RATE, EPOCHS = 0.2, 3
Weights = dict[str, Array]
Step = Callable[[Weights, dict[str, Array], int], tuple[float, Weights]]


def nll(z: Array, labels: Array) -> tuple[float, Array]:
    """Mean negative log likelihood of softmax(z), and its gradient by z."""
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    hit = np.eye(z.shape[1])[labels]
    return float(-np.log(p[hit > 0]).mean()), (p - hit) / len(labels)


def mlp_step(w: Weights, data: dict[str, Array], index: int) -> tuple[float, Weights]:
    x = data["x"][index].astype(np.float64)
    a1 = x @ w["L1/W"] + w["L1/b"]
    h1 = np.maximum(a1, 0)
    a2 = h1 @ w["L2/W"] + w["L2/b"]
    h2 = np.maximum(a2, 0)
    loss, d3 = nll(h2 @ w["L3/W"] + w["L3/b"], data["labels"][index])
    d2 = (d3 @ w["L3/W"].T) * (a2 > 0)
    d1 = (d2 @ w["L2/W"].T) * (a1 > 0)
    grads = {}
    for name, below, d in (("L1", x, d1), ("L2", h1, d2), ("L3", h2, d3)):
        grads[f"{name}/W"], grads[f"{name}/b"] = below.T @ d, d.sum(axis=0)
    return loss, grads


def rnn_step(w: Weights, data: dict[str, Array], index: int) -> tuple[float, Weights]:
    """Back-propagation through time: gradients of all rounds are added."""
    tokens = data["tokens"][index, : data["length"][index]]
    hidden = w["cell/b"].shape[0]
    h = np.zeros((tokens.shape[1], hidden))
    inputs, outputs = [], []
    for token in tokens:
        inputs.append(np.concatenate([h, w["embed/table"][token]], axis=1))
        h = np.tanh(inputs[-1] @ w["cell/W"] + w["cell/b"])
        outputs.append(h)
    loss, d = nll(h @ w["classify/W"] + w["classify/b"], data["labels"][index])
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    grads["classify/W"], grads["classify/b"] = h.T @ d, d.sum(axis=0)
    dh = d @ w["classify/W"].T
    for token, below, h in zip(tokens[::-1], inputs[::-1], outputs[::-1], strict=True):
        da = dh * (1 - h * h)
        grads["cell/W"] += below.T @ da
        grads["cell/b"] += da.sum(axis=0)
        dx = da @ w["cell/W"].T
        dh = dx[:, :hidden]
        np.add.at(grads["embed/table"], token, dx[:, hidden:])
    return loss, grads


def plain_sgd(job: Job, step: Step, initial: Weights) -> tuple[list[float], Weights]:
    """Losses in order and the weights at the end, in float64."""
    data = job.data.load()
    schedule = Schedule(*data, EPOCHS, seed=job.training.seed)
    weights = {name: value.astype(np.float64) for name, value in initial.items()}
    losses = []
    for segment in schedule.segments():
        for n in range(segment.start, segment.stop) if segment.training else ():
            loss, grads = step(weights, data.training.arrays, schedule.entry(n).index)
            losses.append(loss)
            for name, value in weights.items():
                value -= RATE * grads[name]
    return losses, weights


def assert_equal(run: Run, losses: list[float], weights: Weights) -> None:
    metrics = run.tables["metrics"]
    np.testing.assert_allclose(metrics["loss"][metrics["training"]], losses, rtol=1e-5)
    assert run.final.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_allclose(run.final[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def jobs() -> Iterator[tuple[str, Callable[..., Job], Step, dict[str, Any]]]:
    yield "mlp, muf 1", mlp, mlp_step, {"min_update_frequency": 1}
    yield "mlp, instance end", mlp, mlp_step, {"update": "instance"}
    yield "rnn, instance end", rnn, rnn_step, {"update": "instance", "gradient": "sum"}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("max_batch", [1, 8])
@pytest.mark.parametrize("make, step, how", [row[1:] for row in jobs()], ids=[row[0] for row in jobs()])
def test_one_at_a_time_is_plain_sgd(
    make: Callable[..., Job], step: Step, how: dict[str, Any], workers: int, max_batch: int
) -> None:
    job = make(epochs=EPOCHS, optimizer=SGD(RATE), max_batch=max_batch, **how)
    run = NullBackend().execute(Plan(job, workers))
    assert_equal(run, *plain_sgd(job, step, run.initial))


def test_the_loops_themselves_are_right() -> None:
    """By finite differences, so that no error is shared with the nodes."""
    for make, step in ((mlp, mlp_step), (rnn, rnn_step)):
        job = make()
        run = NullBackend().execute(Plan(job, 1))
        weights = {name: value.astype(np.float64) for name, value in run.initial.items()}
        data = job.data.load().training.arrays
        _, grads = step(weights, data, 0)
        random = np.random.default_rng(0)
        for name, value in weights.items():
            along = random.standard_normal(value.shape)
            value += 1e-6 * along
            high, _ = step(weights, data, 0)
            value -= 2e-6 * along
            low, _ = step(weights, data, 0)
            value += 1e-6 * along
            np.testing.assert_allclose((high - low) / 2e-6, (grads[name] * along).sum(), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("make", [mlp, rnn])
@pytest.mark.parametrize("how", [{"max_active_keys": 4, "max_batch": 4}, {"max_active_keys": 8, "max_batch": 16}])
def test_coalescing_changes_only_the_rounding(make: Callable[..., Job], how: dict[str, int]) -> None:
    """With one update an epoch no gradient is stale, so order and grouping leave the sum as it is."""
    settings: dict[str, Any] = {"epochs": EPOCHS, "optimizer": SGD(RATE), "min_update_frequency": 10**6}
    alone = NullBackend().execute(Plan(make(**settings), 2))
    together = NullBackend().execute(Plan(make(**settings, **how), 2))
    assert together.summary["updates"] == alone.summary["updates"]
    assert len(together.tables["tasks"]["kind"]) < len(alone.tables["tasks"]["kind"])
    for one, other in zip(alone.summary["epochs"], together.summary["epochs"], strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-5)
    for name, value in alone.final.items():
        np.testing.assert_allclose(together.final[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_where_workers_are_does_not_matter_with_one_instance_at_a_time() -> None:
    """Bit for bit, at any muf: the order of all that touches a weight is the same."""
    for make in (mlp, rnn):
        job = make(epochs=EPOCHS, min_update_frequency=3, optimizer=SGD(RATE))
        first, *others = (NullBackend().execute(Plan(job, workers)) for workers in (1, 2, 3))
        for run in others:
            np.testing.assert_array_equal(run.tables["metrics"]["loss"], first.tables["metrics"]["loss"])
            assert all((run.final[name] == value).all() for name, value in first.final.items())


def test_training_starts_from_given_values_and_leaves_them_alone() -> None:
    from ampsim.engine.values import nested

    job = mlp(epochs=1, optimizer=SGD(RATE))
    first = NullBackend().execute(Plan(job, 1))
    kept = {name: value.copy() for name, value in first.final.items()}
    second = NullBackend().execute(Plan(job, 2, values=nested(first.final)))
    for name, value in kept.items():
        np.testing.assert_array_equal(second.initial[name], value)
        np.testing.assert_array_equal(first.final[name], value)
        assert (second.final[name] != value).any()
