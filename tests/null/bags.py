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
from ampsim.testing import Bags, alternate, bag, bags, halves, halves_into_one, items


class Steps(Bags):
    """The field ``steps`` is the label once for every row, as messages of their own."""

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        return [(t,) for t in range(self.structure(index))] if field == "steps" else [()]

    def spec(self, field: str, index: int) -> Spec:
        return Spec((self.structure(index),), np.dtype(np.int64)) if field == "steps" else super().spec(field, index)

    def payload(self, field: str, index: int) -> Array:
        if field == "steps":
            return np.repeat(self.arrays["labels"][index], self.structure(index))
        return super().payload(field, index)


def stepped(instances: int = 12, seed: int = 0) -> tuple[Dataset, Dataset]:
    """The same bags, step by step."""
    training, validation = (Steps(part.arrays) for part in bags(instances, seed=seed))
    return training, validation


def itself(state: State, size: int) -> list[State]:
    """A group of one."""
    return [state]


def stay(state: State, size: int) -> State:
    """The group of a message alone."""
    return state


def all_into_one(state: State, size: int) -> Rows:
    """One message whose rows are added up."""
    return Rows((size,), np.zeros(size, np.int64), 1)


def each_into_one(state: State, size: int) -> Rows:
    """Messages of one row each that are added up."""
    return Rows((1,) * size, np.zeros(size, np.int64), 1)


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
    return Job(Graph.of("steps", x, labels), Recipe(stepped, options or {}), Training(**training))
