"""Around a ring: each rank only ever sends to the next one.

    reduce-scatter, 3 ranks, pieces a b c      round 0: 0 -a-> 1, 1 -b-> 2, 2 -c-> 0       (add)
                                               round 1: 0 -c-> 1, 1 -a-> 2, 2 -b-> 0       (add)
    rank i now has piece i + 1 of the sum, and the all-gather passes the finished pieces on in the same way.

Over links of their own, P ranks and n bytes, with every piece n / P:

    reduce-scatter, all-gather    (P - 1) / P n / B + (P - 1) a
    all-reduce                  2 (P - 1) / P n / B + 2 (P - 1) a

(Thakur, Rabenseifner, Gropp: Optimization of collective communication operations in MPICH, 2005; with a for the latency
and 1 / B for the time of a byte.)
"""

from __future__ import annotations

import numpy as np

from ampsim.hw.collectives.schedule import WORD, Collective, Round, sizes
from ampsim.ir.message import Array


def ring_reduce_scatter(ranks: int, nbytes: int) -> Collective:
    """Afterwards rank i has the sum over all ranks of piece i + 1 (the last rank: of piece 0).

    ``nbytes`` of the vector each rank begins with. Raises UsageError.
    """
    rounds = _rounds(_windows(sizes(ranks, nbytes)), 0, adds=True)
    return Collective("ring reduce-scatter", ranks, nbytes, rounds)


def ring_all_gather(ranks: int, nbytes: int) -> Collective:
    """Rank i begins with piece i + 1 of a vector of ``nbytes`` (the last rank: with piece 0), and all get all of it.

    Raises UsageError.
    """
    rounds = _rounds(_windows(sizes(ranks, nbytes)), 1, adds=False)
    return Collective("ring all-gather", ranks, nbytes, rounds)


def ring_all_reduce(ranks: int, nbytes: int) -> Collective:
    """A reduce-scatter and an all-gather: every rank gets the sum of all vectors. Raises UsageError."""
    windows = _windows(sizes(ranks, nbytes))
    rounds = [*_rounds(windows, 0, adds=True), *_rounds(windows, 1, adds=False)]
    return Collective("ring all-reduce", ranks, nbytes, rounds)


def _rounds(windows: list[Round], begin: int, *, adds: bool) -> list[Round]:
    """In round r rank i sends piece i + begin - r."""
    ranks = len(windows)
    return [windows[(begin - step) % ranks]._replace(adds=adds) for step in range(ranks - 1)]


def _windows(pieces: Array) -> list[Round]:
    """Number k: rank i sends piece i + k. All are windows on the same two arrays."""
    ranks = len(pieces)
    source = np.arange(ranks, dtype=WORD)
    target = np.roll(source, -1)
    around, long = np.concatenate([source, source]), np.concatenate([pieces, pieces])
    equal = pieces[0] == pieces[-1]
    return [
        Round(source, target, pieces if equal else long[at : at + ranks], around[at : at + ranks])
        for at in range(ranks)
    ]
