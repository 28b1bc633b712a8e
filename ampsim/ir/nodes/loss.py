"""Where forward ends and backward begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from ampsim.ir.kernels import offsets
from ampsim.ir.message import Array, Spec
from ampsim.ir.nodes.base import FLOAT, Node, ShapeError, need_range
from ampsim.ir.work import Work


class Score(NamedTuple):
    """What a loss says of a group of n messages, and the gradient it starts."""

    losses: Array  # (n,) mean loss over the rows of each message
    correct: Array  # (n,) rows predicted right
    gradient: Array  # like the prediction


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

    The loss of a message is the mean over its rows, so its gradient is -1 / rows at each row's label.
    """

    def check(self, prediction: Spec, label: Spec) -> None:
        if prediction.dtype != FLOAT or len(prediction.shape) != 2:
            raise ShapeError(f"NllLoss.prediction needs float32 (rows, classes), gets {prediction}")
        if label.dtype != np.int64 or label.shape != prediction.shape[:1]:
            raise ShapeError(f"NllLoss.label needs int64 of shape {prediction.shape[:1]}, gets {label}")

    def score(self, prediction: Array, label: Array, rows: Sequence[int]) -> Score:
        need_range(label, prediction.shape[1], "NllLoss.label")
        every = np.arange(len(label))
        starts = offsets(rows)[:-1]
        count = np.asarray(rows)
        losses = np.add.reduceat(-prediction[every, label], starts) / count
        correct = np.add.reduceat(prediction.argmax(axis=1) == label, starts, dtype=np.int64)
        gradient = np.zeros_like(prediction)
        gradient[every, label] = np.repeat(np.float32(-1) / count.astype(prediction.dtype), rows)
        return Score(losses, correct, gradient)
