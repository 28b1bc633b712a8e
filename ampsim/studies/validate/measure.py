"""One case once: run on this machine, simulated on the machine as calibrated, and what the two say."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ampsim import __version__
from ampsim.errors import AmpsimError, RunError
from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.analysis.footprint import footprint
from ampsim.result.analysis.staleness import histograms
from ampsim.result.load import disturbed
from ampsim.result.provenance import cpu_model, git, system, usable_cores
from ampsim.result.run import Run
from ampsim.studies.execute import run, simulate
from ampsim.studies.lines import Line
from ampsim.studies.trials import stretch
from ampsim.studies.validate.items import Item

Backends = tuple[Callable[..., Run], Callable[..., Run]]
"""What measures and what predicts; tests put their own in place."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one run says: seconds, rows/s, shares, bytes.

    ``staleness[node][s]`` gradients had a staleness of s. ``memory`` is the growth of resident memory of a measured run
    and the accounted bytes of a simulated one, all workers together. ``intervals`` are low and high by quantity.
    """

    makespan: float
    throughput: float | None = None
    utilization: list[float | None] = msgspec.field(default_factory=list)
    staleness: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)
    memory: int | None = None
    time_to_target: float | None = None
    intervals: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)


class Record(Line, frozen=True, kw_only=True):
    """One case in one round: both sides, or the error; ``disturbed``: other load took part in the measured times."""

    label: str
    round: int
    measured: Side | None = None
    predicted: Side | None = None
    disturbed: bool | None = None
    error: str | None = None
    seconds: float = 0.0
    ended: str = ""
    machine: str = ""
    program: str = ""


class About(NamedTuple):
    """The machine and the program that a record is about."""

    machine: str
    program: str


def about() -> About:
    """This machine and this program; with a commit, if it is a checkout."""
    found = git() or {}
    commit = found.get("commit")
    machine = f"{cpu_model() or 'unknown processor'}, {usable_cores()} cores, {system()}"
    changed = " and changes" if commit and found.get("dirty") else ""
    return About(machine, f"ampsim {__version__}" + (f", commit {commit[:12]}{changed}" if commit else ""))


def measure(item: Item, number: int, host: System, here: About, backends: Backends = (run, simulate)) -> Record:
    """Run and simulate ``item`` in round ``number``. Raises nothing but what interrupts: an error is a record too."""
    start = time.perf_counter()
    measured = predicted = beside = error = None
    try:
        job = prepared(item, number)
        placed = {"workers": item.workers, "placement": item.placement}
        real = backends[0](job, **placed)
        measured, beside = side(real), disturbed(real)
        del real  # with all its tables; the simulation has its own
        mode = "numeric" if item.kind == "learning" else "shapes"
        predicted = side(backends[1](job, host, mode=mode, **placed))
        if item.kind == "learning" and None in (measured.time_to_target, predicted.time_to_target):
            who = "the machine" if measured.time_to_target is None else "the simulation"
            raise RunError(f"{who} did not reach the target in {job.training.epochs} epochs")
    except AmpsimError as known:
        error = str(known)
    except Exception as unknown:
        error = f"{type(unknown).__name__}: {unknown}".rstrip(": ")
    ended = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Record(
        key=item.key(number, here), label=item.label, round=number, measured=measured, predicted=predicted,
        disturbed=beside, error=error, seconds=time.perf_counter() - start, ended=ended, machine=here.machine,
        program=here.program,
    )  # fmt: skip


def prepared(item: Item, number: int) -> Job:
    """The job of a round; one that learns has the round's seed, and is validated every tenth of an epoch."""
    if item.kind != "learning":
        return item.job
    known = len(item.job.data.load().training)
    return item.job.with_training(seed=number, validate_every=stretch(min(known, item.job.training.instances or known)))


def side(of: Run) -> Side:
    """What a run says."""
    summary = of.summary
    intervals = {name: tuple(ends) for name, ends in (summary.get("interval") or {}).items() if name != "level"}
    return Side(
        makespan=of.makespan,
        throughput=of.throughput,
        utilization=of.utilization,
        staleness={
            found.node: {s: count for s, count in enumerate(found.counts.tolist()) if count}
            for found in histograms(of.tables)
        },
        memory=growth(of) if of.backend == "runtime" else accounted(of),
        time_to_target=of.time_to_target,
        intervals=intervals,
    )


def accounted(of: Run) -> int:
    """Bytes that all workers need: what they hold at most, with the arrays of the task that runs."""
    return int(footprint(of.tables, of.workers, of.summary["static_memory"]).sum())


def growth(of: Run) -> int | None:
    """Bytes by which the workers' memory grew from before the job was built to its peak; None: nobody counted.

    Rings and data sets are memory that processes share; they are no part of the account, and are left out here too.
    """
    total = 0
    for process in of.summary.get("resident") or [None]:
        if process is None or not {"resident", "peak", "shared"} <= process["before"].keys() & process["after"].keys():
            return None
        before, after = process["before"], process["after"]
        total += (after["peak"] - after["shared"]) - (before["resident"] - before["shared"])
    return total
