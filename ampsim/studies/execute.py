"""Run, simulate, replay: a job on one of the backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ampsim.engine.assemble import replay_order
from ampsim.engine.controller import Controller
from ampsim.engine.plan import Plan
from ampsim.engine.values import nested, parameters_of
from ampsim.hw import System
from ampsim.job import Job
from ampsim.studies.hooks import Run

Progress = Callable[[Controller, float], None]


def run(
    job: Job,
    *,
    workers: int = 2,
    placement: Mapping[int, int] | None = None,
    init: Run | None = None,
    start_method: str = "forkserver",
    progress: Progress | None = None,
) -> Run:
    """Train ``job`` on so many worker processes of this machine.

    ``placement`` maps affinity units to workers (left out: balanced by work). ``init`` continues from the final
    parameters of another run of the same graph; optimizer state starts anew. Raises UsageError before anything is
    started, RunError when a worker dies, the run stalls, or a loss or gradient is not finite.
    """
    from ampsim.runtime.backend import RuntimeBackend

    plan = Plan(job, workers, placement, values=parameters_of(init, job.graph), progress=progress)
    return RuntimeBackend(start_method).execute(plan)


def simulate(
    job: Job,
    system: System | str | Path,
    *,
    placement: Mapping[int, int] | str | None = None,
    workers: int | None = None,
    mode: str = "numeric",
    init: Run | None = None,
    progress: Progress | None = None,
    tie_break: int | None = None,
) -> Run:
    """The same job on a system that need not exist.

    ``system`` is a System, the name of a catalogue entry, or a YAML file. ``mode="numeric"`` trains for real in
    simulated time; ``mode="shapes"`` only counts, so it has no accuracy and refuses a job with a target (leave it out
    by ``job.with_training(target=None, target_loss=None)``). ``placement`` maps affinity units to workers, or is
    ``balanced`` (what is left out means), ``round_robin`` or ``auto`` (:mod:`ampsim.studies.place`). ``workers`` uses
    the first so many chips (left out: as many as there are units to place, at most all). ``tie_break`` is a seed that
    draws the order of events of equal time, which is fixed without it. Raises UsageError before it starts, RunError
    when the run cannot be finished.
    """
    from ampsim.hw.backend import SimBackend

    loaded = load_system(system)
    # An empty graph has no unit; it is refused for being empty, not for needing no worker.
    count = workers if workers is not None else max(SimBackend.default_workers(job, loaded), 1)
    if isinstance(placement, str):
        from ampsim.studies.place import placement_by_name

        placement = placement_by_name(placement, job, loaded, count)
    plan = Plan(job, count, placement, mode, parameters_of(init, job.graph), progress=progress)
    return SimBackend(loaded, tie_break).execute(plan)


def replay(measured: Run, system: System | str | Path, *, mode: str = "numeric", durations: bool = False) -> Run:
    """Simulate the very order of tasks that ``measured`` had; in numeric mode the parameters come out bit-equal.

    With ``durations`` all that takes time takes as long as it was measured: tasks, the messaging between them, parcels
    and orders on their way. Who waits, and for how long, is left to come out; the system gives names and memory only.
    That asks for a run on real workers. Raises UsageError otherwise.
    """
    from ampsim.hw.backend import SimBackend
    from ampsim.hw.playback import PlaybackBackend

    job = Job.from_dict(measured.config["job"])
    owner = measured.config["run"]["owner"]
    values = nested(measured.initial)
    plan = Plan(
        job, measured.summary["workers"], mode=mode, values=values, order=replay_order(measured), owner=tuple(owner)
    )
    loaded = load_system(system)
    backend = PlaybackBackend(loaded, measured) if durations else SimBackend(loaded)
    return backend.execute(plan)


def load_run(folder: str | Path) -> Run:
    """A run from its folder. Raises UsageError if a file is missing, damaged or of a newer version."""
    return Run.load(Path(folder))


def load_system(system: System | str | Path) -> System:
    """A System from itself, a catalogue name or a YAML file."""
    from ampsim.hw import load

    return system if isinstance(system, System) else load(str(system))
