"""Losses: the gradient is the slope of what the page says, rows without a label do not count, messages may be empty."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.engine.controller import summary
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import SGD
from ampsim.engine.plan import Plan
from ampsim.errors import RunError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.kernels import offsets
from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes import AbsoluteLoss, Linear, LogSoftmax, Loss, NllLoss, Node, Score, ShapeError, Source, SquareLoss
from ampsim.job import Data, Job, Recipe, Training
from tests.null.proofs import close, slopes

COUNTS = st.lists(st.integers(0, 4), min_size=1, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)
WEIGHTS = st.sampled_from([None, 1.0, 0.125])
FLOATS = np.dtype(np.float32)


def target(score: Score, weight: float | None) -> float:
    """What the gradient is that of: the sum of the means, or with a weight that of the weighted rows."""
    assert score.rows is not None
    return float((score.losses * (1 if weight is None else weight * score.rows)).sum())


@given(COUNTS, st.integers(2, 5), WEIGHTS, SEEDS)
def test_nll(rows: list[int], classes: int, weight: float | None, seed: int) -> None:
    random, total = np.random.default_rng(seed), sum(rows)
    x, labels = random.standard_normal((total, classes)), random.integers(-1, classes, total)
    node = NllLoss("N", weight)
    score = node.score(x, labels, rows)
    assert score.rows is not None
    close(score.gradient, slopes(lambda: target(node.score(x, labels, rows), weight), x))
    for i, (start, stop) in enumerate(pairwise(offsets(rows))):
        own = [r for r in range(start, stop) if labels[r] >= 0]
        assert score.rows[i] == len(own)
        assert score.correct[i] == sum(int(x[r].argmax() == labels[r]) for r in own)
        close(score.losses[i], -np.mean([x[r, labels[r]] for r in own]) if own else 0)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(2, 5), SEEDS)
def test_nll_with_all_labels_is_the_mean_of_each_message(rows: list[int], classes: int, seed: int) -> None:
    random, total = np.random.default_rng(seed), sum(rows)
    x = random.standard_normal((total, classes), dtype=np.float32)
    labels = random.integers(0, classes, total)
    score = NllLoss("N").score(x, labels, rows)
    assert score.rows is not None
    assert score.rows.tolist() == rows
    at = offsets(rows)[:-1]
    wanted = np.add.reduceat(-x[np.arange(total), labels], at) / np.asarray(rows)
    assert score.losses.tolist() == wanted.tolist()
    gradient = np.zeros_like(x)
    gradient[np.arange(total), labels] = np.repeat(np.float32(-1) / np.asarray(rows, np.float32), rows)
    assert score.gradient.tolist() == gradient.tolist()


REGRESSIONS: list[tuple[type[Any], Callable[[Array], Array]]] = [(AbsoluteLoss, np.abs), (SquareLoss, np.square)]


@pytest.mark.parametrize("kind, function", REGRESSIONS)
@given(COUNTS, WEIGHTS, SEEDS)
def test_losses_of_a_number(
    kind: type[Any], function: Callable[[Array], Array], rows: list[int], weight: float | None, seed: int
) -> None:
    random, total = np.random.default_rng(seed), sum(rows)
    x, labels = random.standard_normal((total, 1)), random.standard_normal(total)
    node = kind("R", 0.5, weight)
    score = node.score(x, labels, rows)
    assert score.gradient.shape == x.shape
    close(score.gradient, slopes(lambda: target(node.score(x, labels, rows), weight), x))
    assert score.rows.tolist() == rows
    for i, (start, stop) in enumerate(pairwise(offsets(rows))):
        error = x[start:stop, 0] - labels[start:stop]
        close(score.losses[i], function(error).mean() if rows[i] else 0)
        assert score.correct[i] == (np.abs(error) <= 0.5).sum()


def test_an_absolute_loss_at_its_corner() -> None:
    score = AbsoluteLoss("A", 0.0).score(np.ones((1, 1), np.float32), np.ones(1, np.float32), [1])
    assert (score.losses.tolist(), score.correct.tolist(), score.gradient.tolist()) == ([0.0], [1], [[0.0]])


def test_what_is_off_by_the_tolerance_is_right() -> None:
    x, label = np.array([[0.5], [0.75], [-0.5]], np.float32), np.zeros(3, np.float32)
    for kind in (AbsoluteLoss, SquareLoss):
        assert kind("A", 0.5).score(x, label, [2, 1]).correct.tolist() == [1, 1]


@pytest.mark.parametrize("node", [NllLoss("N"), AbsoluteLoss("A", 0.1), SquareLoss("S", 0.1, 0.5)])
def test_dtypes(node: Loss) -> None:
    nll = isinstance(node, NllLoss)
    x = np.zeros((3, 2 if nll else 1), np.float32)
    labels = np.array([0, -1, 1]) if nll else np.zeros(3, np.float32)
    score = node.score(x, labels, [2, 1])
    assert score.gradient.dtype == np.float32
    assert score.correct.dtype == np.int64


@pytest.mark.parametrize("weight", [0, -1.0, math.inf, math.nan, "1", True])
def test_settings_are_looked_at(weight: Any) -> None:
    for node in (NllLoss("N", weight), AbsoluteLoss("A", 0.1, weight), SquareLoss("S", 0.1, weight)):
        (fault,) = node.faults()
        assert f"{type(node).__name__}.weight is {weight!r}" in fault


def test_tolerances_and_shapes_are_looked_at() -> None:
    assert list(AbsoluteLoss("A", 0.1, 0.01).faults()) == list(NllLoss("N").faults()) == []
    for tolerance in (-0.1, math.nan, "0.1"):
        (fault,) = SquareLoss("S", tolerance).faults()  # type: ignore[arg-type]
        assert "SquareLoss.tolerance" in fault
    node, label = SquareLoss("S", 0.1), Spec((3,), FLOATS)
    node.check(Spec((3, 1), FLOATS), label)
    with pytest.raises(ShapeError, match=r"SquareLoss.prediction needs float32 \(rows, 1\)"):
        node.check(Spec((3, 2), FLOATS), label)
    with pytest.raises(ShapeError, match=r"SquareLoss.label needs float32 of shape \(3,\)"):
        node.check(Spec((3, 1), FLOATS), Spec((2,), FLOATS))


def test_work() -> None:
    """An error, its size, its slope and the weight for each prediction; for log-probabilities one pass."""
    assert AbsoluteLoss("A", 0.1).work(Spec((5, 1), FLOATS)) == ((), 20, 20, 20)
    assert NllLoss("N").work(Spec((5, 3), FLOATS)) == ((), 15, 60, 60)


@pytest.mark.parametrize("classes", [2, 40])
def test_unlabelled_rows_are_those_pytorch_ignores(classes: int) -> None:
    torch: Any = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x = random.standard_normal((50, classes), dtype=np.float32)
    labels = random.integers(-1, classes, 50)
    theirs = torch.from_numpy(x).requires_grad_()
    loss = torch.nn.functional.nll_loss(theirs.log_softmax(dim=1), torch.from_numpy(labels), ignore_index=-1)
    loss.backward()
    y, (saved,) = LogSoftmax().forward(x, {})
    score = NllLoss("N").score(y, labels, [50])
    np.testing.assert_allclose(score.losses[0], loss.item(), rtol=1e-5)
    dx, _ = LogSoftmax().backward(score.gradient, (saved,), {}, True)
    assert dx is not None
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-4, atol=1e-7)


# -- in a run ---------------------------------------------------------------------------------------------------------


class Ragged(Dataset):
    """Instances of 0 to 3 rows, some of them with no label at all."""

    COUNTS = (2, 0, 3, 1, 0, 2)
    LABELS = ((0, -1), (), (1, 1, 0), (-1,), (), (1, -1))

    def __len__(self) -> int:
        return len(self.COUNTS)

    def rows(self, index: int) -> int:
        return self.COUNTS[index]

    def spec(self, field: str, index: int) -> Spec:
        count = self.COUNTS[index]
        return Spec((count, 3), FLOATS) if field == "x" else Spec((count,), np.dtype(np.int64))

    def payload(self, field: str, index: int) -> Array:
        if field != "x":
            return np.array(self.LABELS[index], np.int64)
        return np.random.default_rng(index).standard_normal((self.COUNTS[index], 3), dtype=np.float32)


def ragged() -> Data:
    return Data(Ragged({}), Ragged({}))


class Own(NllLoss):
    """A Score of three: every row counts."""

    def score(self, prediction: Array, label: Array, rows: Any) -> Score:
        return Score(*super().score(prediction, label, rows)[:3])


def job(loss: Node, **training: Any) -> Job:
    x, labels = Source("x"), Source("labels")
    x >> Linear("L", 3, 2) >> LogSoftmax("y") >> loss["prediction"]
    labels >> loss["label"]
    settings: dict[str, Any] = {"optimizer": SGD(0.1), "max_active_keys": 3, "max_batch": 4, **training}
    return Job(Graph.of("ragged", x, labels), Recipe(ragged), Training(**settings))


@pytest.mark.parametrize("update", [{"min_update_frequency": 4}, {"update": "instance"}])
@pytest.mark.parametrize("mode", ["numeric", "shapes"])
def test_rows_without_a_label_and_messages_without_a_row(update: dict[str, Any], mode: str) -> None:
    run = NullBackend().execute(Plan(job(NllLoss("loss"), **update), mode=mode, workers=2))
    instances = run.tables["instances"]
    index = dict(zip(instances["instance"].tolist(), instances["index"].tolist(), strict=True))
    assert sorted(index) == list(range(12))
    assert not run.tables["memory"]["caches"][-1:].any()
    metrics = run.tables["metrics"]
    if mode == "shapes":
        assert len(metrics["rows"]) == 0
        return
    counted = [sum(label >= 0 for label in labels) for labels in Ragged.LABELS]
    for instance, rows, loss in zip(metrics["instance"], metrics["rows"], metrics["loss"], strict=True):
        assert rows == counted[index[instance]]
        assert (loss == 0) == (rows == 0)
    assert all(np.isfinite(value).all() for value in run.final.values())


def test_the_mean_over_an_epoch_is_over_labelled_rows() -> None:
    run = NullBackend().execute(Plan(job(NllLoss("loss"), min_update_frequency=100)))
    metrics = {name: values[~run.tables["metrics"]["training"]] for name, values in run.tables["metrics"].items()}
    (epoch,) = run.summary["epochs"]
    rows = metrics["rows"].sum()
    assert rows == 5
    np.testing.assert_allclose(epoch["validation_loss"], (metrics["loss"] * metrics["rows"]).sum() / rows)
    np.testing.assert_allclose(epoch["validation_accuracy"], metrics["correct"].sum() / rows)
    assert summary([]) == (None, None)


def test_a_loss_of_ones_own_need_not_count_rows() -> None:
    run = NullBackend().execute(Plan(job(Own("loss"))))
    assert set(run.tables["metrics"]["rows"].tolist()) == {0, 1, 2, 3}


def test_a_label_too_large_is_told_among_unlabelled_rows() -> None:
    with pytest.raises(RunError, match="0 to 1 are known"):
        NllLoss("N").score(np.zeros((3, 2), np.float32), np.array([-1, 2, 0]), [3])
