"""This machine as measured with the calibration jobs of a suite."""

from __future__ import annotations

from typing import Any

from ampsim.hw import System
from ampsim.studies.calibrate import calibrate
from ampsim.studies.validate.items import calibration
from ampsim.studies.validate.suite import Suite


def host(suite: Suite) -> System:
    """The machine now. Raises UsageError for a job that cannot run, RunError if a worker fails."""
    asked = {"workers": suite.calibration.workers, "seconds": suite.calibration.seconds}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return calibrate(calibration(suite), **given)
