"""ampsim: one IR of a training job, run on real cores and simulated on hardware that does not exist yet.

    import ampsim
    job = ampsim.workload("mlp")
    measured = ampsim.run(job, workers=2)
    predicted = ampsim.simulate(job, "fpga_ring_16")
    for row in ampsim.compare(predicted, measured).rows:
        print(row)
    measured.report("report.html")

Names are imported when first used, so that ``import ampsim`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

_HOME = {
    "Adam": "ampsim.engine.optimizer",
    "AmpsimError": "ampsim.errors",
    "Cosine": "ampsim.engine.rates",
    "Dataset": "ampsim.ir.data",
    "Graph": "ampsim.ir.graph",
    "Job": "ampsim.job",
    "Momentum": "ampsim.engine.optimizer",
    "Recipe": "ampsim.job",
    "Run": "ampsim.studies.hooks",
    "SGD": "ampsim.engine.optimizer",
    "StalenessCurve": "ampsim.studies.staleness_curve",
    "Step": "ampsim.engine.rates",
    "System": "ampsim.hw",
    "Training": "ampsim.job",
    "Warmup": "ampsim.engine.rates",
    "calibrate": "ampsim.studies.calibrate",
    "compare": "ampsim.result.compare",
    "load_job": "ampsim.studies.jobs",
    "load_run": "ampsim.studies.execute",
    "load_system": "ampsim.studies.execute",
    "reach": "ampsim.studies.reach",
    "replay": "ampsim.studies.execute",
    "run": "ampsim.studies.execute",
    "simulate": "ampsim.studies.execute",
    "staleness_curve": "ampsim.studies.trials",
    "sweep": "ampsim.studies.sweep",
    "validate": "ampsim.studies.validate.rounds",
    "verify": "ampsim.ir.verify",
    "what_if": "ampsim.studies.what_if",
    "workload": "ampsim.workloads",
}

# Written out once more: type checkers take a list of names that is computed for no list at all.
__all__ = [
    "SGD",
    "Adam",
    "AmpsimError",
    "Cosine",
    "Dataset",
    "Graph",
    "Job",
    "Momentum",
    "Recipe",
    "Run",
    "StalenessCurve",
    "Step",
    "System",
    "Training",
    "Warmup",
    "calibrate",
    "compare",
    "load_job",
    "load_run",
    "load_system",
    "nodes",
    "reach",
    "replay",
    "run",
    "simulate",
    "staleness_curve",
    "sweep",
    "validate",
    "verify",
    "what_if",
    "workload",
]

if TYPE_CHECKING:
    from ampsim.engine.optimizer import SGD, Adam, Momentum
    from ampsim.engine.rates import Cosine, Step, Warmup
    from ampsim.errors import AmpsimError
    from ampsim.hw import System
    from ampsim.ir import nodes
    from ampsim.ir.data import Dataset
    from ampsim.ir.graph import Graph
    from ampsim.ir.verify import verify
    from ampsim.job import Job, Recipe, Training
    from ampsim.result.compare import compare
    from ampsim.studies.calibrate import calibrate
    from ampsim.studies.execute import load_run, load_system, replay, run, simulate
    from ampsim.studies.hooks import Run
    from ampsim.studies.jobs import load_job
    from ampsim.studies.reach import reach
    from ampsim.studies.staleness_curve import StalenessCurve
    from ampsim.studies.sweep import sweep
    from ampsim.studies.trials import staleness_curve
    from ampsim.studies.validate.rounds import validate
    from ampsim.studies.what_if import what_if
    from ampsim.workloads import workload


def __getattr__(name: str) -> Any:
    if name == "nodes":
        found = importlib.import_module("ampsim.ir.nodes")
    elif name in _HOME:
        found = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'ampsim' has no attribute {name!r}")
    globals()[name] = found  # asked for once only
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
