"""Who goes first among events of one time: by number, or drawn anew for every run.

Simulated events often fall on the same femtosecond, and something has to say which is handled first. By default that
is the number of the sender, then the order of sending; a fixed rule, so that equal runs are equal to the bit, but no
law of nature. With a seed the order is drawn instead. Whatever a result owes to the rule then shows as a difference
between seeds, and what must not depend on it (counts, bytes, FLOP, updates) can be tested not to.

Messages of one pair of ends are never drawn apart: they arrive in sending order whatever the seed.
"""

from __future__ import annotations

import random
from typing import cast

from simpy.events import NORMAL, EventPriority

from ampsim.errors import UsageError
from ampsim.hw.network.messages import Transit
from ampsim.hw.network.transport import AFTER_NETWORK

_RANKS, _SERIALS = 18, 44  # bits of a drawn rank, and of the serial number below it: together less than AFTER_NETWORK


class Ties:
    """The order of a run's events of equal time, drawn from ``seed``: 0 to 2^63 - 1. Raises UsageError for others."""

    def __init__(self, seed: int) -> None:
        if type(seed) is not int or not 0 <= seed < 2**63:
            raise UsageError(f"{seed!r} is no seed", "tie_break", "give an int from 0 to 2^63 - 1")
        self._random = random.Random(seed)
        self._serial = 0
        self._flying: dict[tuple[int, int], list[int]] = {}  # by pair of ends: rank, messages on their way

    def sent(self, transit: Transit) -> None:
        """A message leaves: it gets the rank of those of its pair that are on their way, or else a new one."""
        pair = (transit.source, transit.destination)
        entry = self._flying.get(pair)
        if entry is None:
            entry = self._flying[pair] = [self._random.getrandbits(_RANKS), 0]
        entry[1] += 1
        self._serial += 1
        transit.key = entry[0] << _SERIALS | self._serial

    def delivered(self, transit: Transit) -> None:
        """A message has arrived."""
        pair = (transit.source, transit.destination)
        entry = self._flying[pair]
        entry[1] -= 1
        if not entry[1]:
            del self._flying[pair]

    def wake(self, settle: bool) -> EventPriority:
        """The priority of waking a chip: before the network moves anything, or (``settle``) after all deliveries."""
        if settle:
            return cast(EventPriority, AFTER_NETWORK + self._random.getrandbits(32))
        return cast(EventPriority, NORMAL + self._random.random())
