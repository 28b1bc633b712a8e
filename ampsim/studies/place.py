"""Where the units of a job go on the chips of a system: by name, or searched for.

    balanced      contiguous in the order of messages, the heaviest part as light as possible (what is left out means)
    round_robin   unit after unit, worker after worker
    auto          searched: a partition of the units' graph, improved by moves that are simulated

``auto`` simulates in shapes mode, so times are those of the job itself, and memory is watched as it is there. Trials
use the first instances only; the last word has the whole job: the best of what was found, of round robin and of
balanced is taken. So ``auto`` is never slower than either, and finds a placement that fits wherever one of them does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from ampsim.engine.null import NullBackend
from ampsim.engine.placement import place, unit_order, units_of
from ampsim.engine.plan import Plan
from ampsim.engine.weigh import weigh
from ampsim.errors import AmpsimError, UsageError
from ampsim.hw import System
from ampsim.ir.first import First
from ampsim.ir.graph import Graph
from ampsim.job import Data, Job
from ampsim.result.run import Run

METHODS = ("balanced", "round_robin", "auto")
TRIALS = 64
"""Simulated moves of ``auto``."""
DONORS = 3
"""So many of the busiest workers give units away, and so many of the least busy are offered them."""

Placement = dict[int, int]
"""From units to workers."""


def placement_by_name(method: str, job: Job, system: System, workers: int) -> Placement | None:
    """The placement of that name; None for ``balanced``, which is the engine's own. Raises UsageError."""
    if method not in METHODS:
        what = f"there is no placement {method!r}"
        raise UsageError(what, "placement", f"one of: {', '.join(METHODS)}, or which unit goes where")
    if method == "balanced":
        return None
    return round_robin(job.graph, workers) if method == "round_robin" else auto(job, system, workers)


def round_robin(graph: Graph, workers: int) -> Placement:
    """The units in the order in which messages reach them, dealt out to the workers in turn."""
    return {unit: number % workers for number, unit in enumerate(unit_order(graph))}


def auto(job: Job, system: System, workers: int, *, trials: int = TRIALS) -> Placement:
    """The fastest placement found in ``trials`` simulated moves; never slower than round robin or balanced.

    Work and traffic between units are counted by a trial without a clock. Raises UsageError if the job cannot run at
    all; if it fits nowhere, CapacityError or OutOfMemory as of round robin.
    """
    if workers == 1:
        return round_robin(job.graph, 1)
    job = job.with_training(target=None, target_loss=None)
    data = job.data.load()
    trial, whole = _Trial(_short(job, data), system, workers), _Trial(_Timed(job, data), system, workers)
    starts = {"round_robin": round_robin(job.graph, workers), "balanced": _balanced(job, data, workers)}
    loads = _loads(job, data)
    best = min([_partition(loads, system, workers), *starts.values()], key=trial.seconds)
    best = _improved(best, loads, trial, trials)
    chosen = min([*starts.values(), best], key=whole.seconds)
    if math.isinf(whole.seconds(chosen)):
        whole.run(chosen)  # says why it cannot be
    return chosen


# -- what there is to place -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Loads:
    """Units in order, FLOP of each, and bytes between them as edges of a graph."""

    order: Sequence[int]
    work: Mapping[int, float]
    graph: Any


def _loads(job: Job, data: Data) -> _Loads:
    units, short = units_of(job.graph), _short(job, data)
    order = unit_order(job.graph)
    work = dict.fromkeys(order, 0.0)
    for unit, flop in zip(units, weigh(job.graph, data.training, job.training), strict=True):
        work[unit] += flop
    graph: Any = nx.Graph()
    graph.add_nodes_from(order)
    run = NullBackend().execute(Plan(short.job, 1, mode="shapes", given_data=short.data))
    for edge, nbytes in zip(run.tables["edges"]["edge"].tolist(), run.tables["edges"]["bytes"].tolist(), strict=True):
        if edge < len(job.graph.edges):  # behind those of the graph come edges of replicas
            ends = [units[node] for node in (job.graph.edges[edge].source, job.graph.edges[edge].target)]
            if ends[0] != ends[1]:
                before = graph.edges[ends]["weight"] if graph.has_edge(*ends) else 0
                graph.add_edge(*ends, weight=before + nbytes)
    return _Loads(order, work, graph)


def _balanced(job: Job, data: Data, workers: int) -> Placement:
    owner = place(job.graph, workers, weigh(job.graph, data.training, job.training))
    return dict(zip(units_of(job.graph), owner, strict=True))


# -- a first placement ------------------------------------------------------------------------------------------------


def _partition(loads: _Loads, system: System, workers: int) -> Placement:
    """Halve units and workers again and again: work in proportion to the rate of each half, little traffic across."""
    rates = [system.chip_kinds[chip].matmul for chip in system.unit_chips[:workers]]
    found: Placement = {}
    _halve(list(loads.order), list(range(workers)), loads, rates, found)
    return found


def _halve(units: list[int], workers: list[int], loads: _Loads, rates: Sequence[float], found: Placement) -> None:
    if len(workers) == 1 or len(units) <= 1:
        found.update(dict.fromkeys(units, workers[0]))
        return
    middle = len(workers) // 2
    share = sum(rates[w] for w in workers[:middle]) / sum(rates[w] for w in workers)
    total, filled, cut = sum(loads.work[unit] for unit in units), 0.0, 0
    while cut < len(units) - 1 and (not cut or filled + loads.work[units[cut]] / 2 <= share * total):
        filled += loads.work[units[cut]]
        cut += 1
    halves = set(units[:cut]), set(units[cut:])
    part = loads.graph.subgraph(units)
    if part.number_of_edges():
        halves = nx.community.kernighan_lin_bisection(part, halves, weight="weight", seed=0)
    first, second = ([unit for unit in units if unit in half] for half in halves)
    _halve(first, workers[:middle], loads, rates, found)
    _halve(second, workers[middle:], loads, rates, found)


# -- simulated moves --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Timed:
    job: Job
    data: Data


class _Trial:
    """Simulated seconds of a placement, each tried once; infinite where it does not fit."""

    def __init__(self, timed: _Timed, system: System, workers: int) -> None:
        self._timed, self._system, self.workers = timed, system, workers
        self._known: dict[tuple[tuple[int, int], ...], tuple[float, list[float]]] = {}

    def run(self, placement: Placement) -> Run:
        """The Run of a placement. Raises what the simulation raises."""
        from ampsim.hw.backend import SimBackend

        plan = Plan(self._timed.job, self.workers, placement, "shapes", given_data=self._timed.data)
        return SimBackend(self._system).execute(plan)

    def seconds(self, placement: Placement) -> float:
        """The makespan."""
        return self._of(placement)[0]

    def busy(self, placement: Placement) -> list[float]:
        """The utilization of each worker; 0 where nothing is known."""
        return self._of(placement)[1]

    def tried(self, placement: Placement) -> bool:
        """Whether its seconds are known already."""
        return tuple(sorted(placement.items())) in self._known

    def _of(self, placement: Placement) -> tuple[float, list[float]]:
        key = tuple(sorted(placement.items()))
        if key not in self._known:
            try:
                run = self.run(placement)
                self._known[key] = run.makespan, [share or 0.0 for share in run.utilization]
            except AmpsimError:
                self._known[key] = math.inf, [0.0] * self.workers
        return self._known[key]


def _improved(start: Placement, loads: _Loads, trial: _Trial, trials: int) -> Placement:
    """The first neighbour that is faster takes the place of ``start``, and so on, as long as ``trials`` last."""
    best, left = start, trials
    moved = True
    while moved:
        moved = False
        for placement in _neighbours(best, loads, trial.busy(best)):
            if left <= 0:
                return best
            if trial.tried(placement):
                continue
            left -= 1
            if trial.seconds(placement) < trial.seconds(best):
                best, moved = placement, True
                break
    return best


def _neighbours(placement: Placement, loads: _Loads, busy: Sequence[float]) -> Iterator[Placement]:
    """A unit moved from a busy worker, to an idle one or to its partners in traffic; then two units exchanged."""
    workers = sorted(range(len(busy)), key=lambda w: -busy[w])
    units = [unit for worker in workers[:DONORS] for unit in loads.order if placement[unit] == worker]
    for unit in units:
        partners = sorted(loads.graph[unit], key=lambda other: -loads.graph.edges[unit, other]["weight"])
        near = [placement[other] for other in partners]
        for worker in dict.fromkeys([*reversed(workers[-DONORS:]), *near]):
            if worker != placement[unit]:
                yield {**placement, unit: worker}
    for unit in units:
        for other in loads.order:
            if placement[other] != placement[unit]:
                yield {**placement, unit: placement[other], other: placement[unit]}


def _short(job: Job, data: Data) -> _Timed:
    """The first instances of one epoch: enough to fill the pipeline a few times."""
    count = min(len(data.training), max(16, 4 * job.training.max_active_keys))
    short = job.with_training(epochs=1, validate_every=None)
    return _Timed(short, Data(First(data.training, count), None))
