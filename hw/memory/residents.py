"""What lies on each chip for the whole run: parameters, gradients and optimizer state; refused where it cannot fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ampsim.engine.plan import Plan
from ampsim.errors import CapacityError
from ampsim.hw.cost import ChipCost
from ampsim.hw.memory.account import NO_LEVEL, STATIC
from ampsim.hw.memory.sizes import lines, show
from ampsim.hw.system import System
from ampsim.ir.nodes import Parameterised

MOST_ROWS = 20


class Share(NamedTuple):
    """Bytes that one node keeps on its chip for the whole run."""

    name: str
    parameters: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All three together."""
        return self.parameters + self.gradients + self.optimizer


def capacity(system: System, chip: int) -> int | None:
    """Bytes of memory of a chip, its first level; None when it is unlimited."""
    limit = system.chip_kinds[chip].memory_capacity
    return None if isinstance(limit, str) else limit


def off_chip(system: System, chip: int) -> int | None:
    """Bytes of the level behind it that may be used: 0 when nothing spills there, None when it is unlimited."""
    level = system.chip_kinds[chip].off_chip
    if level is None or system.overflow != "spill":
        return NO_LEVEL
    return None if isinstance(level.capacity, str) else level.capacity


def both(system: System, chip: int) -> int | None:
    """Bytes of all levels that may be used; None when there is no limit."""
    first, second = capacity(system, chip), off_chip(system, chip)
    return None if first is None or second is None else first + second


def residents(plan: Plan, system: System) -> dict[int, list[Share]]:
    """The shares of all nodes with parameters, by chip in use, in the format that the chip computes in."""
    chips = system.unit_chips[: plan.workers]
    placed: dict[int, list[Share]] = {chip: [] for chip in chips}
    costs = {chip: ChipCost(system.chip_kinds[chip]) for chip in placed}
    for node, owner in zip(plan.job.graph.nodes, plan.program.owner, strict=True):
        if isinstance(node, Parameterised):
            stored = costs[chips[owner]].stored
            size = sum(spec.nbytes for spec in node.parameters().values())
            slots = len(plan.job.training.of_node(node.name, node.base).optimizer.slots)
            placed[chips[owner]].append(Share(node.name, stored(size), stored(size), stored(size * slots)))
    return placed


def check_static(system: System, placed: Mapping[int, Sequence[Share]]) -> None:
    """Refuse a placement (shares by chip number) whose static parts do not fit.

    Raises CapacityError with a table of every chip that is too small: needed, available, missing, and what would fit.
    """
    rows, advice = [], []
    for chip, shares in sorted(placed.items()):
        limit = both(system, chip)
        needed = sum(share.total for share in shares)
        if limit is None or needed <= limit:
            continue
        parts = [sum(getattr(share, kind) for share in shares) for kind in STATIC]
        name = system.chip_names[chip]
        rows.append((name, *map(show, (*parts, needed, limit, needed - limit))))
        advice.append(what_fits(name, shares, limit))
    if not rows:
        return
    what = f"the job does not fit the memory of {len(rows)} of {len(placed)} chips in use"
    heads = ("chip", *STATIC, "needed", "available", "missing")
    more = [f"and {len(rows) - MOST_ROWS} more chips"] if len(rows) > MOST_ROWS else []
    text = [what, *lines(heads, rows[:MOST_ROWS]), *more]
    do = "place fewer nodes on a chip or choose larger chips; " + "; ".join(advice[:5])
    raise CapacityError("\n".join(text), f"memory of system {system.name}", do)


def what_fits(name: str, shares: Sequence[Share], limit: int) -> str:
    """How many of the nodes, in their order, the chip could hold, and how many such chips would hold all."""
    used, fitting = 0, []
    for share in shares:
        if used + share.total <= limit:
            used += share.total
            fitting.append(share.name)
    largest = max(shares, key=lambda share: share.total)
    if largest.total > limit:
        return f"{largest.name} alone needs {show(largest.total)} of the {show(limit)} of {name}"
    needed = -(-sum(share.total for share in shares) // limit)
    kept = ", ".join(fitting[:4]) + (", ..." if len(fitting) > 4 else "")
    return (
        f"{name} could hold {len(fitting)} of its {len(shares)} nodes ({kept}), all need at least {needed} such chips"
    )
