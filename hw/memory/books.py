"""What one unit holds in the memory of its chip, by the same rule as on every backend.

A task's allocations count from its start; what it gives up counts until its end. A parcel is held by its sender until
it has arrived, and by its receiver from then on.
"""

from __future__ import annotations

from ampsim.engine.task import Effects
from ampsim.engine.worker import WorkerState
from ampsim.hw.cost import REFERENCE_BYTES, ChipCost
from ampsim.hw.memory.account import RUNNING
from ampsim.hw.memory.recompute import Droppable, Piece
from ampsim.hw.memory.store import Store
from ampsim.ir.message import Parcel
from ampsim.ir.work import total


class Books:
    """The account of one unit in the :class:`~ampsim.hw.memory.store.Store` of its chip, in bytes of the chip's format.

    What moves between levels of memory takes time: :meth:`hold` and :meth:`release` give the time (fs) at which that is
    done, ``now`` if there was nothing. So does what is computed anew: :meth:`restore` gives how long.
    """

    def __init__(self, state: WorkerState, cost: ChipCost, store: Store) -> None:
        self.state = state
        self.store = store
        self.levels = dict.fromkeys(RUNNING, 0)
        self._cost = cost
        self._stored = cost.stored
        self._inbox = 0  # of what has come and waits to be taken in
        self._droppable: Droppable | None = None
        if store.recompute:
            self._droppable = state.keeper = Droppable()
            store.ledger.givers.append(self._give)
        # Most chips count as the worker does.
        self._alike = cost.arithmetic.element == REFERENCE_BYTES and self._droppable is None

    def arrived(self, nbytes: int, now: int) -> None:
        """A parcel has come and lies in a queue; ``nbytes`` of fp32."""
        stored = self._stored(nbytes)
        self._move("queues", stored, now)
        self._inbox += stored

    def taken_in(self, nbytes: int) -> None:
        """It is with the worker now, which counts it itself."""
        self._inbox -= self._stored(nbytes)

    def left(self, nbytes: int, now: int) -> None:
        """A parcel that was sent has arrived elsewhere."""
        self._move("outbox", -self._stored(nbytes), now)

    def restore(self, now: int) -> int:
        """What the task that begins needs and is not there is computed anew, and is there until the task ends.

        Gives how long (fs) that takes.
        """
        nbytes, parts = self._droppable.restore() if self._droppable is not None else (0, ())
        if not parts:
            return 0
        self._move("caches", self._stored(nbytes), now)
        again = self._cost.chip_time(parts) - self._cost.task_overhead
        work = total(part.work for part in parts)
        moved = self._stored(work.read + work.written)
        self.store.log.add(self.state.worker, "recompute", now, now + again, moved, work)
        return again

    def hold(self, now: int, effects: Effects) -> int:
        """Count what there is more of."""
        end = now
        if self._droppable is not None:
            self._keep(self._droppable, now)
        for kind, change in self._changes():
            if change > 0:
                end = self._move(kind, change, now) or end
        for parcel in effects.parcels.values():
            end = self._move("outbox", self._stored(size(parcel)), now) or end
        return end

    def release(self, now: int) -> int:
        """Count what there is less of."""
        end = now
        for kind, change in self._changes():
            if change < 0:
                end = self._move(kind, change, now) or end
        return end

    def resident(self) -> tuple[int, int, int]:
        """Bytes of caches, deferred rows and queues; what waits to be taken in is not counted."""
        if self._alike:
            return self.state.memory()
        stored = self._stored
        caches, deferred, queues = self.state.memory()
        if self._droppable is not None:
            caches -= self._droppable.dropped
        return stored(caches), stored(deferred), stored(queues)

    def _changes(self) -> tuple[tuple[str, int], ...]:
        """By how many bytes each kind differs from what is on the books. What waits to be taken in lies in a queue."""
        caches, deferred, queues = self.resident()
        levels = self.levels
        return (
            ("caches", caches - levels["caches"]),
            ("deferred", deferred - levels["deferred"]),
            ("queues", queues + self._inbox - levels["queues"]),
        )

    def _move(self, kind: str, nbytes: int, now: int) -> int:
        """So many bytes more of a kind, or less. Gives when what moves between levels is there; 0 if nothing does.

        One thing is moved after the other, so the end of the last one is the end of all.
        """
        moved = self.store.ledger.add(kind, nbytes, now)
        self.levels[kind] += nbytes
        return self.store.move(self.state.worker, "spill" if nbytes > 0 else "fetch", moved, now) if moved else 0

    # -- caches that make room ------------------------------------------------------------------------------------

    def _keep(self, droppable: Droppable, now: int) -> None:
        """The caches of the task that has just run: message by message kept where they fit, else dropped at once."""
        pieces = droppable.fresh()
        for piece in pieces:
            droppable.drop(piece)
        fixed = self.resident()[0] - self.levels["caches"]
        if fixed > 0:  # what cannot be dropped
            self._move("caches", fixed, now)
        ledger = self.store.ledger
        for piece in pieces:
            nbytes = self._without(droppable, piece)
            if ledger.missing(nbytes) > 0:
                self._log_drop(nbytes, now)
                continue
            droppable.undrop(piece)
            self._move("caches", nbytes, now)

    def _without(self, droppable: Droppable, piece: Piece) -> int:
        """Bytes that a dropped piece takes when it is there."""
        caches = self.state.ledger.caches - droppable.dropped
        return self._stored(caches + piece.nbytes) - self._stored(caches)

    def _give(self, missing: int, now: int) -> None:
        """Drop what came last until ``missing`` bytes are freed, or nothing is left to drop."""
        droppable = self._droppable
        assert droppable is not None
        while missing > 0 and (piece := droppable.newest()) is not None:
            droppable.drop(piece)
            nbytes = self._without(droppable, piece)
            self._move("caches", -nbytes, now)
            self._log_drop(nbytes, now)
            missing -= nbytes

    def _log_drop(self, nbytes: int, now: int) -> None:
        self.store.log.add(self.state.worker, "drop", now, now, nbytes)


def size(parcel: Parcel) -> int:
    """Bytes of payload, in fp32."""
    return parcel[0].nbytes if len(parcel) == 1 else sum(messages.nbytes for messages in parcel)


def count(parcel: Parcel) -> int:
    """Messages in it."""
    return sum([len(messages.states) for messages in parcel])
