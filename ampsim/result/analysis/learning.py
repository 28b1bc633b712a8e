"""Loss and accuracy against time and instances, and how long a target took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ampsim.result.schema import Array, Table


@dataclass(frozen=True)
class Curve:
    """Loss and accuracy, means over rows, at ``time`` (s), when so many ``instances`` had reported."""

    time: Array
    loss: Array
    accuracy: Array
    instances: Array


@dataclass(frozen=True)
class Validations:
    """One entry a pass over the validation set: its ``epoch``, when it ended, and means over its rows.

    ``training_time`` (s) is the time spent training until then, without the passes themselves; ``instances`` counts
    the training instances let in before.
    """

    epoch: Array
    time: Array
    training_time: Array
    loss: Array
    accuracy: Array
    instances: Array


def training_curve(tables: Mapping[str, Table], window: int | None = None) -> Curve:
    """Training loss and accuracy in order of time, each the mean over the ``window`` records around it.

    The window (left out: a fiftieth of the records) is cut at both ends; records weigh as many rows as they have.
    """
    metrics = tables["metrics"]
    chosen = np.flatnonzero(metrics["training"])
    chosen = chosen[np.argsort(metrics["time"][chosen], kind="stable")]
    count = len(chosen)
    half = (window if window is not None else max(1, count // 50)) // 2
    low = np.maximum(np.arange(count) - half, 0)
    high = np.minimum(np.arange(count) + half + 1, count)

    def smooth(values: Array) -> Array:
        sums = np.concatenate(([0.0], np.cumsum(values[chosen], dtype=np.float64)))
        return sums[high] - sums[low]

    rows = smooth(metrics["rows"])
    rows = np.where(rows > 0, rows, np.nan)
    # A loss that is no number leaves a gap of the window's width, not one up to the end.
    known = np.isfinite(metrics["loss"])
    loss = smooth(np.where(known, metrics["loss"], 0.0) * metrics["rows"]) / rows
    loss = np.where(smooth(~known) > 0, np.nan, loss)
    first = np.zeros(count, np.bool_)
    first[np.unique(metrics["instance"][chosen], return_index=True)[1]] = True
    return Curve(metrics["time"][chosen], loss, smooth(metrics["correct"]) / rows, np.cumsum(first))


def epochs_of(tables: Mapping[str, Table], instances: Array) -> Array:
    """So many training instances in epochs: 1.5 is half of the second one."""
    table = tables["instances"]
    epoch = table["epoch"][table["training"]]
    sizes = np.bincount(epoch) if len(epoch) else np.zeros(1, np.int64)
    found: Array = np.interp(instances, np.concatenate(([0], np.cumsum(sizes))), np.arange(len(sizes) + 1.0))
    return found


def segments(tables: Mapping[str, Table]) -> list[Array]:
    """Rows of ``instances`` in order of admission, cut at every turn between training and validation.

    They are also cut where an epoch begins.
    """
    instances = tables["instances"]
    order = np.argsort(instances["instance"], kind="stable")
    if not len(order):
        return []
    training, epoch = instances["training"][order], instances["epoch"][order]
    cuts = np.flatnonzero((training[1:] != training[:-1]) | (epoch[1:] != epoch[:-1])) + 1
    return np.split(order, cuts)


def validations(tables: Mapping[str, Table]) -> Validations:
    """The validation passes that left metrics, in order."""
    instances, metrics = tables["instances"], tables["metrics"]
    parts = segments(tables)
    begins = [float(instances["admitted"][part].min()) for part in parts]
    order = np.argsort(metrics["instance"], kind="stable")
    numbers = metrics["instance"][order]
    trained, admitted, rows_found = 0.0, 0, []
    for place, part in enumerate(parts):
        if instances["training"][part[0]]:
            ended = begins[place + 1] if place + 1 < len(parts) else float(instances["completed"][part].max())
            trained += ended - begins[place]
            admitted += len(part)
            continue
        span = instances["instance"][part]
        found = order[np.searchsorted(numbers, span[0]) : np.searchsorted(numbers, span[-1], "right")]
        rows = metrics["rows"][found]
        if not rows.sum():
            continue
        loss = float(metrics["loss"][found] @ rows) / float(rows.sum())
        accuracy = float(metrics["correct"][found].sum()) / float(rows.sum())
        epoch, ended = int(instances["epoch"][part[0]]), float(instances["completed"][part].max())
        rows_found.append((epoch, ended, trained, loss, accuracy, admitted))
    table = np.asarray(rows_found, np.float64).reshape(-1, 6)
    return Validations(table[:, 0].astype(np.int64), *table[:, 1:].T)


def time_to_target(tables: Mapping[str, Table], target: float | None, loss: float | None = None) -> float | None:
    """Seconds of training until a validation pass first reached an accuracy of ``target``, or came down to ``loss``.

    None where none did; a goal that is None is never reached.
    """
    found = validations(tables)
    high, low = np.inf if target is None else target, -np.inf if loss is None else loss
    reached = np.flatnonzero((found.accuracy >= high) | (found.loss <= low))
    return float(found.training_time[reached[0]]) if len(reached) else None
