"""Random valid graphs, and data that feed any of them.

A message is ``(instance, t, lane)``: an instance sends ``lanes`` messages side by side, and every loop counts ``t`` on
to a bound of its own that differs from instance to instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from ampsim.engine.optimizer import SGD, Adam, Momentum, Optimizer
from ampsim.engine.plan import Plan
from ampsim.engine.rates import Warmup
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.message import Array, Spec, State
from ampsim.ir.nodes import (
    Bcast,
    Concat,
    Cond,
    Embedding,
    Isu,
    Linear,
    LogSoftmax,
    NllLoss,
    Node,
    Phi,
    Port,
    Relu,
    Source,
    Split,
    Tanh,
)
from ampsim.job import Job, Recipe, Training

WIDTH, CLASSES, TOKENS = 4, 3, 5
OPTIMIZERS: tuple[Optimizer, ...] = (SGD(0.01), Adam(0.001), Momentum(0.005, schedule=Warmup(9)))
OF_TOP: tuple[dict[str, Any], ...] = (
    {},
    {"update": "instance"},
    {"update": "muf", "min_update_frequency": 2, "optimizer": Momentum(0.01, nesterov=True), "gradient": "sum"},
)
LOOPS = 2


class Lanes(Dataset):
    """``lanes``, ``rows`` and cumulative ``bounds`` (instances, LOOPS) int64; payloads are drawn from the index."""

    def __len__(self) -> int:
        return len(self.arrays["lanes"])

    def rows(self, index: int) -> int:
        return int(self.arrays["rows"][index] * self.arrays["lanes"][index])

    def structure(self, index: int) -> tuple[int, ...]:
        return tuple(self.arrays["bounds"][index].tolist())

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        lanes = range(int(self.arrays["lanes"][index]))
        if field == "tokens":
            return [(t, lane) for t in range(self.structure(index)[0]) for lane in lanes]
        return [(lane,) if field == "labels" else (0, lane) for lane in lanes]

    def spec(self, field: str, index: int) -> Spec:
        rows = len(self.states(field, index)) * int(self.arrays["rows"][index])
        if field == "x":
            return Spec((rows, WIDTH), np.dtype(np.float32))
        return Spec((rows,), np.dtype(np.int64))

    def payload(self, field: str, index: int) -> Array:
        random = np.random.default_rng([len(field), index])
        shape = self.spec(field, index).shape
        if field == "x":
            return random.standard_normal(shape, dtype=np.float32)
        return random.integers(0, CLASSES if field == "labels" else TOKENS, shape)


def lanes(instances: int = 6, most_lanes: int = 2, least_lanes: int = 1, seed: int = 0) -> tuple[Dataset, Dataset]:
    """The first instance has at least one lane, so that shapes can be told from it."""

    def draw(count: int) -> Dataset:
        sides = random.integers(least_lanes, most_lanes + 1, count)
        sides[0] = max(sides[0], 1)
        bounds = random.integers(1, 4, (count, LOOPS)).cumsum(axis=1)
        return Lanes({"lanes": sides, "rows": random.integers(1, 4, count), "bounds": bounds})

    random = np.random.default_rng(seed)
    return draw(instances), draw(2)


def later(state: State, bounds: tuple[int, ...]) -> State:
    return (state[0], state[1] + 1, state[2])


def earlier(state: State, bounds: tuple[int, ...]) -> State:
    return (state[0], state[1] - 1, state[2])


def more0(state: State, bounds: tuple[int, ...]) -> bool:
    return state[1] < bounds[0]


def more1(state: State, bounds: tuple[int, ...]) -> bool:
    return state[1] < bounds[1]


def lane(state: State) -> State:
    """Predictions meet labels by instance and lane, however often they went round."""
    return (state[0], state[2])


class Stage(NamedTuple):
    """A piece of a graph: its kind, a size, and the pieces inside it."""

    kind: str
    size: int = WIDTH
    inside: tuple[tuple[Stage, ...], ...] = ()


class Builder:
    """Turns stages into linked nodes; follows the width on the way."""

    def __init__(self) -> None:
        self.loops = 0
        self.sources = [Source("x")]

    def run(self, stages: Sequence[Stage], at: Node | Port, width: int) -> tuple[Node | Port, int]:
        for stage in stages:
            at, width = getattr(self, f"_{stage.kind}")(stage, at, width)
        return at, width

    def _linear(self, stage: Stage, at: Node | Port, width: int) -> tuple[Node, int]:
        return at >> Linear("", width, stage.size, gain=1.0), stage.size

    def _relu(self, stage: Stage, at: Node | Port, width: int) -> tuple[Node, int]:
        return at >> Relu(), width

    def _tanh(self, stage: Stage, at: Node | Port, width: int) -> tuple[Node, int]:
        return at >> Tanh(), width

    def _diamond(self, stage: Stage, at: Node | Port, width: int) -> tuple[Node, int]:
        """Bcast over branches of any width, joined by a Concat."""
        ports = tuple(f"p{i}" for i in range(len(stage.inside)))
        fan, join, total = Bcast(ports=ports), Concat(ports=ports), 0
        at >> fan
        for port, inside in zip(ports, stage.inside, strict=True):
            end, wide = self.run(inside, fan[port], width)
            end >> join[port]
            total += wide
        return join, total

    def _cut(self, stage: Stage, at: Node | Port, width: int) -> tuple[Node, int]:
        """Split in two, joined the other way round. A single column is left alone."""
        if width < 2:
            return self._relu(stage, at, width)
        first = 1 + stage.size % (width - 1)
        cut, join = Split("", (first, width - first)), Concat()
        at >> cut
        cut["first"] >> join["second"]
        end, wide = self.run(stage.inside[0], cut["second"], width - first)
        end >> join["first"]
        return join, first + wide

    def _loop(self, stage: Stage, at: Node | Port, width: int) -> tuple[Node | Port, int]:
        """Phi, a body that keeps the width, Isu, Cond. The first loop of some graphs reads a token in every round."""
        more = (more0, more1)[self.loops]
        reads = self.loops == 0 and stage.size % 2 == 1
        self.loops += 1
        phi, cond = Phi(), Cond("", more, ports=("done", "again"))
        at >> phi["start"]
        body: Node | Port = phi
        wide = width
        if reads:
            join, tokens = Concat(), Source("tokens")
            self.sources.append(tokens)
            phi >> join["first"]
            tokens >> Embedding("", TOKENS, 2) >> join["second"]
            body, wide = join, width + 2
        body, wide = self.run(stage.inside[0], body, wide)
        body >> Linear("", wide, width, gain=1.0) >> Tanh() >> Isu("", later, earlier) >> cond
        cond["again"] >> phi["again"]
        return cond["done"], width


def build(stages: Sequence[Stage]) -> Graph:
    """The graph of some stages between ``x`` and the loss."""
    builder = Builder()
    labels, loss = Source("labels"), NllLoss("loss", key={"prediction": lane})
    at, width = builder.run(stages, builder.sources[0], WIDTH)
    at >> Linear("top", width, CLASSES, gain=1.0) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Graph.of("random", *builder.sources, labels)


SIZES = st.integers(1, 5)
# Every field is given: ``builds`` would draw those that are left out from their types, whole trees of them.
PLAIN = st.one_of(
    st.builds(Stage, st.just("linear"), SIZES, st.just(())),
    st.sampled_from([Stage("relu"), Stage("tanh")]),
)


def _nested(inner: st.SearchStrategy[Stage]) -> st.SearchStrategy[Stage]:
    few = st.lists(inner, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Stage, st.just("diamond"), st.just(WIDTH), st.lists(few, min_size=2, max_size=3).map(tuple)),
        st.builds(Stage, st.just("cut"), SIZES, st.tuples(few)),
    )


STAGES = st.one_of(PLAIN, _nested(st.one_of(PLAIN, _nested(PLAIN))))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Chains, diamonds and cuts, with up to two loops among them."""
    stages = draw(st.lists(STAGES, max_size=4))
    for _ in range(draw(st.sampled_from([1, 2, 0]))):
        inside = (tuple(draw(st.lists(STAGES, max_size=2))),)
        stages.insert(draw(st.integers(0, len(stages))), Stage("loop", draw(SIZES), inside))
    return build(stages)


@dataclass(frozen=True)
class Setting:
    """A random job with a random owner for each node."""

    job: Job
    owner: tuple[int, ...]

    def plan(self, mode: str = "numeric", workers: int | None = None, **training: Any) -> Plan:
        """On its own owners, or placed by work on so many workers."""
        job = self.job.with_training(**training)
        if workers is not None:
            return Plan(job, workers, mode=mode)
        return Plan(job, max(self.owner) + 1, mode=mode, owner=self.owner)


@st.composite
def settings(draw: st.DrawFn) -> Setting:
    """Admit 1 to 8 at a time, max_batch 1 to 16, muf 1 to 7 or at the instance's end, 1 to 4 workers.

    The last layer may have settings of its own.
    """
    graph = draw(graphs())
    training = Training(
        epochs=draw(st.integers(1, 2)),
        max_active_keys=draw(st.integers(1, 8)),
        min_update_frequency=draw(st.integers(1, 7)),
        update=draw(st.sampled_from(["muf", "muf", "instance"])),
        gradient=draw(st.sampled_from(["mean", "sum"])),
        max_batch=draw(st.integers(1, 16)),
        optimizer=draw(st.sampled_from(OPTIMIZERS)),
        validate_every=draw(st.sampled_from([None, 1, 4])),
        seed=draw(st.integers(0, 3)),
        nodes={"top": draw(st.sampled_from(OF_TOP))},
    )
    options = {
        "instances": draw(st.integers(1, 6)),
        "most_lanes": draw(st.integers(1, 3)),
        "least_lanes": draw(st.integers(0, 1)),
        "seed": draw(st.integers(0, 9)),
    }
    workers = draw(st.sampled_from([2, 3, 4, 1]))
    owner = np.random.default_rng(draw(st.integers(0, 1000))).integers(0, workers, len(graph.nodes))
    return Setting(Job(graph, Recipe(lanes, options), training), tuple(owner.tolist()))
