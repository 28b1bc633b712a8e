"""The trainings behind a staleness curve: few to many instances in flight, on one worker and on many, several seeds."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable

import numpy as np

from ampsim.engine.null import NullBackend
from ampsim.engine.placement import units_of
from ampsim.engine.plan import Plan
from ampsim.errors import NonFinite, UsageError
from ampsim.ir.data import Dataset
from ampsim.ir.replicas import lanes
from ampsim.job import Data, Job
from ampsim.result.metrics import mean_staleness
from ampsim.studies.hooks import Run
from ampsim.studies.staleness_curve import STRETCHES, Settings, StalenessCurve, Trial

SAME = ("min_update_frequency", "update", "gradient", "optimizer", "nodes", "target", "target_loss")
"""Settings of training in which a curve and a job have to agree."""
SEEDS = 3
LEAST_MAK = 8
"""Without other words, this many instances in flight are tried, and twice as many as the job has."""


def staleness_curve(
    job: Job,
    maks: Iterable[int] | None = None,
    *,
    workers: Iterable[int] | None = None,
    seeds: int = SEEDS,
    say: Callable[[str], object] = str,
) -> StalenessCurve:
    """Train ``job`` to its target many times, and keep how stale its gradients were and how many epochs it took.

    Every one of ``maks`` instances in flight (left out: 1, 2, 4 and so on to twice what the job has, 8 at least) is
    tried with every number of ``workers`` (left out: one, one for each unit of the job, and half as many), with
    ``seeds`` seeds from the job's own on. There is no clock: workers take turns, a task at a time. The target is looked
    for every tenth of an epoch; an epoch is all of the training data, whatever ``training.instances`` says. ``say``
    hears of each training. Raises UsageError for a job without a target, or without anything to look for it in.
    """
    data = loaded(job)
    every = stretch(len(data.training))
    tried = sorted({min(mak, every) for mak in (_maks(job) if maks is None else maks)})
    counts = sorted(_counts(job) if workers is None else set(workers))
    if seeds < 2 or not tried or not counts:
        what = "a curve needs two seeds, one number of workers and one of instances in flight"
        raise UsageError(what, "staleness_curve", "give seeds=2 or more, and maks and workers that are not empty")
    trials: list[Trial] = []
    for mak, count in itertools.product(tried, counts):
        if mak == 1 and trials and not any(trial.staleness for trial in trials):
            continue  # without staleness any number of workers trains alike
        for seed in range(job.training.seed, job.training.seed + seeds):
            changed = job.with_training(max_active_keys=mak, seed=seed, validate_every=every, instances=None)
            trials.append(_trained(changed, count, data))
            say(_told(trials[-1]))
    return StalenessCurve(
        job=job.name, source=source_of(job), settings=settings_of(job), most_epochs=job.training.epochs, trials=trials
    )


def stretch(instances: int) -> int:
    """Of an epoch of so many training instances, those between two validations: a tenth."""
    return max(1, -(-instances // STRETCHES))


def settings_of(job: Job) -> Settings:
    """What a curve of ``job`` and a job that it is used for have to agree in."""
    given, data = job.training.to_dict(), job.data.load().training
    rows = _rows(data) / max(len(data), 1)
    # Through JSON and back, so that tuples and the like compare as they do in a file.
    return Settings(json.loads(json.dumps({name: given[name] for name in SAME})), rows, lanes(job.graph))


def source_of(job: Job) -> str:
    """SHA-256 of graph and data recipe."""
    parts = {name: value for name, value in job.to_dict().items() if name != "training"}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def loaded(job: Job) -> Data:
    """The data of a job that can reach a target. Raises UsageError for one that has none, or no validation set."""
    if job.training.target is None and job.training.target_loss is None:
        raise UsageError(
            "the job has no target to reach", "training.target", "set an accuracy, or training.target_loss"
        )
    data = job.data.load()
    if data.validation is None or not len(data.validation):
        raise UsageError("there is no validation set to look for the target in", "data", "choose data that have one")
    return data


def _maks(job: Job) -> list[int]:
    most = max(2 * job.training.max_active_keys, LEAST_MAK)
    return [2**power for power in range((most - 1).bit_length() + 1)]


def _counts(job: Job) -> set[int]:
    units = max(len(set(units_of(job.graph))), 1)
    return {1, -(-units // 2), units}


def _trained(job: Job, workers: int, data: Data) -> Trial:
    mak, seed = job.training.max_active_keys, job.training.seed
    try:
        run = NullBackend().execute(Plan(job, workers, given_data=data))
    except NonFinite:
        # It left no run behind; the staleness does not depend on what the gradients were.
        counted = job.with_training(epochs=1, target=None, target_loss=None)
        run = NullBackend().execute(Plan(counted, workers, mode="shapes", given_data=data))
        return Trial(mak, workers, seed, mean_staleness(run) or 0.0, None)
    return Trial(mak, workers, seed, mean_staleness(run) or 0.0, _epochs(run, _rows(data.training)))


def _epochs(run: Run, rows: int) -> float | None:
    """Rows trained on before the validation that reached the target, in epochs of so many rows."""
    if run.summary["epochs_to_target"] is None:
        return None
    table, last = run.tables["instances"], run.summary["validations"][-1]["instance"]
    before = table["training"] & (table["instance"] < last)
    return float(table["rows"][before].sum() / rows)


def _rows(data: Dataset) -> int:
    return int(np.sum([data.rows(index) for index in range(len(data))]))


def _told(trial: Trial) -> str:
    where = f"mak {trial.max_active_keys}, {trial.workers} {'worker' if trial.workers == 1 else 'workers'}"
    ended = "target missed" if trial.epochs is None else f"{trial.epochs:.3g} epochs"
    return f"{where}, seed {trial.seed}: {ended}, staleness {trial.staleness:.3g}"
