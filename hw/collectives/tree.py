"""Along a binomial tree with rank 0 at its root, and straight to and from rank 0.

    reduce, 6 ranks      round 0: 1 -> 0, 3 -> 2, 5 -> 4
                         round 1: 2 -> 0
                         round 2: 4 -> 0                    broadcast: the same in the opposite order and direction

Each message is the whole vector. For P ranks and n bytes, each way between two ranks being free:

    tree reduce, broadcast     floor(log2 P) (n / B + a)       all-reduce: twice that
    star reduce, broadcast     (P - 1) n / B + h a             over the one link at rank 0, h links to each rank

A rank without a message in a round does not wait for those who have one: hence floor, not ceil.
"""

from __future__ import annotations

import numpy as np

from ampsim.hw.collectives.schedule import WORD, Collective, Round, sizes


def tree_reduce(ranks: int, nbytes: int) -> Collective:
    """Rank 0 gets the sum of all vectors of ``nbytes``. Raises UsageError."""
    return Collective("tree reduce", ranks, nbytes, _up(ranks, nbytes))


def tree_broadcast(ranks: int, nbytes: int) -> Collective:
    """All get the vector of rank 0. Raises UsageError."""
    return Collective("tree broadcast", ranks, nbytes, _down(_up(ranks, nbytes)))


def tree_all_reduce(ranks: int, nbytes: int) -> Collective:
    """The sum goes up the tree and comes down again: few latencies, but whole vectors. Raises UsageError."""
    up = _up(ranks, nbytes)
    return Collective("tree all-reduce", ranks, nbytes, [*up, *_down(up)])


def star_reduce(ranks: int, nbytes: int) -> Collective:
    """All send their vector of ``nbytes`` to rank 0 at once. Raises UsageError."""
    return Collective("star reduce", ranks, nbytes, _in(ranks, nbytes))


def star_broadcast(ranks: int, nbytes: int) -> Collective:
    """Rank 0 sends its vector to each of the others, in order of ranks. Raises UsageError."""
    return Collective("star broadcast", ranks, nbytes, _down(_in(ranks, nbytes)))


def star_all_reduce(ranks: int, nbytes: int) -> Collective:
    """All to rank 0, and from there to all: two messages deep, and P - 1 vectors wide. Raises UsageError."""
    inwards = _in(ranks, nbytes)
    return Collective("star all-reduce", ranks, nbytes, [*inwards, *_down(inwards)])


def _up(ranks: int, nbytes: int) -> list[Round]:
    whole = sizes(ranks, nbytes, 1)
    found, distance = [], 1
    while distance < ranks:
        source = np.arange(distance, ranks, 2 * distance, dtype=WORD)
        none = np.zeros(len(source), WORD)
        found.append(Round(source, source - distance, none + whole[0], none, 1, True))
        distance *= 2
    return found


def _in(ranks: int, nbytes: int) -> list[Round]:
    whole = sizes(ranks, nbytes, 1)
    source = np.arange(1, ranks, dtype=WORD)
    none = np.zeros(len(source), WORD)
    return [Round(source, none, none + whole[0], none, 1, True)] if ranks > 1 else []


def _down(up: list[Round]) -> list[Round]:
    """The way back."""
    return [one._replace(source=one.target, target=one.source, adds=False) for one in up[::-1]]
