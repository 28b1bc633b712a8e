"""Scoring the trained parameters of a run on a data set."""

from __future__ import annotations

from typing import NamedTuple

from ampsim.engine.null import NullBackend
from ampsim.engine.plan import Plan
from ampsim.engine.values import parameters_of
from ampsim.errors import UsageError
from ampsim.ir.data import Dataset
from ampsim.job import Data, Job
from ampsim.result.run import Run


class Evaluation(NamedTuple):
    """Mean loss and accuracy over ``rows`` rows."""

    rows: int
    loss: float
    accuracy: float


def evaluate(run: Run, data: Dataset | None = None) -> Evaluation:
    """Score the final parameters of ``run`` on ``data`` (left out: its own validation set), in this process.

    Raises UsageError if the run has no parameters or there is nothing to score on.
    """
    job = Job.from_dict(run.config["job"])
    if not run.final:
        raise UsageError("this run has no parameters to score", do="evaluate a run in numeric mode")
    chosen = data if data is not None else job.data.load().validation
    if chosen is None or len(chosen) == 0:
        raise UsageError("there is nothing to score on", do="give a data set")
    values = parameters_of(run, job.graph)
    plan = Plan(job, values=values, evaluate=True, given_data=Data(chosen, chosen))
    result = NullBackend().execute(plan)
    scored = result.summary["validations"][0]
    return Evaluation(int(result.tables["instances"]["rows"].sum()), scored["loss"], scored["accuracy"])
