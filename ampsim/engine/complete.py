"""Whether a run that says it is over has done everything, and anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ampsim.engine.worker import WorkerState
from ampsim.errors import RunError


def check_complete(workers: Sequence[WorkerState], travelling: int = 0) -> None:
    """Raise RunError if a message, a cached value or an update is left over at the end of a run.

    ``travelling`` is the number of parcels still on their way. Every forward message is answered and every answer ends
    at a source, so at the end there is nothing: what is left was lost on the way.
    """
    left = [f"{travelling} parcels are on their way"] if travelling else []
    left += [line for state in workers for line in _left(state)]
    if left:
        raise RunError(
            "\n".join(["the run ended with work unfinished", *(f"  - {line}" for line in left[:20])]),
            do="this is a mistake in a node or a policy: each message that goes forward has to be answered once",
        )


def _left(state: WorkerState) -> Iterator[str]:
    nodes, where = state.graph.nodes, f"worker {state.worker}"
    for station in state.stations:
        if station.head() is not None:
            yield f"{where}: {station.kind} messages wait at {nodes[station.named].name}"
    yield from (f"{where}: {line}" for line in state.waiting())
    caches, _, queues = state.memory()
    for what, nbytes in (("cached values", caches), ("queued messages", queues)):
        if nbytes:
            yield f"{where}: {nbytes:,} bytes of {what} were never used"
    if state.due:
        yield f"{where}: {len(state.due)} updates are due"


def check_work(messages: int, instances: int) -> None:
    """Raise RunError if nothing was done at all: no node sent a message."""
    if not messages:
        raise RunError(
            f"nothing was done: none of the {instances} instances has a message to send",
            "training data",
            "look at Dataset.states: a source sends one message for each state of an instance",
        )


def check_time(makespan: float, tasks: int, system: str) -> None:
    """Raise RunError if simulated work took no time: nothing that is a rate could be told of such a run."""
    if makespan <= 0:
        raise RunError(
            f"no time passed: {tasks} tasks and their messages cost nothing on system {system}",
            "chips and links of the system, and rows of the data",
            "look for instances without rows, and for measured tables or overheads of zero",
        )
