"""Where forward ends and backward begins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ampsim.ir.kernels import offsets
from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes.base import FLOAT, Node, ShapeError, need_range
from ampsim.ir.work import Work


class Score(NamedTuple):
    """What a loss says of a group of n messages, and the gradient it starts."""

    losses: Array  # (n,) mean loss over the rows of each message that count, 0 where none does
    correct: Array  # (n,) rows predicted right
    gradient: Array  # like the prediction
    rows: Array | None = None  # (n,) rows that count: those that have a label; None: all


class Loss(Node):
    """Joins a prediction with a label by key; the prediction's state goes back with the gradient."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("prediction", "label")

    @property
    def outputs(self) -> tuple[str, ...]:
        return ()

    def check(self, prediction: Spec, label: Spec) -> None:
        """Raise ShapeError unless the two can be compared."""
        raise TypeError(f"{type(self).__name__} has no check")

    def score(self, prediction: Array, label: Array, rows: Sequence[int]) -> Score:
        """Losses, correct rows and gradient of messages stacked in ``rows``."""
        raise TypeError(f"{type(self).__name__} has no score")

    def work(self, prediction: Spec) -> Work:
        """Cost of :meth:`score`."""
        return Work(vector=prod(prediction.shape), read=prediction.nbytes, written=prediction.nbytes)


@dataclass(eq=False)
class NllLoss(Loss):
    """Negative log likelihood of int64 labels (rows,) under float32 log-probabilities (rows, classes).

    Rows whose label is negative do not count. The loss of a message is the mean over the rows that do, so its gradient
    is -1 / rows at each row's label. With ``weight`` the gradient is -weight there, whatever the number of rows; the
    loss that is reported stays the mean.
    """

    weight: float | None = None

    def faults(self) -> Iterator[str]:
        yield from weight_faults(self, self.weight)

    def check(self, prediction: Spec, label: Spec) -> None:
        if prediction.dtype != FLOAT or len(prediction.shape) != 2:
            raise ShapeError(f"NllLoss.prediction needs float32 (rows, classes), gets {prediction}")
        if label.dtype != np.int64 or label.shape != prediction.shape[:1]:
            raise ShapeError(f"NllLoss.label needs int64 of shape {prediction.shape[:1]}, gets {label}")

    def score(self, prediction: Array, label: Array, rows: Sequence[int]) -> Score:
        height, classes = prediction.shape
        if height == 0 or label.min() >= 0:
            own, count = label, np.asarray(rows)
            at = np.arange(0, height * classes, classes)  # of the label in the flattened prediction
            chosen = None
        else:
            labelled = label >= 0
            chosen, count = np.flatnonzero(labelled), sums(labelled, rows, np.int64)
            own = label[chosen]
            at = chosen * classes
        need_range(own, classes, "NllLoss.label")
        at += own
        each = -prediction.take(at)
        share = -shares(count, rows, self.weight, prediction.dtype)
        if chosen is not None:
            share = share[chosen]
            found, each = each, np.zeros(height, prediction.dtype)
            each[chosen] = found
        correct = sums(prediction.argmax(axis=1) == label, rows, np.int64)
        gradient = np.zeros(prediction.size, prediction.dtype)
        gradient[at] = share
        return Score(mean(each, count, rows), correct, gradient.reshape(prediction.shape), count)


def sums(values: Array, rows: Sequence[int], dtype: Any = None) -> Array:
    """The sum over the rows of each message, (n,); messages may have no rows."""
    starts = np.asarray(offsets(rows)[:-1], np.int64)
    if min(rows):
        return np.add.reduceat(values, starts, dtype=dtype)
    filled = np.flatnonzero(rows)  # reduceat takes an empty stretch for one of one element
    found = np.zeros(len(rows), dtype or values.dtype)
    if len(filled):
        found[filled] = np.add.reduceat(values, starts[filled], dtype=dtype)
    return found


def mean(values: Array, count: Array, rows: Sequence[int]) -> Array:
    """The sum over the rows of each message by ``count``, the rows that count; 0 where none does."""
    return sums(values, rows) / np.maximum(count, 1)


def shares(count: Array, rows: Sequence[int], weight: float | None, dtype: np.dtype[np.generic]) -> Array:
    """What each row weighs, (rows,): ``weight``, or left out 1 / the number of rows that count in its message."""
    if weight is not None:
        return np.full(sum(rows), weight, dtype)
    each = np.float32(1) / np.maximum(count, 1).astype(dtype)
    return np.repeat(each, rows) if len(each) > 1 else np.full(rows[0], each[0])


def weight_faults(loss: Loss, weight: float | None) -> Iterator[str]:
    """What is wrong with a loss's weight."""
    if weight is not None and (type(weight) not in (int, float) or not 0 < weight < math.inf):
        yield f"{type(loss).__name__}.weight is {weight!r}; it is a number above 0, or None for the mean over the rows"
