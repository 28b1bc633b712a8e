"""What a collective is: rounds of messages between ranks, and nothing about time.

A rank enters round r + 1 as soon as every message of round r that is meant for it has arrived; it then sends its
messages of that round, in their order, and does not wait until they have left. A rank for which a round has no message
passes through it at once. It has finished when it has passed the last round.

    round 0            round 1            ...          time passes only for messages: adding up what arrives is free
    0 -> 1, 1 -> 2     0 -> 1, 1 -> 2
    2 -> 0             2 -> 0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ampsim.errors import UsageError
from ampsim.ir.message import Array

WORD = np.int64
MOST = 10**18
"""Bytes; as in a system's file."""


class Round(NamedTuple):
    """Messages that do not wait for each other: number i goes from ``source[i]`` to ``target[i]`` (ranks).

    ``nbytes[i]`` is its size. It carries as many ``pieces`` of the vector, ``first[i]`` and those after it; the
    receiver adds them to its own if ``adds``, else they replace its own. All arrays are int64 of one length. Rounds may
    share arrays; what can be said of an array is then found out once.
    """

    source: Array
    target: Array
    nbytes: Array
    first: Array
    pieces: int = 1
    adds: bool = False


class Collective:
    """``rounds`` among ``ranks`` chips over a vector of ``nbytes`` in all.

    Raises UsageError when a rank is out of range or sends to itself, or a size is negative.
    """

    def __init__(self, name: str, ranks: int, nbytes: int, rounds: Sequence[Round]) -> None:
        self.name = name
        self.ranks = ranks
        self.nbytes = nbytes
        self.rounds = tuple(rounds)
        for one, _ in self.distinct():
            _check(one, ranks, name)

    @property
    def messages(self) -> int:
        """Number of messages, empty ones too."""
        return sum(len(one.source) for one in self.rounds)

    @property
    def carried(self) -> int:
        """Bytes that ranks send in all."""
        return sum(_sum(one.nbytes) * uses for one, uses in self.distinct())

    def then(self, other: Collective) -> Collective:
        """Both, one after the other: each rank goes on to ``other`` when it has finished this one."""
        if other.ranks != self.ranks:
            raise UsageError(f"{self.name} has {self.ranks} ranks and {other.name} {other.ranks}", do="use equal ranks")
        return Collective(f"{self.name}, {other.name}", self.ranks, self.nbytes, self.rounds + other.rounds)

    def distinct(self) -> list[tuple[Round, int]]:
        """Rounds that differ in who sends what size to whom, each with the number of rounds like it."""
        keys = [(id(one.source), id(one.target), id(one.nbytes)) for one in self.rounds]
        uses = Counter(keys)
        return [(one, uses[key]) for key, one in dict(zip(keys, self.rounds, strict=True)).items()]

    def __repr__(self) -> str:
        return f"<{self.name} of {self.nbytes} bytes among {self.ranks}>"


def sizes(ranks: int, nbytes: int, pieces: int | None = None) -> Array:
    """A vector of ``nbytes`` in ``pieces`` (one a rank), int64: the first ``nbytes % pieces`` are a byte longer.

    Raises UsageError for no ranks, a negative size, or one above 10^18.
    """
    if ranks < 1 or not 0 <= nbytes <= MOST:
        what = f"a collective of {nbytes} bytes among {ranks} ranks is impossible"
        raise UsageError(what, do=f"use at least one rank, and 0 to {MOST} bytes")
    short, longer = divmod(nbytes, pieces or ranks)
    found = np.full(pieces or ranks, short, WORD)
    found[:longer] += 1
    return found


def _sum(nbytes: Array) -> int:
    """Exact also where int64 would overflow."""
    if len(nbytes) * int(nbytes.max(initial=0)) < 1 << 62:
        return int(nbytes.sum())
    return sum(nbytes.tolist())


def _check(one: Round, ranks: int, name: str) -> None:
    source, target, nbytes, first = one[:4]
    if len({len(source), len(target), len(nbytes), len(first)}) > 1:
        raise UsageError(f"a round of {name} has arrays of different lengths")
    if len(source) == 0:
        return
    ends = (source, target)
    if min(end.min() for end in ends) < 0 or max(end.max() for end in ends) >= ranks or (source == target).any():
        raise UsageError(f"a round of {name} does not go from one of its {ranks} ranks to another")
    if nbytes.min() < 0:
        raise UsageError(f"a round of {name} has a message of {int(nbytes.min())} bytes")
