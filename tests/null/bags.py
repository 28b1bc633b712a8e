"""Bags: instances of 1 to 5 rows, labelled as a whole; the smallest data on which rows of messages are regrouped."""

from __future__ import annotations

from typing import Any

import numpy as np

from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Array, Spec, State
from ampsim.ir.nodes import Bcast, Flatmap, Group, Linear, LogSoftmax, NllLoss, Phi, Relu, Source, Tanh, Ungroup
from ampsim.ir.rows import Rows
from ampsim.job import Job, Recipe, Training


class Bags(Dataset):
    """``x`` float32 (all rows, width) with ``offsets``, ``labels`` int64 (bags,). The structure is the size.

    The field ``steps`` is the label once for every row, as messages of their own.
    """

    def __len__(self) -> int:
        return len(self.arrays["labels"])

    def rows(self, index: int) -> int:
        return 1

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return [(t,) for t in range(self.structure(index))] if field == "steps" else [()]

    def structure(self, index: int) -> int:
        return int(self.arrays["offsets"][index + 1] - self.arrays["offsets"][index])

    def spec(self, field: str, index: int) -> Spec:
        if field == "x":
            return Spec((self.structure(index), self.arrays["x"].shape[1]), np.dtype(np.float32))
        return Spec((self.structure(index) if field == "steps" else 1,), np.dtype(np.int64))

    def payload(self, field: str, index: int) -> Array:
        if field == "x":
            found: Array = self.arrays["x"][self.arrays["offsets"][index] : self.arrays["offsets"][index + 1]]
            return found
        if field == "steps":
            return np.repeat(self.arrays["labels"][index], self.structure(index))
        return self.arrays[field][index : index + 1]


def bags(count: int = 12, width: int = 3, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Labelled by the sign of the first coordinate's sum."""

    def draw(count: int) -> Dataset:
        sizes = random.integers(1, 6, count)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        x = random.standard_normal((int(offsets[-1]), width), dtype=np.float32)
        labels = (np.add.reduceat(x[:, 0], offsets[:-1]) > 0).astype(np.int64)
        return Bags({"x": x, "offsets": offsets, "labels": labels})

    random = np.random.default_rng(seed)
    return draw(count), draw(3)


def items(state: State, size: int) -> list[State]:
    """One state for each row."""
    return [(state[0], i) for i in range(size)]


def bag(state: State, size: int) -> State:
    """The bag a row belongs to."""
    return (state[0],)


def itself(state: State, size: int) -> list[State]:
    """A group of one."""
    return [state]


def stay(state: State, size: int) -> State:
    """The group of a message alone."""
    return state


def halves(state: State, size: int) -> list[State]:
    """Two messages; the first holds the rows at even places, the second those at odd ones, perhaps none."""
    return [(state[0], 0), (state[0], 1)]


def alternate(state: State, size: int) -> Rows:
    """Rows at even places, then those at odd ones."""
    even, odd = np.arange(0, size, 2), np.arange(1, size, 2)
    return Rows((len(even), len(odd)), np.concatenate([even, odd]), size)


def all_into_one(state: State, size: int) -> Rows:
    """One message whose rows are added up."""
    return Rows((size,), np.zeros(size, np.int64), 1)


def each_into_one(state: State, size: int) -> Rows:
    """Messages of one row each that are added up."""
    return Rows((1,) * size, np.zeros(size, np.int64), 1)


def halves_into_one(state: State, size: int) -> Rows:
    """Both halves added up to one row."""
    return Rows(((size + 1) // 2, size // 2), np.zeros(size, np.int64), 1)


def thrice(state: State, size: int) -> list[State]:
    """Three copies of a message."""
    return [(state[0], k) for k in range(3)]


def three_into_one(state: State, size: int) -> Rows:
    """Three messages of one row, added."""
    return Rows((1, 1, 1), np.zeros(3, np.int64), 1)


def first_step(state: State, size: int) -> State:
    """(instance,) becomes (instance, 0)."""
    return (state[0], 0)


def only_bag(state: State, size: int) -> list[State]:
    """The one message that (instance, 0) is made of."""
    return [(state[0],)]


def step_on(state: State, size: int) -> list[State]:
    """As many steps as there are rows; none from the last."""
    return [(state[0], state[1] + 1)] if state[1] + 1 < size else []


def job(form: str, options: dict[str, Any] | None = None, **training: Any) -> Job:
    """A sum over transformed rows, then a classifier; the forms differ in messages only.

    ``whole``: one message a bag. ``items``: one a row. ``halves``: two a bag. ``thrice``: the sum is broadcast to three
    messages that are added again, so it counts three times.
    """
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    inner, top = Linear("inner", 3, 4).affinity(0), Linear("top", 4, 2, gain=1.0).affinity(1)
    if form == "items":
        total = Group("sum", bag, items, rows=each_into_one)
        _ = x >> Ungroup("items", items) >> inner >> Tanh() >> total
    elif form == "stacked":
        total = Group("sum", stay, itself, rows=all_into_one)
        _ = x >> Ungroup("items", items) >> inner >> Tanh() >> Group("stack", bag, items) >> total
    elif form == "halves":
        total = Group("sum", bag, halves, rows=halves_into_one)
        _ = x >> Flatmap("halves", halves, rows=alternate) >> inner >> Tanh() >> total
    else:
        total = Group("sum", stay, itself, rows=all_into_one)
        _ = x >> inner >> Tanh() >> total
    if form == "thrice":
        total = total >> Flatmap("copies", thrice) >> Group("again", bag, thrice, rows=three_into_one)  # type: ignore[assignment]
    _ = total >> Relu() >> top >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    return Job(Graph.of(form, x, labels), Recipe(bags, options or {}), Training(**training))


def steps(options: dict[str, Any] | None = None, **training: Any) -> Job:
    """A loop without Cond and Isu: the sum is transformed and scored again and again; the last goes nowhere."""
    x, labels, loss = Source("x"), Source("steps"), NllLoss("loss")
    phi, fan = Phi("phi"), Bcast("fan", ports=("score", "on"))
    _ = (
        x
        >> Linear("inner", 3, 4).affinity(0)
        >> Tanh()
        >> Group("sum", first_step, only_bag, rows=all_into_one)
        >> phi["start"]
    )
    _ = phi >> fan
    _ = fan["score"] >> Linear("top", 4, 2, gain=1.0).affinity(1) >> LogSoftmax() >> loss["prediction"]
    _ = fan["on"] >> Flatmap("on", step_on) >> Linear("again", 4, 4, gain=1.0).affinity(0) >> Tanh() >> phi["again"]
    _ = labels >> loss["label"]
    return Job(Graph.of("steps", x, labels), Recipe(bags, options or {}), Training(**training))
