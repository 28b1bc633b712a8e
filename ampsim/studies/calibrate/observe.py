"""What a real run shows of the machine: the time of every task, and of all that lies between tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from ampsim.engine.assemble import replay_order
from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.task import Part
from ampsim.hw.schema.processor import CACHE
from ampsim.ir.data import Dataset
from ampsim.job import Data, Job
from ampsim.result.run import Run
from ampsim.result.schema import Array, Table
from ampsim.studies.calibrate.turn import turn

FEATURES = ("tasks", "gathered", "parcels", "messages", "bytes", "reports", "cold")
"""What messaging is made of. Parcels, their messages and bytes count at both ends."""

WARMING = 0.25
"""Share of a run's tasks that comes before it is steady."""


class Observed(NamedTuple):
    """One run. Seconds throughout.

    ``parts[i]`` and ``seconds[i]``: the arithmetic of a task and how long it took; ``steady[i]``: that it was none of
    the first, :data:`WARMING` of all, when memory is not yet there and caches are cold. ``messaging``: time of all
    workers that is neither a task nor a wait; ``counts`` what was done in it, by :data:`FEATURES`; ``met``: instances
    of which a worker got its first message from another, over all workers. ``together[n]``: how long exactly n workers
    were at work, in a task or messaging. ``beside[i]``: how many other workers were at work during a task, on average.
    ``woken[i]``: whether it was the first after a wait. ``up`` and ``down``: from a worker to the controller, and back;
    ``across``: from one worker to another that waited for it, by bytes; each with what both ends do for it.
    """

    run: Run
    parts: list[tuple[Part, ...]]
    seconds: Array
    steady: Array
    messaging: float
    counts: Array
    met: int
    together: Array
    beside: Array
    woken: Array
    up: Array
    down: Array
    across: Array


class Rates(NamedTuple):
    """FLOP/s of a square product and of an elementwise pass, and bytes/s of a pass over memory; of one core.

    ``turn``: seconds for which a process keeps a core while another waits for it. ``spreads``: of each of the four, the
    middle half of single measurements over their median.
    """

    matmul: float
    vector: float
    memory: float
    turn: float = 0.0
    spreads: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def observe(run: Run, data: Data | None = None) -> Observed:
    """Read a measured run, of ``data`` if not of the job's own.

    The arithmetic of its tasks is found by going through their order once more, in shapes.
    """
    tasks = run.tables["tasks"]
    seconds = tasks["end"] - tasks["start"]
    active = _active(run)
    levels, together = _together(active, run.workers)
    total = float(together @ np.arange(run.workers + 1))
    messaging = max(total - float(seconds.sum()), 0.0)
    return Observed(
        run=run,
        parts=_parts(run, data),
        seconds=seconds,
        steady=_steady(tasks),
        messaging=messaging,
        counts=_counts(run),
        met=_met(run),
        together=together,
        beside=_beside(levels, tasks),
        woken=_woken(run),
        up=_up(run),
        down=_down(run),
        across=_across(run),
    )


def _steady(tasks: Table) -> Array:
    found = np.ones(len(tasks["start"]), np.bool_)
    found[np.argsort(tasks["start"])[: int(len(found) * WARMING)]] = False
    return found


def _parts(run: Run, data: Data | None) -> list[tuple[Part, ...]]:
    job = Job.from_dict(run.config["job"])
    owner = tuple(run.config["run"]["owner"])
    backend = NullBackend(lambda: 0)
    backend.execute(Plan(job, run.workers, mode="shapes", order=replay_order(run), owner=owner, given_data=data))
    return [parts for log in backend.logs for parts in log.parts()]


def _active(run: Run) -> list[Array]:
    """For each worker, (n, 2) begins and ends of the times when it did not wait."""
    waits = run.tables["waits"]
    found = []
    for worker in range(run.workers):
        mine = waits["worker"] == worker
        begins = np.append(0.0, waits["end"][mine])
        ends = np.append(waits["start"][mine], run.makespan)
        ends = np.clip(ends, begins, run.makespan)
        keep = ends > begins
        found.append(np.column_stack([begins[keep], ends[keep]]))
    return found


def _together(active: Sequence[Array], workers: int) -> tuple[Array, Array]:
    """(n, 2) times and how many are at work from then on; and the seconds with 0, 1, ... at work."""
    every = np.concatenate(active)
    times = np.concatenate([every[:, 0], every[:, 1]])
    steps = np.repeat([1, -1], len(every))
    order = np.argsort(times, kind="stable")
    levels = np.cumsum(steps[order])
    spent: Array = np.bincount(levels[:-1], np.diff(times[order]), workers + 1)
    return np.column_stack([times[order], levels]), spent


def _beside(levels: Array, tasks: Table) -> Array:
    """The mean number of workers at work during each task, without its own."""
    times, busy = levels[:, 0], levels[:, 1]
    area = np.concatenate(([0.0], np.cumsum(busy[:-1] * np.diff(times))))
    begun, ended = (np.interp(tasks[name], times, area) for name in ("start", "end"))
    found: Array = (ended - begun) / np.maximum(tasks["end"] - tasks["start"], 1e-12) - 1
    return np.maximum(found, 0.0)


def _woken(run: Run) -> Array:
    """Which tasks are the first after a wait of their worker."""
    tasks, waits = run.tables["tasks"], run.tables["waits"]
    found = np.zeros(len(tasks["kind"]), np.bool_)
    for worker in range(run.workers):
        mine = np.flatnonzero(tasks["worker"] == worker)
        ends = waits["end"][waits["worker"] == worker]
        place = np.searchsorted(tasks["start"][mine], ends)
        found[mine[place[place < len(mine)]]] = True
    return found


def _counts(run: Run) -> Array:
    tasks, messages, links = run.tables["tasks"], run.tables["messages"], run.tables["links"]
    worker = tasks["worker"][messages["task"]]
    foreign = (messages["source"] >= 0) & (messages["source"] != worker)
    admitted = np.unique(np.column_stack([worker, messages["sent"]])[messages["source"] < 0], axis=0)
    between = (links["source"] >= 0) & (links["destination"] >= 0)  # a simulated link may lead to the controller
    return np.array(
        [
            len(tasks["kind"]),
            int(tasks["messages"][tasks["messages"] > 1].sum()),
            2 * int(between.sum()) + len(admitted),
            2 * int(foreign.sum()),
            2 * int(links["bytes"][between].sum()),
            run.summary["reports"],
            int((tasks["read"] + tasks["written"] > CACHE).sum()),
        ],
        np.float64,
    )


def _met(run: Run) -> int:
    messages = run.tables["messages"]
    worker = run.tables["tasks"]["worker"][messages["task"]]
    order = np.argsort(messages["arrived"], kind="stable")
    pairs = np.column_stack([worker, messages["state"][:, 0]])[order]
    _, first = np.unique(pairs, axis=0, return_index=True)
    source = messages["source"][order][first]
    return int(((source >= 0) & (source != pairs[first, 0])).sum())


def _up(run: Run) -> Array:
    """From the end of the last task of an instance to the controller's knowing that it is complete."""
    messages, instances = run.tables["messages"], run.tables["instances"]
    number = messages["state"][:, 0]
    last = np.full(int(max(instances["instance"].max(initial=-1), number.max(initial=-1))) + 1, -np.inf)
    np.maximum.at(last, number, run.tables["tasks"]["end"][messages["task"]])
    found: Array = instances["completed"] - last[instances["instance"]]
    return found[np.isfinite(found)]


def _down(run: Run) -> Array:
    """From an admission to its arrival at a worker that waited for it."""
    return _awaited(run, run.tables["messages"]["source"] < 0)[:, 1]


def _across(run: Run) -> Array:
    """(n, 2): bytes of a parcel, and the time from its sending until its receiver, which waited, had taken it in."""
    messages = run.tables["messages"]
    worker = run.tables["tasks"]["worker"][messages["task"]]
    return _awaited(run, (messages["source"] >= 0) & (messages["source"] != worker))


def _awaited(run: Run, chosen: Array) -> Array:
    """Bytes and flight of what was sent while its receiver waited, one row a parcel."""
    messages, waits = run.tables["messages"], run.tables["waits"]
    worker = run.tables["tasks"]["worker"][messages["task"]]
    rows = np.column_stack([worker, messages["sent"], messages["arrived"], messages["bytes"]])[chosen]
    found = []
    for w in range(run.workers):
        mine = rows[rows[:, 0] == w]
        if not len(mine):
            continue
        parcels, place = np.unique(mine[:, 1:3], axis=0, return_inverse=True)
        sizes = np.bincount(place.reshape(-1), mine[:, 3], len(parcels))
        begins, ends = (waits[name][waits["worker"] == w] for name in ("start", "end"))
        at = np.searchsorted(begins, parcels[:, 0], "right") - 1
        inside = (at >= 0) & (parcels[:, 0] < ends[np.maximum(at, 0)]) if len(ends) else np.zeros(len(at), np.bool_)
        inside &= parcels[:, 1] >= ends[np.maximum(at, 0)] if len(ends) else inside
        found.append(np.column_stack([sizes, parcels[:, 1] - parcels[:, 0]])[inside])
    return np.concatenate(found) if found else np.zeros((0, 2))


def structure_time(data: Dataset) -> float:
    """Seconds of looking up the structure of an instance."""
    times = []
    for index in range(min(len(data), 40)):
        start = time.perf_counter()
        data.structure(index)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def rates() -> Rates:
    """Measured in this process, on one BLAS thread; medians."""
    a: Array = np.full((768, 768), 0.5, np.float32)
    x: Array = np.full(78_400, 0.5, np.float32)
    big: Array = np.full(16 << 20, 0.5, np.float32)
    with threadpool_limits(1):
        matmul, first = _time(lambda: a @ a)
    vector, second = _time(lambda: np.maximum(x, 0.25, out=x))
    memory, third = _time(lambda: np.multiply(big, 0.5, out=big))
    kept, fourth = turn()
    return Rates(2 * 768**3 / matmul, x.size / vector, 2 * big.nbytes / memory, kept, (first, second, third, fourth))


def _time(call: Callable[[], object]) -> tuple[float, float]:
    """Median and spread of some calls."""
    times = []
    for _ in range(15):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    low, middle, high = np.quantile(times, [0.25, 0.5, 0.75]).tolist()
    return middle, (high - low) / middle
