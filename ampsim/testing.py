"""The contract of a backend, as a function that anyone can call on a backend of their own.

    from ampsim.testing import check_backend

    def test_mine() -> None:
        check_backend(MyBackend)

A backend may take its own time and its own order. What it may not change is what is computed: the reference is
NullBackend, which executes the same plans in a plain loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.optimizer import Adam, Momentum
from ampsim.engine.plan import Backend, Plan
from ampsim.errors import AmpsimError, UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.graph import Graph
from ampsim.ir.keys import instance
from ampsim.ir.message import Array, Spec, State
from ampsim.ir.nodes import (
    Bcast,
    Concat,
    Cond,
    Embedding,
    Flatmap,
    Group,
    Isu,
    Linear,
    LogSoftmax,
    Loss,
    NllLoss,
    Phi,
    Relu,
    Source,
    Split,
    Tanh,
    Ungroup,
)
from ampsim.ir.rows import Rows
from ampsim.job import Job, Recipe, Training
from ampsim.result import schema
from ampsim.result.checks import check
from ampsim.result.run import Run

# -- small data --------------------------------------------------------------------------------------------------------


class Points(Dataset):
    """Minibatches of points: ``x`` float32 (instances, rows, width) and ``labels`` int64 (instances, rows)."""

    def __len__(self) -> int:
        return len(self.arrays["x"])

    def rows(self, index: int) -> int:
        return int(self.arrays["x"].shape[1])

    def spec(self, field: str, index: int) -> Spec:
        return Spec(self.arrays[field].shape[1:], self.arrays[field].dtype)

    def payload(self, field: str, index: int) -> Array:
        found: Array = self.arrays[field][index]
        return found


class Words(Dataset):
    """Minibatches of words of one length each: ``tokens`` int64 (instances, longest, rows), ``length``, ``labels``.

    The fields are ``tokens``, one message per position, ``start``, zeros of ``hidden`` columns, and ``labels``.
    """

    def __len__(self) -> int:
        return len(self.arrays["length"])

    def rows(self, index: int) -> int:
        return int(self.arrays["labels"].shape[1])

    def structure(self, index: int) -> int:
        """The length."""
        return int(self.arrays["length"][index])

    def states(self, field: str, index: int) -> list[tuple[int, ...]]:
        if field == "tokens":
            return [(t,) for t in range(self.structure(index))]
        return [(0,)] if field == "start" else [()]

    def spec(self, field: str, index: int) -> Spec:
        rows = self.rows(index)
        if field == "start":
            return Spec((rows, self.options["hidden"]), np.dtype(np.float32))
        if field == "tokens":
            return Spec((rows * self.structure(index),), np.dtype(np.int64))
        return Spec(self.arrays[field].shape[1:], self.arrays[field].dtype)

    def payload(self, field: str, index: int) -> Array:
        if field == "start":
            return np.zeros(self.spec(field, index).shape, np.float32)
        found: Array = self.arrays[field][index]
        return found[: self.structure(index)].reshape(-1) if field == "tokens" else found


class Bags(Dataset):
    """Bags of 1 to 5 rows: ``x`` float32 (all rows, width) with ``offsets``, ``labels`` int64 (bags,).

    The structure of a bag is its size.
    """

    def __len__(self) -> int:
        return len(self.arrays["labels"])

    def rows(self, index: int) -> int:
        return 1

    def structure(self, index: int) -> int:
        return int(self.arrays["offsets"][index + 1] - self.arrays["offsets"][index])

    def spec(self, field: str, index: int) -> Spec:
        rows = (self.structure(index),) if field == "x" else (1,)
        return Spec((*rows, *self.arrays[field].shape[1:]), self.arrays[field].dtype)

    def payload(self, field: str, index: int) -> Array:
        start, stop = self.arrays["offsets"][index : index + 2] if field == "x" else (index, index + 1)
        found: Array = self.arrays[field][start:stop]
        return found


def points(instances: int = 12, rows: int = 5, width: int = 6, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Points labelled by the largest of their first three coordinates."""

    def draw(count: int) -> Dataset:
        x = random.standard_normal((count, rows, width), dtype=np.float32)
        return Points({"x": x, "labels": x[:, :, :3].argmax(axis=2)})

    random = np.random.default_rng(seed)
    return draw(instances), draw(max(instances // 3, 1))


def words(instances: int = 12, rows: int = 3, hidden: int = 5, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Words of 1 to 4 letters of an alphabet of 7, labelled by their first letter modulo 3."""

    def draw(count: int) -> Dataset:
        tokens = random.integers(0, 7, (count, 4, rows))
        arrays = {"tokens": tokens, "length": random.integers(1, 5, count), "labels": tokens[:, 0] % 3}
        return Words(arrays, hidden=hidden)

    random = np.random.default_rng(seed)
    return draw(instances), draw(max(instances // 3, 1))


def bags(instances: int = 12, width: int = 3, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Bags labelled by the sign of their first coordinate's sum."""

    def draw(count: int) -> Dataset:
        sizes = random.integers(1, 6, count)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        x = random.standard_normal((int(offsets[-1]), width), dtype=np.float32)
        labels = (np.add.reduceat(x[:, 0], offsets[:-1]) > 0).astype(np.int64)
        return Bags({"x": x, "offsets": offsets, "labels": labels})

    random = np.random.default_rng(seed)
    return draw(instances), draw(max(instances // 3, 1))


def advance(state: State, length: int) -> State:
    """One letter further."""
    return (state[0], state[1] + 1)


def retreat(state: State, length: int) -> State:
    """One letter back."""
    return (state[0], state[1] - 1)


def more(state: State, length: int) -> bool:
    """Whether letters are left."""
    return state[1] < length


def items(state: State, size: int) -> list[State]:
    """One message for each row of a bag."""
    return [(state[0], i) for i in range(size)]


def bag(state: State, size: int) -> State:
    """The bag that a part belongs to."""
    return (state[0],)


def halves(state: State, size: int) -> list[State]:
    """Two messages; the first holds the rows at even places, the second those at odd ones, perhaps none."""
    return [(state[0], 0), (state[0], 1)]


def alternate(state: State, size: int) -> Rows:
    """Rows at even places, then those at odd ones."""
    even, odd = np.arange(0, size, 2), np.arange(1, size, 2)
    return Rows((len(even), len(odd)), np.concatenate([even, odd]), size)


def halves_into_one(state: State, size: int) -> Rows:
    """Both halves added up to one row."""
    return Rows(((size + 1) // 2, size // 2), np.zeros(size, np.int64), 1)


# -- small jobs --------------------------------------------------------------------------------------------------------


def mlp(options: dict[str, Any] | None = None, **training: Any) -> Job:
    """Three layers in a chain, on three units."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    hidden = x >> Linear("L1", 6, 8).affinity(0) >> Relu() >> Linear("L2", 8, 8).affinity(1) >> Relu()
    hidden >> Linear("L3", 8, 3, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Job(Graph.of("mlp", x, labels), Recipe(points, options or {}), Training(**training))


def rnn(options: dict[str, Any] | None = None, *, cells: int = 1, **training: Any) -> Job:
    """A loop over letters, as often as the word is long, on three units; ``cells`` copies of the cell alone."""
    tokens, start, labels = Source("tokens"), Source("start"), Source("labels")
    phi, join, cond = Phi("phi"), Concat("join", ports=("h", "x")), Cond("more", more, ports=("done", "again"))
    loss = NllLoss("loss", key={"prediction": instance})
    start >> phi["start"] >> join["h"]
    tokens >> Embedding("embed", 7, 4).affinity(0) >> join["x"]
    cell = Linear("cell", 9, 5, gain=1.0).affinity(1).replicas(cells, sync=5)
    join >> cell >> Tanh() >> Isu("next", advance, retreat) >> cond
    cond["again"] >> phi["again"]
    cond["done"] >> Linear("classify", 5, 3, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Job(Graph.of("rnn", start, tokens, labels), Recipe(words, options or {}), Training(**training))


def diamond(options: dict[str, Any] | None = None, **training: Any) -> Job:
    """A Bcast over two layers that a Concat joins, then a Split joined again; on two units."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    fan, join = Bcast("fan"), Concat("join")
    cut, again = Split("cut", (3, 5)), Concat("again")
    x >> Linear("base", 6, 4).affinity(0) >> fan
    fan["first"] >> Linear("left", 4, 3).affinity(1) >> Relu() >> join["first"]
    fan["second"] >> Linear("right", 4, 5).affinity(0) >> Tanh() >> join["second"]
    join >> cut
    cut["first"] >> again["second"]
    cut["second"] >> Linear("part", 5, 4).affinity(1) >> again["first"]
    again >> Linear("top", 7, 3, gain=1.0).affinity(0) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Job(Graph.of("diamond", x, labels), Recipe(points, options or {}), Training(**training))


def regroup(options: dict[str, Any] | None = None, **training: Any) -> Job:
    """Bags taken apart row by row, stacked, cut in halves and added up, on three units."""
    x, labels, loss = Source("x"), Source("labels"), NllLoss("loss")
    inner, outer = Linear("inner", 3, 4).affinity(1), Linear("outer", 4, 4).affinity(0)
    stacked = x >> Ungroup("items", items) >> inner >> Tanh() >> Group("stack", bag, items)
    total = Group("sum", bag, halves, rows=halves_into_one)
    stacked >> Flatmap("halves", halves, rows=alternate) >> outer >> Relu() >> total
    total >> Linear("top", 4, 2, gain=1.0).affinity(2) >> LogSoftmax() >> loss["prediction"]
    labels >> loss["label"]
    return Job(Graph.of("regroup", x, labels), Recipe(bags, options or {}), Training(**training))


def replicated(job: Job, copies: int, sync: str | int = "epoch", slots: str = "average") -> Job:
    """The job with so many copies of every node."""
    return Job(job.graph.replicas(copies, sync, slots), job.data, job.training)


# -- the contract ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One plan, and how closely losses and parameters must agree: 0 to the bit, None where order may change them."""

    plan: Plan
    tolerance: float | None

    def __str__(self) -> str:
        t = self.plan.job.training
        copies = any(node.replica for node in self.plan.job.graph.nodes)
        name = f"{self.plan.job.name} with replicas" if copies else self.plan.job.name
        settings = f"mak={t.max_active_keys}, max_batch={t.max_batch}, update={t.update!r}"
        return f"{name} on {self.plan.workers} workers, {self.plan.mode}, {settings}"


def cases() -> Iterator[Case]:
    """The plans of the contract."""
    for make, workers in ((mlp, 2), (rnn, 3), (diamond, 2), (regroup, 3)):
        settings: dict[str, Any] = {"epochs": 2, "min_update_frequency": 3}
        alone = make(**settings)
        yield Case(Plan(alone, workers), tolerance=0.0)
        yield Case(Plan(alone.with_training(max_active_keys=4, validate_every=5), workers), tolerance=None)
        yield Case(Plan(alone.with_training(max_active_keys=4, max_batch=4), workers, mode="shapes"), tolerance=None)
    optimizer = Adam(0.01)
    for copied in (
        replicated(mlp(**settings, optimizer=optimizer), 2, sync=5),
        rnn(cells=3, **settings, optimizer=optimizer),
        replicated(rnn(epochs=2, update="instance"), 2, sync=4, slots="keep"),
    ):
        yield Case(Plan(copied, 2), tolerance=0.0)
        yield Case(Plan(copied.with_training(max_active_keys=4, max_batch=2, validate_every=5), 2), tolerance=None)
    yield Case(Plan(replicated(mlp(**settings), 3), 3, mode="shapes"), tolerance=None)
    apart = {"cell": {"update": "instance", "optimizer": Momentum(0.05)}, "embed": {"gradient": "sum"}}
    mixed = rnn(**settings, nodes=apart)
    yield Case(Plan(mixed, 3), tolerance=0.0)
    yield Case(Plan(mixed.with_training(max_active_keys=4, max_batch=2, validate_every=5), 2), tolerance=None)
    stacked = rnn(epochs=2, update="instance", max_batch=8)
    yield Case(Plan(stacked, 3), tolerance=1e-5)
    yield Case(Plan(stacked.with_training(max_active_keys=4), 2), tolerance=None)


def check_backend(make: Callable[[], Backend]) -> None:
    """Raise AssertionError, with every difference found, unless ``make()`` keeps the contract of a backend.

    On each plan it must agree with NullBackend on messages and bytes per edge, FLOP in matrix products, updates per
    node, and instances. At mak=1 losses and parameters agree too, to the bit where nothing is coalesced. The order of
    tasks it wrote down, given to NullBackend, must lead to the same bits at any mak. Tables follow the schema, and
    times go forward. ``make`` is called once for each plan.
    """
    found = [f"{case}: {line}" for case in cases() for line in _check(make(), case)]
    if found:
        raise AssertionError(f"{make().name} breaks the contract of a backend:\n  " + "\n  ".join(found))


def _check(backend: Backend, case: Case) -> Iterator[str]:
    wanted = NullBackend().execute(case.plan)
    run = backend.execute(case.plan)
    try:
        check(run.tables)
    except UsageError as error:
        yield f"the tables break the schema: {error.what} ({error.where})"
        return
    missing = sorted(wanted.summary.keys() - run.summary.keys())
    if missing:
        yield f"the summary lacks {missing}"
        return
    yield from _summary(run, wanted, backend.name)
    yield from _counts(run, wanted)
    yield from _times(run)
    if case.tolerance is not None:
        yield from _numbers("loss", _losses(run), _losses(wanted), case.tolerance)
        yield from _parameters(run, wanted, case.tolerance)
    if case.plan.mode == "numeric":
        try:
            again = NullBackend().execute(replace(case.plan, order=replay_order(run)))
        except AmpsimError as error:
            yield f"the order of its tasks cannot be replayed: {error.what}"
        else:
            yield from (f"replayed: {line}" for line in _parameters(run, again, 0.0))


def _summary(run: Run, wanted: Run, name: str) -> Iterator[str]:
    if run.summary["backend"] != name:
        yield f"summary.backend is {run.summary['backend']!r}, the backend's name is {name!r}"
    for key in ("mode", "job", "job_hash", "workers", "nodes", "edges", "updates", "matmul", "static_memory"):
        if run.summary[key] != wanted.summary[key]:
            yield f"summary.{key} is {run.summary[key]!r}, wanted {wanted.summary[key]!r}"
    yield from _numbers("initial parameters", run.initial, wanted.initial, 0.0)


def _counts(run: Run, wanted: Run) -> Iterator[str]:
    def edges(run: Run) -> dict[str, tuple[int, int]]:
        table, names = run.tables["edges"], run.summary["edges"]
        keys = zip(table["edge"].tolist(), table["direction"].tolist(), strict=True)
        values = zip(table["messages"].tolist(), table["bytes"].tolist(), strict=True)
        return {f"{names[e]} {schema.DIRECTIONS[d]}": v for (e, d), v in zip(keys, values, strict=True)}

    def updates(run: Run) -> dict[str, int]:
        counts = np.bincount(run.tables["updates"]["node"], minlength=len(run.summary["nodes"]))
        return dict(zip(run.summary["nodes"], counts.tolist(), strict=True))

    def instances(run: Run) -> list[tuple[Any, ...]]:
        table = run.tables["instances"]
        columns = (table[name].tolist() for name in ("instance", "epoch", "training", "index", "rows"))
        return sorted(zip(*columns, strict=True))

    for what, own, others in (
        ("messages and bytes on", edges(run), edges(wanted)),
        ("updates of", updates(run), updates(wanted)),
    ):
        for name in dict.fromkeys([*others, *own]):
            if own.get(name) != others.get(name):
                yield f"{what} {name}: {own.get(name)}, wanted {others.get(name)}"
    if instances(run) != instances(wanted):
        yield "the instances differ in number, mode, index or rows"


def _times(run: Run) -> Iterator[str]:
    """A worker runs one task at a time, and no message is taken before it is there."""
    tasks, messages = run.tables["tasks"], run.tables["messages"]
    if (tasks["end"] < tasks["start"]).any() or (tasks["start"] < 0).any():
        yield "a task ends before it starts, or starts before the run"
    if (tasks["end"] > run.summary["makespan"]).any():
        yield "a task ends after the makespan"
    for worker in range(run.summary["workers"]):
        own = tasks["worker"] == worker
        if (tasks["start"][own][1:] < tasks["end"][own][:-1]).any():
            yield f"worker {worker} runs two tasks at a time"
    if (messages["sent"] > messages["arrived"]).any():
        yield "a message arrives before it is sent"
    if (messages["arrived"] > tasks["start"][messages["task"]]).any():
        yield "a task takes a message that has not arrived"


def _losses(run: Run) -> dict[str, Array]:
    """Losses of each loss node, by instance."""
    metrics = run.tables["metrics"]
    order = np.argsort(metrics["instance"], kind="stable")
    found = {}
    for index, node in enumerate(Graph.from_dict(run.config["job"]["graph"]).nodes):
        if isinstance(node, Loss):
            found[node.name] = metrics["loss"][order][metrics["node"][order] == index]
    return found


def _parameters(run: Run, wanted: Run, tolerance: float) -> Iterator[str]:
    yield from _numbers("final parameters", run.final, wanted.final, tolerance)


def _numbers(what: str, found: dict[str, Array], wanted: dict[str, Array], tolerance: float) -> Iterator[str]:
    if found.keys() != wanted.keys():
        yield f"{what}: there are {sorted(found)}, wanted {sorted(wanted)}"
        return
    for name, value in wanted.items():
        if found[name].shape != value.shape:
            yield f"{what} {name}: shape {found[name].shape}, wanted {value.shape}"
        elif not np.allclose(found[name], value, rtol=tolerance, atol=tolerance * 1e-2):
            worst = float(np.abs(found[name] - value).max())
            yield f"{what} {name}: differ by up to {worst:.3g}, relative tolerance {tolerance:g}"
