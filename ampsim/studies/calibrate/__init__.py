"""This machine as a System: real runs of some jobs, and what their tables say about tasks, messages and cores.

runs        short real runs, in rounds          observe     what one of them shows
service     times of tasks                      between     what lies between tasks
describe    all of it as a System               machine     where and when, and whether that is still so
jobs        what is run if no job is given      fit         least squares with costs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ampsim.engine.plan import Plan
from ampsim.hw import System
from ampsim.hw.backend import SimBackend
from ampsim.job import Job
from ampsim.result.aside import checked_target, replace_file
from ampsim.result.load import LIMIT, load_of
from ampsim.result.provenance import usable_cores
from ampsim.studies.calibrate.describe import corrected, describe
from ampsim.studies.calibrate.jobs import default_jobs
from ampsim.studies.calibrate.machine import stale
from ampsim.studies.calibrate.observe import observe, rates, structure_time
from ampsim.studies.calibrate.runs import Setting, Short, short_runs

__all__ = ["calibrate", "stale", "write"]


def calibrate(
    jobs: Job | Sequence[Job] | None = None,
    *,
    workers: int | None = None,
    seconds: float | None = None,
    start_method: str = "forkserver",
    say: Callable[[str], object] = str,
) -> System:
    """Measure this machine with short real runs of ``jobs`` (left out: one of every workload); under a minute.

    They run on one worker, on as many as cores and on twice as many, at most ``workers``; all in about ``seconds``
    (left out: 10 for each job, 35 at most). The result is an ordinary System of cores that its units share. Operations
    that were run stand in it as tables, and kinds of operations as a formula, for those that were not. ``say`` hears
    what is going on. Raises UsageError for a job that cannot run, RunError if a worker fails.
    """
    given = default_jobs() if jobs is None else [jobs] if isinstance(jobs, Job) else list(jobs)
    for job in given:
        Plan(job, 1).check()
    cores = usable_cores() or 1
    most = 2 * cores if workers is None else workers
    limit = min(10.0 * len(given), 35.0) if seconds is None else seconds
    shorts = short_runs(given, cores, most, limit, start_method, say)
    if (others := _others(shorts)) > LIMIT:
        say(f"other programs took {100 * others:.0f} % of the cores meanwhile: calibrate again when they are gone")
    say("working out what they say")
    loaded = {id(short.data): short.data for short in shorts}
    structure = {key: structure_time(data.training) for key, data in loaded.items()}
    named = [(type(short.data.training).__name__, structure[id(short.data)]) for short in shorts]
    system = describe([observe(short.run, short.data) for short in shorts], named, rates(), cores)
    return corrected(system, _ratios(shorts, system, cores))


def _others(shorts: Sequence[Short]) -> float:
    """Share of the cores that others and the host took, as far as the runs were long enough to tell."""
    loads = [load for short in shorts if (load := load_of(short.run)) and load.disturbed is not None]
    taken = sum(load.seconds * ((load.others or 0.0) + (load.steal or 0.0)) for load in loads)
    there = sum(load.seconds * (load.cores or 0) for load in loads)
    return taken / there if there else 0.0


def _ratios(shorts: Sequence[Short], system: System, cores: int) -> dict[bool, list[float]]:
    """Times of the runs over what is predicted of them, by whether there were more workers than cores."""
    predicted: dict[tuple[int, Setting], float] = {}
    found: dict[bool, list[float]] = {False: [], True: []}
    for short in shorts:
        key = (id(short.job), short.setting)
        if key not in predicted:
            job = Job.from_dict(short.run.config["job"])
            plan = Plan(job, short.setting.workers, mode="shapes", given_data=short.data)
            predicted[key] = SimBackend(system).execute(plan).makespan
        found[short.setting.workers > cores].append(short.run.makespan / predicted[key])
    return found


def write(system: System, path: Path) -> None:
    """Write the system as YAML, whole or not at all. Raises UsageError if it cannot be written there."""
    replace_file(checked_target(path), system.to_yaml().encode())
