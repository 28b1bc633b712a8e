"""Instances under way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Table


def in_flight(tables: Mapping[str, Table], *, training: bool) -> Steps:
    """Instances of training or of validation that are admitted and not yet completed."""
    instances = tables["instances"]
    chosen = instances["training"] == training
    return Steps.counting(instances["admitted"][chosen], instances["completed"][chosen])


def max_active_keys(config: Mapping[str, Any]) -> int | None:
    """How many instances may be in flight, as the configuration of a run says; None where it does not."""
    job = config.get("job")
    training = job.get("training") if isinstance(job, Mapping) else None
    found = training.get("max_active_keys") if isinstance(training, Mapping) else None
    return found if isinstance(found, int) else None
