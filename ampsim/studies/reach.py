"""Time to accuracy of a job where it cannot be trained: epochs from a curve, the time of an epoch from counting.

    time to target = epochs to target (mean staleness on the system) x time of an epoch on the system

Both factors on the right come from one simulation in shapes mode, of one epoch, in which nothing is computed; the
curve comes from trainings at a scale that can be computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ampsim.errors import UsageError
from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.metrics import mean_staleness
from ampsim.studies.execute import simulate
from ampsim.studies.hooks import Run
from ampsim.studies.staleness_curve import Estimate, StalenessCurve
from ampsim.studies.trials import loaded, settings_of, source_of, staleness_curve, stretch

ALIKE = 0.1
"""Mean rows of an instance may differ by this share: instances of different form are never quite alike."""


@dataclass(frozen=True)
class Reach:
    """When a job would reach its target on a system.

    ``time`` is time to target in seconds, ``epochs`` the epochs it takes, each with an 80 % interval; ``staleness`` the
    mean staleness (versions) of ``run``, one epoch in shapes mode that takes ``epoch_time`` seconds of training.
    ``same_job`` is False if the curve was measured with another graph or other data, and so assumed to hold here.
    """

    time: Estimate
    epochs: Estimate
    staleness: float
    epoch_time: float
    same_job: bool
    curve: StalenessCurve
    run: Run


def reach(
    job: Job,
    system: System | str | Path,
    curve: StalenessCurve | None = None,
    *,
    placement: Mapping[int, int] | str | None = None,
    workers: int | None = None,
    say: Callable[[str], object] = str,
) -> Reach:
    """How long ``job`` would train on ``system`` until its target, without training it there.

    ``curve`` is a :func:`staleness_curve` of this job, or of a smaller one that learns alike (left out: it is made here
    of this job, which trains it some tens of times). ``placement`` and ``workers`` are those of :func:`simulate`.
    Raises UsageError for a job without a target, a curve of other settings of training, and a staleness outside what
    the curve has seen; RunError where the trainings of the curve missed the target at that staleness.
    """
    check_alike(job, curve)
    run = one_epoch(job, system, placement=placement, workers=workers, say=say)
    return put_together(job, curve or staleness_curve(job, say=say), run)


def check_alike(job: Job, other: StalenessCurve | Job | None) -> None:
    """Raise UsageError unless the job has a target, and trains as the other did, or is to, but for its size."""
    if other is None:
        loaded(job)
        return
    here = settings_of(job)
    there = settings_of(other) if isinstance(other, Job) else other.settings
    names = dict.fromkeys([*here.training, *there.training])
    pairs = [(name, here.training.get(name), there.training.get(name)) for name in names]
    told = [f"{name} is {_short(a)} here, {_short(b)} there" for name, a, b in pairs if a != b]
    if abs(here.rows / there.rows - 1) > ALIKE:
        told.append(f"an instance has {here.rows:.4g} rows here, {there.rows:.4g} there")
    if here.copies != there.copies:
        told.append(f"nodes have {here.copies} copies here, {there.copies} there")
    if told:
        name = other.name if isinstance(other, Job) else other.job
        do = "make a curve of a job that is trained like this one; it may be smaller"
        raise UsageError(f"the curve is of a job that is trained otherwise: {'; '.join(told)}", name, do)


def one_epoch(
    job: Job,
    system: System | str | Path,
    *,
    placement: Mapping[int, int] | str | None = None,
    workers: int | None = None,
    say: Callable[[str], object] = str,
) -> Run:
    """One epoch of the job in shapes mode, drained for a validation after every tenth, as the curve's trainings are."""
    every = stretch(len(job.data.load().training))
    counted = job.with_training(epochs=1, instances=None, target=None, target_loss=None, validate_every=every)
    run = simulate(counted, system, placement=placement, workers=workers, mode="shapes")
    name = run.config["run"]["system"]["name"]
    say(f"{name}: staleness {mean_staleness(run) or 0.0:.3g}, {run.throughput or 0:,.0f} rows/s")
    return run


def put_together(job: Job, curve: StalenessCurve, run: Run) -> Reach:
    """Epochs at the staleness of ``run``, one epoch of ``job``, times its time. Raises as :func:`reach` does."""
    staleness = mean_staleness(run) or 0.0
    epochs, seconds = curve.epochs(staleness), _epoch_time(run)
    time = _product(epochs, seconds, run)
    return Reach(time, epochs, staleness, seconds, curve.source == source_of(job), curve, run)


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _epoch_time(run: Run) -> float:
    """Seconds of training in the one epoch of a run, validations left out."""
    seen = run.summary["validations"]
    return float(seen[-1]["training_time"] if seen else run.epochs[-1]["time"])


def _product(epochs: Estimate, seconds: float, run: Run) -> Estimate:
    """The time, with the interval of the epochs and, where the system has one, that of the throughput.

    The two are independent, so that in logarithms their squares add up.
    """
    value = epochs.value * seconds
    faster = slower = 0.0
    interval = run.summary.get("interval")
    if interval and run.throughput:
        low, high = interval["throughput"]
        faster, slower = math.log(high / run.throughput), math.log(run.throughput / low)
    down = math.hypot(math.log(epochs.value / epochs.low), faster)
    up = math.hypot(math.log(epochs.high / epochs.value), slower)
    return Estimate(value, value * math.exp(-down), value * math.exp(up))
