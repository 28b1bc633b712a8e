"""Short real runs of jobs, in rounds, so that a machine that is slow for a moment is not slow for one of them only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ampsim.engine.plan import Plan
from ampsim.job import Data, Job
from ampsim.result.run import Run
from ampsim.runtime.backend import RuntimeBackend

ROUNDS = 2
STARTING = 0.5  # seconds to start processes and end them
LEAST, FIRST = 0.15, 12  # seconds of a run; instances of a first one


class Setting(NamedTuple):
    """So many workers and instances in flight; no two alike in what they show."""

    workers: int
    mak: int


class Short(NamedTuple):
    """A job that was run for a moment, and what with."""

    job: Job
    setting: Setting
    run: Run
    data: Data


def settings(cores: int, most: int) -> list[Setting]:
    """One worker, as many as cores, and twice as many, each with few and with many instances in flight."""
    wanted = [Setting(1, 1), Setting(1, 8), Setting(cores, 1), Setting(cores, 6), Setting(2 * cores, 6)]
    return list(dict.fromkeys(setting for setting in wanted if setting.workers <= most))


def short_runs(
    jobs: Sequence[Job], cores: int, most: int, seconds: float, start_method: str, say: Callable[[str], object]
) -> list[Short]:
    """Every job with every setting, :data:`ROUNDS` times, in about so many seconds. Raises what a run raises."""
    chosen = settings(cores, most)
    share = max(seconds / (len(jobs) * (len(chosen) * ROUNDS + 1)) - STARTING, LEAST)
    counts = []
    loaded = []
    for job in jobs:
        data = Data(job.data.load().training, None)
        loaded.append(data)
        counts.append(_count(job, data, share, start_method))
    found = []
    for number in range(ROUNDS):
        for job, data, count in zip(jobs, loaded, counts, strict=True):
            say(f"round {number + 1} of {ROUNDS}: {job.name}")
            found += [Short(job, setting, _run(job, data, setting, count, start_method), data) for setting in chosen]
    return found


def _count(job: Job, data: Data, seconds: float, start_method: str) -> int:
    """Instances that one worker gets through in so many seconds."""
    taken = _run(job, data, Setting(1, 3), FIRST, start_method).makespan
    return max(2 * FIRST, int(FIRST * seconds / taken))


def _run(job: Job, data: Data, setting: Setting, count: int, start_method: str) -> Run:
    epochs = -(-count // len(data.training))
    part = job.with_training(
        max_active_keys=setting.mak, epochs=epochs, instances=min(count, len(data.training)),
        target=None, target_loss=None, validate_every=None,
    )  # fmt: skip
    return RuntimeBackend(start_method).execute(Plan(part, setting.workers, given_data=data))
