"""Chains of layers with round task times, so that what a simulation must give can be written down as a formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ampsim.engine.placement import units_of
from ampsim.engine.plan import Plan
from ampsim.engine.policy import Planned
from ampsim.hw import System
from ampsim.hw.backend import SimBackend, Simulation
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Array, Spec, State
from ampsim.ir.nodes import Linear, LogSoftmax, NllLoss, Node, Source
from ampsim.job import Job, Recipe, Training
from ampsim.result.run import Run

ROWS = 64
WIDTH = 16
NBYTES = 4 * ROWS * WIDTH
MS = 1e-3
FREE = {"bandwidth": "unlimited", "latency": 0.0}


class Blank(Dataset):
    """``instances`` minibatches of ones, ``rows`` x ``width``, all of class 0."""

    def __len__(self) -> int:
        return int(self.options["instances"])

    def rows(self, index: int) -> int:
        return int(self.options["rows"])

    def spec(self, field: str, index: int) -> Spec:
        shape = (self.rows(index),) if field == "labels" else (self.rows(index), int(self.options["width"]))
        return Spec(shape, np.dtype(np.int64 if field == "labels" else np.float32))

    def payload(self, field: str, index: int) -> Array:
        spec = self.spec(field, index)
        return np.zeros(spec.shape, spec.dtype) if field == "labels" else np.ones(spec.shape, spec.dtype)


def blank(instances: int, rows: int = ROWS, width: int = WIDTH) -> tuple[Dataset, None]:
    """A training set, and nothing to validate on."""
    return Blank({}, instances=instances, rows=rows, width=width), None


def chain_job(stages: int, instances: int, rows: int = ROWS, width: int = WIDTH, **training: Any) -> Job:
    """One square layer a unit, the label joined on the last; unless told otherwise all updates come at the end."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    at: Node = x
    for stage in range(stages):
        at = at >> Linear(f"L{stage}", width, width).affinity(stage)
    _ = at >> LogSoftmax() >> loss["prediction"]
    _ = labels >> loss["label"]
    settings = {"shuffle": False, "min_update_frequency": instances, **training}
    options = {"instances": instances, "rows": rows, "width": width}
    return Job(Graph.of("chain", x, labels), Recipe(blank, options), Training(**settings))


def times(forward: float, backward: float, rows: int = ROWS, width: int = WIDTH, **more: float) -> dict[str, Any]:
    """Measured tables of a chip: seconds of a layer over ``rows`` rows; all else takes none, but ``more`` does."""
    layer = f"Linear({width}, {width})"
    seconds = {
        f"{layer} forward": forward,
        f"{layer} backward": backward,
        f"{layer} backward without dx": backward,
        f"{layer} update": 0.0,
        "Source x forward": 0.0,
        "Source labels forward": 0.0,
        "LogSoftmax forward": 0.0,
        "LogSoftmax backward": 0.0,
        "NllLoss forward": 0.0,
        **{name.replace("_", " "): value for name, value in more.items()},
    }
    return {name: {"rows": [rows], "seconds": [value]} for name, value in seconds.items()}


def chain_system(
    stages: Sequence[tuple[float, float]],
    *,
    rows: int = ROWS,
    width: int = WIDTH,
    links: Mapping[str, Any] = FREE,
    host: Mapping[str, Any] | None = None,
    capacity: Sequence[Any] | None = None,
    more: Mapping[str, float] | None = None,
    topology: Mapping[str, Any] | None = None,
    **chip: Any,
) -> System:
    """A line of chips, chip s with (forward, backward) seconds of ``stages[s]``."""
    chips = []
    for number, (forward, backward) in enumerate(stages):
        group = {
            "count": 1,
            "matmul": 1e12,
            "vector": 1e12,
            "memory_bandwidth": "unlimited",
            "memory_capacity": capacity[number] if capacity else "unlimited",
            "measured": times(forward, backward, rows, width, **(more or {})),
        }
        chips.append(group | chip)
    values: dict[str, Any] = {"name": "chain", "chips": chips, "links": dict(links)}
    values["topology"] = dict(topology or {"kind": "line"})
    return System.from_dict(values | ({"host": dict(host)} if host else {}))


def simulate(job: Job, system: System, workers: int, **plan: Any) -> Run:
    """In shapes mode unless told otherwise."""
    placement = {unit: unit % workers for unit in units_of(job.graph)}
    return SimBackend(system).execute(Plan(job, workers, placement, **{"mode": "shapes", **plan}))


def simulation(job: Job, system: System, workers: int, mode: str = "shapes") -> Simulation:
    """To be looked into after ``run()``."""
    plan = Plan(job, workers, {unit: unit % workers for unit in units_of(job.graph)}, mode=mode)
    plan.check()
    return Simulation(plan, system)


def completions(run: Run) -> Array:
    """When instances were complete, in order."""
    return np.sort(run.tables["instances"]["completed"])


# -- schedules made by hand --------------------------------------------------------------------------------------------


Turn = tuple[str, int, int]
"""Part of a schedule: "F" or "B", stage, instance."""


def schedule(job: Job, directions: Sequence[Sequence[tuple[str, int]]]) -> dict[int, list[Planned]]:
    """Orders for ``Plan.order``: for each stage, on a chip of its own, its (direction, instance) in turn."""
    turns = [[(d, stage, i) for d, i in steps] for stage, steps in enumerate(directions)]
    return orders(job, turns, len(directions))


def orders(job: Job, chips: Sequence[Sequence[Turn]], stages: int) -> dict[int, list[Planned]]:
    """Orders for ``Plan.order``: what each chip does in turn; sources, losses and updates go along."""
    graph = job.graph

    def edge(node: int, incoming: bool) -> int:
        return (graph.incoming if incoming else graph.outgoing)[node][0][0]

    def task(kind: str, node: int, *messages: tuple[int, State]) -> Planned:
        return Planned(kind, node, messages)

    loss, labels, x = graph.index("loss"), graph.index("labels"), graph.index("x")
    softmax = graph.edges[graph.incoming[loss][0][0]].source
    label_edge = graph.outgoing[labels][0][0]

    def tasks(direction: str, stage: int, state: State) -> Iterator[Planned]:
        node, last = graph.index(f"L{stage}"), stage == stages - 1
        if direction == "B":
            yield task("backward", node, (edge(softmax if last else node, incoming=False), state))
            return
        if stage == 0:
            yield task("forward", x, (-1, state))
        yield task("forward", node, (edge(node, incoming=True), state))
        if last:
            yield task("forward", labels, (-1, state))
            yield task("forward", loss, (edge(softmax, incoming=False), state), (label_edge, state))

    order = {}
    for chip, turns in enumerate(chips):
        order[chip] = [planned for d, stage, i in turns for planned in tasks(d, stage, (i,))]
        here = dict.fromkeys(stage for _, stage, _ in turns)
        order[chip] += [Planned("update", graph.index(f"L{stage}"), ()) for stage in sorted(here)]
    return order


def gpipe(stages: int, instances: int) -> list[list[tuple[str, int]]]:
    """All forward, then all backward."""
    every = range(instances)
    return [[("F", i) for i in every] + [("B", i) for i in every] for _ in range(stages)]


def one_forward_one_backward(stages: int, instances: int) -> list[list[tuple[str, int]]]:
    """1F1B: stage s warms up with p - 1 - s forward passes, then alternates."""
    found = []
    for stage in range(stages):
        warm = min(instances, stages - 1 - stage)
        steps = [("F", i) for i in range(warm)]
        for i in range(instances - warm):
            steps += [("F", warm + i), ("B", i)]
        steps += [("B", i) for i in range(instances - warm, instances)]
        found.append(steps)
    return found


def interleaved(chips: int, instances: int, chunks: int) -> list[list[Turn]]:
    """1F1B on ``chunks`` stages a chip, stage k p + c on chip c; the instances go in groups of p, a multiple of them.

    Forward takes the chunks of a group in order, backward in reverse; chip c warms up with
    2 (p - 1 - c) + (chunks - 1) p forward passes.
    """
    total = instances * chunks

    def turn(direction: str, chip: int, number: int) -> Turn:
        group, within = divmod(number, chips * chunks)
        chunk, i = divmod(within, chips)
        chunk = chunk if direction == "F" else chunks - 1 - chunk
        return direction, chunk * chips + chip, group * chips + i

    found = []
    for chip in range(chips):
        warm = min(total, 2 * (chips - 1 - chip) + (chunks - 1) * chips)
        turns = [turn("F", chip, n) for n in range(warm)]
        for n in range(total - warm):
            turns += [turn("F", chip, warm + n), turn("B", chip, n)]
        found.append(turns + [turn("B", chip, n) for n in range(total - warm, total)])
    return found
