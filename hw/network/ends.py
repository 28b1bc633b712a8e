"""Where workers are: which chip each sits on, and the network as they see it."""

from __future__ import annotations

from collections.abc import Sequence

from ampsim.hw.network.messages import HOST, Network, Transit
from ampsim.hw.system import System


class UnitNetwork(Network):
    """The network between units: ``chips[w]`` is the chip of worker w; -1 stays the host.

    Units of one chip share its links, and what one sends to another of the same chip takes none. The table of links
    names workers.
    """

    def __init__(self, system: System, chips: Sequence[int]) -> None:
        super().__init__(system)
        self._chips = chips

    def open(self, source: int, destination: int, nbytes: int) -> Transit:
        """A message between two workers that has not left the first one's chip yet."""
        chips = self._chips
        ends = [end if end == HOST else chips[end] for end in (source, destination)]
        transit = super().open(ends[0], ends[1], nbytes)
        transit.source, transit.destination = source, destination
        return transit


def network(system: System, workers: int) -> Network:
    """The network of the first so many units of a system; where every chip has one, workers are chips."""
    chips = system.unit_chips[:workers]
    return Network(system) if chips == tuple(range(workers)) else UnitNetwork(system, chips)
