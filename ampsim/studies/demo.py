"""The main job from end to end: train it, predict it, compare, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ampsim.errors import AmpsimError, UsageError
from ampsim.hw import System
from ampsim.job import Job
from ampsim.result.aside import checked_target, replace_folder, written_aside
from ampsim.studies.calibrate import calibrate, write
from ampsim.studies.execute import Progress, load_system, run, simulate
from ampsim.studies.hooks import Run
from ampsim.workloads import workload

HYPOTHETICAL = "fpga_ring_16"
RUNS = ("measured", "predicted", "hypothetical")
HOST, REPORT = "host.yaml", "report.html"
SECONDS = 8
"""How long the machine is measured."""


@dataclass(frozen=True)
class Demo:
    """What the demo made: the measured run, its prediction, a prediction for other hardware, and where they are."""

    measured: Run
    predicted: Run
    hypothetical: Run
    host: System
    folder: Path
    report: Path


def demo(
    folder: Path,
    *,
    job: Job | None = None,
    say: Callable[[str], object] = str,
    progress: Callable[[str], Progress | None] | None = None,
    force: bool = False,
) -> Demo:
    """Run all steps on ``job`` (left out: the MLP on handwritten digits) and write ``folder``, whole or not at all.

    ``say`` hears what is going on, ``progress`` gives a listener for each run. Raises UsageError, before any work is
    done, if the folder exists; with ``force`` an earlier demo is replaced, but nothing else.
    """
    target = _checked(folder, force)

    def listener(title: str) -> Progress | None:
        return progress(title) if progress else None

    chosen = demo_job(say) if job is None else job
    say(f"measuring this machine (about {SECONDS} s)")
    host = calibrate(chosen, seconds=SECONDS)
    say("training on 2 worker processes")
    measured = run(chosen, workers=2, progress=listener("train"))
    say("simulating the same job on this machine as measured")
    predicted = simulate(chosen, host, workers=2, progress=listener("simulate host"))
    say(f"simulating the same job on {HYPOTHETICAL}, which does not exist")
    hypothetical = simulate(chosen, load_system(HYPOTHETICAL), progress=listener(f"simulate {HYPOTHETICAL}"))
    say("writing the runs and the report")
    _save(target, {"measured": measured, "predicted": predicted, "hypothetical": hypothetical}, host)
    return Demo(measured, predicted, hypothetical, host, target, target / REPORT)


def demo_job(say: Callable[[str], object]) -> Job:
    """The MLP on real digits, or on generated ones where the real ones cannot be had."""
    from ampsim.workloads.store import get

    try:
        get("mnist5k")
        return workload("mlp")
    except AmpsimError as error:
        say(f"real digits cannot be had, generated ones are used instead: {error}")
        return workload("mlp", data="generated")


def _checked(folder: Path, force: bool) -> Path:
    target = checked_target(folder)
    if target.is_symlink():
        raise UsageError(f"{folder} is a link, which is never followed", str(folder), "name the folder itself")
    if not target.exists():
        return target
    if not force:
        raise UsageError(f"{folder} exists already", str(folder), "choose another -o, or add --force to replace it")
    if not target.is_dir() or {path.name for path in target.iterdir()} - {*RUNS, HOST, REPORT}:
        raise UsageError(f"{folder} is not the folder of a demo, so it is not replaced", str(folder), "choose another")
    return target


def _save(target: Path, runs: dict[str, Run], host: System) -> None:
    """Write three run folders, the measured host and one report about all of them; then put them in place."""
    from ampsim.reports import render

    with written_aside(target) as aside:
        aside.mkdir()
        for name, result in runs.items():
            result.save(aside / name)
        write(host, aside / HOST)
        render(list(runs.values()), aside / REPORT)
        replace_folder(aside, target)
