"""The main job from end to end: train it, predict it, compare, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ampsim.errors import AmpsimError
from ampsim.hw import System
from ampsim.job import Job
from ampsim.studies.calibrate import calibrate
from ampsim.studies.execute import Progress, load_system, run, simulate
from ampsim.studies.hooks import Run
from ampsim.workloads import workload

HYPOTHETICAL = "fpga_ring_16"
FOLDER = Path("ampsim-demo")


@dataclass(frozen=True)
class Demo:
    """What the demo made: the measured run, its prediction, a prediction for other hardware, and where they are."""

    measured: Run
    predicted: Run
    hypothetical: Run
    host: System
    folder: Path
    report: Path


def demo(folder: Path, say: Callable[[str], None], progress: Callable[[str], Progress | None], force: bool) -> Demo:
    """Run all steps; ``say`` hears what is going on, ``progress`` gives a listener for each step."""
    job = demo_job(say)
    say("measuring this machine (about 6 s)")
    host = calibrate(job)
    say("training on 2 worker processes")
    measured = run(job, workers=2, progress=progress("train"))
    say("simulating the same job on this machine as measured")
    predicted = simulate(job, host, workers=2, progress=progress("simulate host"))
    say(f"simulating the same job on {HYPOTHETICAL}, which does not exist")
    hypothetical = simulate(job, load_system(HYPOTHETICAL), progress=progress(f"simulate {HYPOTHETICAL}"))
    say("writing the runs and the report")
    return save(measured, predicted, hypothetical, host, folder, force)


def demo_job(say: Callable[[str], None]) -> Job:
    """The MLP on real digits, or on generated ones where the real ones cannot be had."""
    from ampsim.workloads.store import get

    try:
        get("mnist5k")
        return workload("mlp")
    except AmpsimError as error:
        say(f"real digits cannot be had, generated ones are used instead\n{error}")
        return workload("mlp", data="generated")


def save(measured: Run, predicted: Run, hypothetical: Run, host: System, folder: Path, force: bool) -> Demo:
    """Write three run folders, the measured host and one report about all of them."""
    from ampsim.reports import render

    folder.mkdir(exist_ok=True)
    for name, result in (("measured", measured), ("predicted", predicted), ("hypothetical", hypothetical)):
        result.save(folder / name, force=force)
    (folder / "host.yaml").write_text(host.to_yaml(), encoding="utf-8")
    report = folder / "report.html"
    render([measured, predicted, hypothetical], report)
    return Demo(measured, predicted, hypothetical, host, folder, report)
