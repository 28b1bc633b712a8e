"""Training throughput of a PyTorch model: one process with one or two threads, or two Hogwild processes.

    plan      a model, its updates and its optimizer; made anew in every process from flat arrays
    update    one or several batches whose gradients add up before the optimizer steps once
    Hogwild   two processes with one thread each train one set of parameters in shared memory, without locks

What is structure (index tensors, padding, adjacency) belongs to the data: it is worked out when a plan is made and not
timed. Everything that depends on parameters is. The answers asserted: before training the loss of the first update is
what plain numpy makes of it, row by row; after training it has fallen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

WARM_UP = 3  # updates
TOLERANCE = 1e-4  # of the loss in float32 against the same in float64

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Update:
    """``model(batch)`` of all ``batches`` add up to the loss of ``instances`` instances."""

    batches: list[Any]
    instances: int


@dataclass(frozen=True)
class Plan:
    """Everything a process needs: ``expected`` is the loss of the first update in numpy, given the parameters."""

    model: nn.Module
    updates: list[Update]
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
    expected: Callable[[Arrays], float]


@dataclass(frozen=True)
class Way:
    """How to run: ``seconds`` to measure, after some updates to warm up."""

    threads: int = 1
    processes: int = 1
    seconds: float = 2.0

    def __str__(self) -> str:
        return (
            f"{self.processes} processes" if self.processes > 1 else f"{self.threads} thread{'s'[: self.threads - 1]}"
        )


WAYS = (Way(1, 1), Way(2, 1), Way(1, 2))


def throughput(make: Callable[..., Plan], arrays: Arrays, way: Way, **options: Any) -> float:
    """Training instances per second of ``make(arrays, **options)``, a function of a module."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        plan = make(arrays, **options)
        first = loss(plan)
        expected = plan.expected({name: value.numpy().astype(float) for name, value in plan.model.state_dict().items()})
        assert math.isclose(first, expected, rel_tol=TOLERANCE), f"the loss is {first}, by numpy {expected}"
        torch.set_num_threads(way.threads)
        speed = train(plan, way.seconds) if way.processes == 1 else hogwild(plan.model, make, arrays, way, options)
        torch.set_num_threads(1)
        last = loss(plan)
        assert last < first, f"the loss was {first} and is {last}"
    finally:
        torch.set_num_threads(before)
    return speed


def loss(plan: Plan) -> float:
    """The loss of the first update."""
    with torch.no_grad():
        return float(sum(plan.model(batch) for batch in plan.updates[0].batches))


def train(plan: Plan, seconds: float, ready: Callable[[], object] = lambda: None, first: int = 0) -> float:
    """Instances per second from the moment that all are ``ready``, beginning with the ``first`` update."""
    model, updates = plan.model, plan.updates
    optimizer = plan.optimizer(model.parameters())

    def step(update: Update) -> int:
        optimizer.zero_grad()
        for batch in update.batches:
            model(batch).backward()
        optimizer.step()
        return update.instances

    for number in range(WARM_UP):
        step(updates[(first + number) % len(updates)])
    ready()
    done, number = 0, first + WARM_UP
    begin = time.perf_counter()
    while time.perf_counter() < begin + seconds:
        done += step(updates[number % len(updates)])
        number += 1
    return done / (time.perf_counter() - begin)


def hogwild(model: nn.Module, make: Callable[..., Plan], arrays: Arrays, way: Way, options: dict[str, Any]) -> float:
    """The sum over processes; each makes its own plan, with the parameters of ``model`` in place of its own."""
    model.share_memory()
    speeds = torch.zeros(way.processes, dtype=torch.float64).share_memory_()
    barrier = torch.multiprocessing.get_context("spawn").Barrier(way.processes)
    build = partial(make, arrays, **options)
    torch.multiprocessing.spawn(_worker, (model, build, way, barrier, speeds), nprocs=way.processes)
    return float(speeds.sum())


def _worker(rank: int, model: nn.Module, build: Callable[[], Plan], way: Way, barrier: Any, speeds: Any) -> None:
    torch.set_num_threads(way.threads)
    made = build()
    plan = Plan(model, made.updates, made.optimizer, made.expected)
    start = rank * len(made.updates) // way.processes
    speeds[rank] = train(plan, way.seconds, lambda: barrier.wait(timeout=120), start)
