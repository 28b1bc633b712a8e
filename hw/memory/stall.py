"""Overflow policy ``stall``: fewer instances in flight, as many as memory has room for.

    in flight   max_active_keys  -- a chip overflows -->  one fewer than there were then  -- ... -->  all fits

The simulation starts again with each lower limit, so the run that comes out is, bit for bit, that of the same job with
``max_active_keys`` set to the limit: the highest under which memory suffices. (A limit that was never reached before
the overflow changes nothing up to there, so those in between are passed over.) With one instance in flight nothing is
left that could finish and make room, and the overflow is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ampsim.engine.controller import Controller
from ampsim.engine.plan import Plan
from ampsim.errors import OutOfMemory, Stalled
from ampsim.hw.clock import to_fs
from ampsim.hw.memory.overflow import OverflowLog
from ampsim.ir.message import Array
from ampsim.result.run import Run

Start = Callable[[Plan], tuple[Callable[[], Run], Controller]]
"""Makes a simulation of a plan: what runs it, and its controller."""


def run_stalling(plan: Plan, start: Start, worker_of: Callable[[str], int]) -> Run:
    """The run of a plan under the policy; ``worker_of`` gives a worker on the chip of that name.

    ``summary["in_flight_limit"]`` is the limit, and the table ``overflow`` has a row for each instance held back.
    Raises OutOfMemory if one instance does not fit by itself.
    """
    wanted = limit = plan.job.training.max_active_keys
    full: OutOfMemory | None = None
    replicated = any(node.replica for node in plan.job.graph.nodes)  # then copies may share the room among them
    while True:
        run, controller = start(plan if limit == wanted else _narrowed(plan, limit))
        try:
            found = run()
        except OutOfMemory as error:
            full = error
            most = most_in_flight(controller) if not replicated else limit
            if most <= 1:
                raise _nothing_left(error) from None
            limit = min(limit, most) - 1
        except Stalled:
            if full is None:
                raise
            raise full from None  # the given order of tasks needs more in flight than fits
        else:
            found.summary["in_flight_limit"] = limit
            if full is not None:
                found.tables["overflow"] = held_back(plan, found, worker_of(full.chip), wanted)
            return found


def _narrowed(plan: Plan, limit: int) -> Plan:
    job = plan.job.with_training(max_active_keys=limit)
    return replace(plan, job=job, owner=plan.program.owner, given_data=plan.data)


def _nothing_left(error: OutOfMemory) -> OutOfMemory:
    what, *table = error.what.splitlines()
    text = f"{what}; one instance is in flight, so nothing is left that could finish and make room"
    do = "spread the nodes over more chips, choose chips with more memory, or let them spill"
    last = OutOfMemory("\n".join([text, *table]), error.where, do)
    last.chip = error.chip
    return last


def most_in_flight(controller: Controller) -> int:
    """The most instances that have been in flight at once so far; what ends makes room for what begins then."""
    times = controller.instances.items()
    ends = [(done, -1) for number, (_, done) in times if number not in controller.in_flight]
    changes = sorted([*ends, *((admitted, 1) for _, (admitted, _) in times)])
    return int(np.cumsum([change for _, change in changes]).max(initial=0))


def held_back(plan: Plan, run: Run, worker: int, wanted: int) -> dict[str, Array]:
    """The stalls of a run as a table ``overflow``: from when ``wanted`` in flight would have let an instance in.

    That is when its stretch of training or validation began, or when the ``wanted``-th instance before the end of the
    queue in front of it was complete.
    """
    table = run.tables["instances"]
    times = {
        number: (to_fs(admitted), to_fs(completed))
        for number, admitted, completed in zip(
            *(table[column].tolist() for column in ("instance", "admitted", "completed")), strict=True
        )
    }
    log = OverflowLog()
    for segment in plan.program.schedule.segments():
        numbers = [number for number in range(segment.start, segment.stop) if number in times]
        ends = sorted(times[number][1] for number in numbers)
        for place, number in enumerate(numbers):
            admitted = times[number][0]
            free = times[numbers[0]][0] if place < wanted else ends[place - wanted]
            if free < admitted:
                log.add(worker, "stall", free, admitted, instance=number)
    return log.table()
