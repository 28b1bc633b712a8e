"""What the types of a group of chips cannot say: fields that have to agree with each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ampsim.hw.schema.chips import REFERENCE, Chips, Table
from ampsim.strict_yaml import PathError, Steps

MAX_WORKERS = 65_536
"""Execution units of a system."""


def check_groups(groups: Sequence[Chips], overflow: str) -> None:
    """Raise PathError for the first field of a group that does not agree with the others, or with ``overflow``."""
    units = sum(group.count * group.units for group in groups)
    if units > MAX_WORKERS:
        raise PathError(f"{units} execution units are more than {MAX_WORKERS}", ("chips",))
    for index, group in enumerate(groups):
        steps = ("chips", index)
        _check_formats(group, steps)
        _check_levels(group, steps, overflow)
        for operation, table in group.measured.items():
            _check_table(table, (*steps, "measured", operation))


def _check_formats(group: Chips, steps: Steps) -> None:
    if REFERENCE in group.formats:
        what = f"{REFERENCE} is what matmul and vector of the chip are for"
        raise PathError(what, (*steps, "formats", REFERENCE), "leave it out")
    if group.format != REFERENCE and group.format not in group.formats:
        known = ", ".join([REFERENCE, *group.formats])
        raise PathError(f"the chip has no format {group.format!r}", (*steps, "format"), f"one of: {known}")


def _check_levels(group: Chips, steps: Steps, overflow: str) -> None:
    if group.off_chip is None:
        if overflow == "spill" and not isinstance(group.memory_capacity, str):
            what = "what spills needs off-chip memory to go to"
            raise PathError(what, (*steps, "off_chip"), "give off_chip a capacity and a bandwidth")
        return
    if group.energy is not None and group.energy.off_chip is None:
        what = "the energy of a byte to or from off-chip memory is missing"
        raise PathError(what, (*steps, "energy", "off_chip"), "give it, or leave energy out")


def _check_table(table: Table, steps: Steps) -> None:
    if len(table.rows) != len(table.seconds):
        what = f"{len(table.rows)} rows and {len(table.seconds)} times"
        raise PathError(what, (*steps, "seconds"), "give one time for each number of rows")
    for index, (low, high) in enumerate(pairwise(table.rows)):
        if high <= low:
            raise PathError(f"{high} rows after {low}", (*steps, "rows", index + 1), "sort the table by rows")
