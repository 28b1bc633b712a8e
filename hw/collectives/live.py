"""A collective inside SimPy, over a Transport that others use as well; each rank enters when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ampsim.hw.collectives.flow import Flow

Send = Callable[[int, int, int, Callable[[Any], object], Any], None]
"""``Transport.send``: source, destination, bytes, what to call on delivery, and with what."""


class Live:
    """Carries ``flow`` (its times do not count) by ``send``; ``finished(rank)`` is called when a rank has finished."""

    def __init__(self, flow: Flow, send: Send, finished: Callable[[int], object]) -> None:
        self.flow = flow
        self._send = send
        self._finished = finished

    def enter(self, rank: int) -> None:
        """The rank begins now."""
        self._go(rank, 0)

    def _go(self, rank: int, turn: int) -> None:
        """It enters round ``turn``, and goes on as long as nothing is missing."""
        flow = self.flow
        while turn < flow.rounds:
            flow.at[rank] = turn
            sends, wants = flow.plans[turn] or flow.plan(turn)
            for target, nbytes in sends[rank]:
                self._send(flow.chips[rank], flow.chips[target], nbytes, self._arrive, (turn, target))
            flow.missing[rank] = wants[rank] - flow.early.pop((rank, turn), 0)
            if flow.missing[rank]:
                return
            turn += 1
        flow.at[rank] = turn
        self._finished(rank)

    def _arrive(self, event: tuple[int, int]) -> None:
        turn, rank = event
        flow = self.flow
        if flow.at[rank] != turn:
            flow.early[rank, turn] = flow.early.get((rank, turn), 0) + 1
            return
        flow.missing[rank] -= 1
        if not flow.missing[rank]:
            self._go(rank, turn + 1)
