"""Nodes and keys that make runs end badly, in a module that can be named in a graph."""

from __future__ import annotations

from typing import Any

from ampsim.ir.graph import Graph
from ampsim.ir.message import Array, State
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source
from ampsim.ir.nodes.activation import Relu
from ampsim.job import Job, Recipe, Training
from tests.sim.chains import ROWS, WIDTH, blank


def odd(state: State) -> State:
    """A key under which nothing else is stored."""
    return (state[0], -1)


def stuck_job(instances: int = 6, **training: Any) -> Job:
    """The label waits for its prediction under a key of its own, so they never meet."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss", key={"label": odd})
    _ = (
        x
        >> Linear("L0", WIDTH, WIDTH).affinity(0)
        >> Relu()
        >> Linear("L1", WIDTH, WIDTH).affinity(1)
        >> LogSoftmax()
        >> loss["prediction"]
    )
    _ = labels >> loss["label"]
    recipe = Recipe(blank, {"instances": instances, "rows": ROWS, "width": WIDTH})
    return Job(Graph.of("stuck", x, labels), recipe, Training(**training))


class Broken(Relu):
    """Raises what a programming error in a node would raise."""

    def apply(self, x: Array) -> Array:
        raise RuntimeError("no such luck")


def broken_job(**training: Any) -> Job:
    """One layer, then the broken node."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    _ = x >> Linear("L0", WIDTH, WIDTH) >> Broken("broken") >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    recipe = Recipe(blank, {"instances": 3, "rows": ROWS, "width": WIDTH})
    return Job(Graph.of("broken", x, labels), recipe, Training(**training))
