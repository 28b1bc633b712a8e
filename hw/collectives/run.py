"""Collectives over a network, together with anything else: the one function to call.

Traffic nobody interferes with is advanced round by round for all ranks at once (:mod:`ampsim.hw.collectives.fast`), all
other traffic event by event; the times are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ampsim.engine.quiet import quiet
from ampsim.hw.collectives.events import event_by_event
from ampsim.hw.collectives.fast import advance
from ampsim.hw.collectives.flow import Flow, Start, flow_of, pairs
from ampsim.hw.collectives.live import in_simpy
from ampsim.hw.collectives.tracks import Irregular
from ampsim.hw.network.messages import Network, Transfer


@dataclass(frozen=True)
class Finished:
    """When everything was done, in femtoseconds.

    ``ranks[i][r]``: when rank r of collective i had finished. ``arrivals``: of the transfers. ``refused[i]``: why
    collective i went event by event, None if it took the fast path.
    """

    ranks: list[list[int]]
    arrivals: list[int]
    refused: list[str | None]

    @property
    def times(self) -> list[int]:
        """When each collective had finished on all its ranks."""
        return [max(times) for times in self.ranks]


def run_collectives(
    network: Network, starts: Iterable[Start], transfers: Iterable[Transfer] = (), *, fast: bool = True
) -> Finished:
    """Carry out collectives, and transfers beside them, on ``network``.

    ``fast=False`` sends everything event by event. Arrival times and what every link carried do not depend on it, nor
    does the order of the rows of a link in ``network.table()``; the rows of all links are in order of reservation,
    those of collectives on the fast path behind those of others. Raises RunError for impossible times, chips or sizes.
    """
    flows = [flow_of(network, start) for start in starts]
    listed = list(transfers)
    refused: list[str | None] = [None if fast else "event by event was asked for"] * len(flows)
    if fast:
        refused = _interference(network, flows, listed)
        for number, flow in enumerate(flows):
            if refused[number] is None:
                try:
                    advance(network, flow)
                except Irregular as irregular:
                    refused[number] = str(irregular)
    slow = [flow for flow, why in zip(flows, refused, strict=True) if why]
    with quiet(False):
        arrivals = in_simpy(network, slow, listed) if network.fair else event_by_event(network, slow, listed)
    return Finished([flow.done for flow in flows], arrivals, refused)


def _interference(network: Network, flows: Sequence[Flow], transfers: Sequence[Transfer]) -> list[str | None]:
    """Which collectives share a link with another one, or with a transfer."""
    if not flows or len(flows) + len(transfers) < 2:
        return [None] * len(flows)
    used = [_links(network, flow) for flow in flows]
    others: set[int] = set()
    for transfer in transfers:
        ends = network.vertex(transfer.source), network.vertex(transfer.destination)
        others.update(wire.number for wire in network.open(*ends, 0).route)
    users: dict[int, int] = dict.fromkeys(others, -1)
    shared: set[int] = set()
    for number, links in enumerate(used):
        for link in links:
            first = users.setdefault(link, number)
            shared.update({number, first} if first != number else ())
    return ["other traffic uses its links" if number in shared else None for number in range(len(flows))]


def _links(network: Network, flow: Flow) -> set[int]:
    found: set[int] = set()
    for sources, targets in pairs(flow.collective):
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            found.update(wire.number for wire in network.open(flow.chips[source], flow.chips[target], 0).route)
    return found
