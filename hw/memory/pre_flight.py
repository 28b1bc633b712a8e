"""Before anything runs: does the job fit, chip by chip, and if not, what would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from ampsim.engine.plan import Plan
from ampsim.errors import AmpsimError
from ampsim.hw.backend import SimBackend
from ampsim.hw.memory.account import STATIC
from ampsim.hw.memory.residents import Share, both, residents, what_fits
from ampsim.hw.memory.sizes import lines, show
from ampsim.hw.system import System
from ampsim.ir.first import First
from ampsim.job import Data

TRIED = 3
"""Instances that are tried one by one."""


class Row(NamedTuple):
    """One chip in use; bytes, in the format that the chip computes in.

    ``instance`` is what one instance in flight adds at its peak, or None if that could not be tried. ``available``
    counts off-chip memory where the policy may use it; None is no limit. ``would_fit`` is a sentence.
    """

    chip: str
    nodes: tuple[str, ...]
    parameters: int
    gradients: int
    optimizer: int
    instance: int | None
    available: int | None
    would_fit: str

    @property
    def static(self) -> int:
        """Bytes held all the time."""
        return self.parameters + self.gradients + self.optimizer

    @property
    def needed(self) -> int:
        """Bytes with one instance in flight."""
        return self.static + (self.instance or 0)

    @property
    def missing(self) -> int:
        """Bytes that are needed and not there."""
        return 0 if self.available is None else max(self.needed - self.available, 0)


def preflight(plan: Plan, system: System) -> list[Row]:
    """One row for each chip in use, in order: needed, available, and what would fit.

    What one instance adds is found by trying the first :data:`TRIED`, one at a time, in shapes mode on the same system
    with unlimited memory. Raises UsageError as executing the plan would, but for lack of memory.
    """
    plan.check()
    placed = residents(plan, system)
    peaks = _peaks(plan, system)
    rows = []
    for number, (chip, shares) in enumerate(sorted(placed.items())):
        parameters, gradients, optimizer = (sum(getattr(share, kind) for share in shares) for kind in STATIC)
        peak = None if peaks is None else max(peaks[number] - parameters - gradients - optimizer, 0)
        name, nodes = system.chip_names[chip], tuple(share.name for share in shares)
        row = Row(name, nodes, parameters, gradients, optimizer, peak, both(system, chip), "")
        rows.append(row._replace(would_fit=_would_fit(row, shares)))
    return rows


def preflight_table(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of text, one a chip."""
    heads = ("chip", *STATIC, "an instance", "needed", "available", "missing")
    cells = []
    for row in rows:
        available = "unlimited" if row.available is None else show(row.available)
        instance = "?" if row.instance is None else show(row.instance)
        parts = [show(row.parameters), show(row.gradients), show(row.optimizer), instance, show(row.needed)]
        cells.append((row.chip, *parts, available, show(row.missing) if row.missing else "-"))
    return [*lines(heads, cells), *(f"  {row.would_fit}" for row in rows if row.would_fit)]


def _would_fit(row: Row, shares: Sequence[Share]) -> str:
    if row.available is None:
        return ""
    if row.static > row.available:
        return what_fits(row.chip, shares, row.available)
    if not row.instance:
        return ""
    count = (row.available - row.static) // row.instance
    if not count:
        return f"{row.chip} could hold its nodes, and no instance beside them"
    return f"{row.chip} could hold about {count} instance{'s' if count > 1 else ''} in flight"


def _peaks(plan: Plan, system: System) -> list[int] | None:
    """Peak bytes of each chip in use while the first instances are done one at a time; None if they cannot be."""
    roomy = tuple(msgspec.structs.replace(group, memory_capacity="unlimited") for group in system.chips)
    training = plan.job.training
    job = plan.job.with_training(
        max_active_keys=1, epochs=min(training.epochs, 1), target=None, target_loss=None, validate_every=None
    )
    scored = plan.data.validation if plan.evaluate or not training.epochs else None
    data = Data(First(plan.data.training, TRIED), None if scored is None else First(scored, TRIED))
    trial = replace(
        plan, job=job, owner=plan.program.owner, given_data=data, mode="shapes", values=None, order=None, progress=None
    )
    try:
        run = SimBackend(msgspec.structs.replace(system, chips=roomy, overflow="refuse")).execute(trial)
    except AmpsimError:
        return None  # the error of the graph is left to the run itself
    return [chip["peak"] for chip in run.summary["chips"]]
