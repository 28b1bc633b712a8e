"""Parameters that lie off chip are read from there by every task that uses them.

    share(kind)            what of a kind lies off chip / all of that kind, on the chip
    forward and backward   read              share(parameters)  of the parameters used
    update                 read and write    share(parameters) + share(gradients) + slots * share(optimizer)  of those
    sync                   read and write    share(parameters)  of all parameters of the node

Used are all parameters of a node, or of a table of rows those rows that a task can touch.
"""

from __future__ import annotations

from ampsim.engine.task import Task
from ampsim.engine.worker import WorkerState
from ampsim.hw.cost import REFERENCE_BYTES, ChipCost
from ampsim.hw.memory.store import Store

_ALL = 1 << 60  # rows: more than any node has


class Streams:
    """What the tasks of one worker read and write off chip because its parameters are there."""

    def __init__(self, state: WorkerState, cost: ChipCost, store: Store) -> None:
        self._state = state
        self._stored = cost.stored
        self._store = store
        ledger = store.ledger
        shares = [(ledger.off[kind], max(ledger.levels[kind], 1)) for kind in ("parameters", "gradients", "optimizer")]
        self._parameters, self._gradients, self._optimizer = shares
        self.any = any(off for off, _ in shares)
        self._of_chain = {chain.head: chain.parameters for chain in state.chains if chain.parameters}

    def run(self, task: Task, now: int) -> int:
        """The task begins: gives the time (fs) at which all that it moves has been moved, ``now`` if nothing is.

        Without parameters off chip (``any`` is false) there is nothing to call it for.
        """
        read, written = self._amounts(task)
        end = now
        for way, nbytes in (("fetch", read), ("spill", written)):
            if nbytes:
                end = self._store.move(self._state.worker, way, nbytes, now)
        return end

    def _amounts(self, task: Task) -> tuple[int, int]:
        """Bytes read and written."""
        if task.kind in ("update", "sync"):
            state = self._state.parameters[task.node]
            rows = sum(part.rows for part in task.parts)
            elements = state.node.touched(rows if task.kind == "update" else _ALL)
            slots = len(state.settings.optimizer.slots)
            used = self._stored(REFERENCE_BYTES * elements)
            both = _share(used, self._parameters)
            if task.kind == "update":
                both += _share(used, self._gradients) + _share(used * slots, self._optimizer)
            return both, both
        found = self._of_chain.get(task.node) if task.parts else None
        if found is None:
            return 0, 0
        used = self._stored(REFERENCE_BYTES * found.node.touched(task.rows))
        return _share(used, self._parameters), 0


def _share(nbytes: int, share: tuple[int, int]) -> int:
    off, level = share
    return -(-nbytes * off // level)
