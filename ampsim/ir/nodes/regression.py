"""Losses of a number against the number it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes.base import FLOAT, ShapeError
from ampsim.ir.nodes.loss import Loss, Score, mean, shares, sums, weight_faults
from ampsim.ir.work import Work


@dataclass(eq=False)
class Regression(Loss):
    """float32 predictions (rows, 1) against float32 labels (rows,); right is what is off by ``tolerance`` at most.

    The loss of a message is the mean over its rows. With ``weight`` the gradient is that of weight times the sum over
    the rows instead; the loss that is reported stays the mean.
    """

    tolerance: float = 0.0
    weight: float | None = None

    def faults(self) -> Iterator[str]:
        if type(self.tolerance) not in (int, float) or not self.tolerance >= 0:
            yield f"{type(self).__name__}.tolerance is {self.tolerance!r}; it is a number from 0"
        yield from weight_faults(self, self.weight)

    def check(self, prediction: Spec, label: Spec) -> None:
        name = type(self).__name__
        if prediction.dtype != FLOAT or len(prediction.shape) != 2 or prediction.shape[1] != 1:
            raise ShapeError(f"{name}.prediction needs float32 (rows, 1), gets {prediction}")
        if label.dtype != FLOAT or label.shape != prediction.shape[:1]:
            raise ShapeError(f"{name}.label needs float32 of shape {prediction.shape[:1]}, gets {label}")

    def judge(self, error: Array) -> tuple[Array, Array]:
        """Loss and its slope for each error (rows,), which is prediction - label."""
        raise TypeError(f"{type(self).__name__} has no judge")

    def score(self, prediction: Array, label: Array, rows: Sequence[int]) -> Score:
        error = prediction[:, 0] - label
        losses, slopes = self.judge(error)
        count = np.asarray(rows)
        correct = sums(np.abs(error) <= self.tolerance, rows, np.int64)
        gradient = slopes * shares(count, rows, self.weight, prediction.dtype)
        return Score(mean(losses, count, rows), correct, gradient[:, None], count)

    def work(self, prediction: Spec) -> Work:
        return Work(vector=4 * prod(prediction.shape), read=prediction.nbytes, written=prediction.nbytes)


class AbsoluteLoss(Regression):
    """|prediction - label|; the gradient where they are equal is 0."""

    def judge(self, error: Array) -> tuple[Array, Array]:
        return np.abs(error), np.sign(error)


class SquareLoss(Regression):
    """(prediction - label)²."""

    def judge(self, error: Array) -> tuple[Array, Array]:
        return error * error, error + error
