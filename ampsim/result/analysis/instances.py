"""Instances under way."""

from __future__ import annotations

from collections.abc import Mapping

from ampsim.result.analysis.steps import Steps
from ampsim.result.schema import Table


def in_flight(tables: Mapping[str, Table], *, training: bool) -> Steps:
    """Instances of training or of validation that are admitted and not yet completed."""
    instances = tables["instances"]
    chosen = instances["training"] == training
    return Steps.counting(instances["admitted"][chosen], instances["completed"][chosen])
