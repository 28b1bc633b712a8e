"""A collective inside SimPy, over a Transport that others use as well; each rank enters when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, cast

import simpy

from ampsim.errors import RunError
from ampsim.hw.collectives.flow import Flow
from ampsim.hw.network.messages import Network, Transfer
from ampsim.hw.network.transport import Transport

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


def in_simpy(network: Network, flows: Sequence[Flow], transfers: Sequence[Transfer]) -> list[int]:
    """All to their end, however the network shares its links; gives the arrivals of the transfers (fs).

    Raises RunError for an impossible transfer.
    """
    env = simpy.Environment(0)
    transport = Transport(env, network)
    arrivals = [0] * len(transfers)

    def at(time: int, act: Callable[[], object]) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(time)
        act()

    def arrive(number: int) -> None:
        arrivals[number] = cast(int, env.now)

    def finished(flow: Flow, rank: int) -> None:
        flow.done[rank] = cast(int, env.now)

    for number, transfer in enumerate(transfers):
        if transfer.start < 0:
            raise RunError(f"a transfer cannot start at {transfer.start} fs", do="give a time from 0")
        ends = network.vertex(transfer.source), network.vertex(transfer.destination)
        env.process(at(transfer.start, partial(transport.send, *ends, transfer.nbytes, arrive, number)))
    for flow in flows:
        live = Live(flow, transport.send, partial(finished, flow))
        for rank, time in enumerate(flow.times):
            env.process(at(time, partial(live.enter, rank)))
    env.run()
    return arrivals
