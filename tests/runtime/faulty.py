"""Jobs with a node that goes wrong, in a module that workers can import."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Array
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Source
from ampsim.ir.nodes.activation import Relu
from ampsim.job import Job, Recipe, Training
from tests.sim.chains import Blank

ROWS, WIDTH = 8, 12
_calls = 0


def _fault(how: str) -> None:
    if how == "raise":
        raise ValueError("no such luck")
    if how == "exit":
        os._exit(7)
    if how == "leave":
        os._exit(0)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "abort":
        os.abort()
    if how == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
        np.ones(1 << 33, np.int8)
    if how == "signal":
        os.kill(os.getpid(), signal.SIGTERM)
    if how.startswith("sleep"):
        time.sleep(float(how.removeprefix("sleep")))


@dataclass(eq=False)
class Faulty(Relu):
    """A Relu whose call number ``at``, counted in its process, forward or backward, does what ``how`` says."""

    how: str = "raise"
    at: int = 5
    backward_too: bool = False

    def apply(self, x: Array) -> Array:
        return self._spoil(super().apply(x), self.backward_too)

    def pull(self, gradient: Array, y: Array) -> Array:
        return self._spoil(super().pull(gradient, y), not self.backward_too)

    def _spoil(self, values: Array, skip: bool) -> Array:
        global _calls  # noqa: PLW0603  # the process is the node's own
        if skip:
            return values
        _calls += 1
        if _calls == self.at:
            if self.how == "nan":
                return values * np.float32(np.nan)
            _fault(self.how)
        return values


def faulty_job(how: str, at: int = 5, *, backward: bool = False, instances: int = 20, **training: Any) -> Job:
    """Two layers on two units; the faulty node goes with the second one."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    fault = Faulty("fault", how=how, at=at, backward_too=backward)
    at_end = x >> Linear("L0", WIDTH, WIDTH).affinity(0) >> Linear("L1", WIDTH, WIDTH).affinity(1) >> fault
    _ = at_end >> Linear("L2", WIDTH, WIDTH).affinity(1) >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    recipe = Recipe(data, {"instances": instances, "rows": ROWS, "width": WIDTH})
    return Job(Graph.of("faulty", x, labels), recipe, Training(**{"shuffle": False, **training}))


def data(instances: int, rows: int, width: int) -> tuple[Dataset, None]:
    """A training set, and nothing to validate on."""
    return Blank({}, instances=instances, rows=rows, width=width), None


class Slow(Blank):
    """Takes its time to be rebuilt."""

    SECONDS = 0.4

    def __init__(self, arrays: Any, **options: Any) -> None:
        super().__init__(arrays, **options)
        time.sleep(self.SECONDS)


def slow(instances: int) -> tuple[Dataset, None]:
    """As above."""
    return Slow({}, instances=instances, rows=ROWS, width=WIDTH), None
