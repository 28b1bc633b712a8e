"""Recursive halving and doubling: partners at half the distance each round, for half of what is left.

    all-reduce, 4 ranks, pieces a b c d      halving     0 -cd-> 2, 2 -ab-> 0, 1 -cd-> 3, 3 -ab-> 1     (add)
                                                         0 -b-> 1, 1 -a-> 0, 2 -d-> 3, 3 -c-> 2         (add)
                                             doubling    the same pairs in the opposite order, what is finished

For P ranks, a power of two, over links of their own:

    reduce-scatter, all-gather    (P - 1) / P n / B + log2(P) a
    all-reduce                  2 (P - 1) / P n / B + 2 log2(P) a

If P lies between two powers of two, the lower being Q, the first 2 (P - Q) ranks are paired: before, the even one of
each pair gives its whole vector to the odd one, and sits out; afterwards it gets the whole result back. That adds
2 (n / B + a), and the formulas hold for Q. (Thakur, Rabenseifner, Gropp 2005.)
"""

from __future__ import annotations

import numpy as np

from ampsim.hw.collectives.schedule import WORD, Collective, Round, sizes
from ampsim.ir.message import Array


def halving_reduce_scatter(ranks: int, nbytes: int) -> Collective:
    """Each of the Q ranks that do not sit out ends with the sum of one of Q pieces, in order. Raises UsageError."""
    _, active, bounds, before = _parts(ranks, nbytes)
    return Collective("halving reduce-scatter", ranks, nbytes, [*before, *_halving(active, bounds)])


def doubling_all_gather(ranks: int, nbytes: int) -> Collective:
    """Each of the Q ranks that do not sit out begins with one of Q pieces, and all get all. Raises UsageError."""
    _, active, bounds, before = _parts(ranks, nbytes)
    rounds = [*_back(_halving(active, bounds)), *_back(before)]
    return Collective("doubling all-gather", ranks, nbytes, rounds)


def halving_doubling_all_reduce(ranks: int, nbytes: int) -> Collective:
    """The bytes of the ring, and only log2(P) latencies each way. Raises UsageError."""
    _, active, bounds, before = _parts(ranks, nbytes)
    halving = _halving(active, bounds)
    rounds = [*before, *halving, *_back(halving), *_back(before)]
    return Collective("halving-doubling all-reduce", ranks, nbytes, rounds)


def _parts(ranks: int, nbytes: int) -> tuple[int, Array, Array, list[Round]]:
    """Q, the ranks that do not sit out, the Q + 1 bounds of the pieces in bytes, and the rounds before halving."""
    sizes(ranks, nbytes)
    power = 1 << (ranks.bit_length() - 1)
    extra = ranks - power
    active = np.concatenate([np.arange(1, 2 * extra, 2, dtype=WORD), np.arange(2 * extra, ranks, dtype=WORD)])
    bounds = np.concatenate([[0], np.cumsum(sizes(power, nbytes))]).astype(WORD)
    if not extra:
        return power, active, bounds, []
    even = np.arange(0, 2 * extra, 2, dtype=WORD)
    none = np.zeros(extra, WORD)
    return power, active, bounds, [Round(even, even + 1, none + nbytes, none, power, True)]


def _halving(active: Array, bounds: Array) -> list[Round]:
    """Number i of the active ranks ends with piece i; it gives its partner the half that the partner lies in."""
    number = np.arange(len(active), dtype=WORD)
    found, half = [], len(active) // 2
    while half:
        partner = number ^ half
        first = partner // half * half
        found.append(Round(active, active[partner], bounds[first + half] - bounds[first], first, half, True))
        half //= 2
    return found


def _back(rounds: list[Round]) -> list[Round]:
    """The opposite way: what was given away to be added up comes back finished."""
    found = []
    for one in rounds[::-1]:
        order = np.argsort(one.target, kind="stable")
        source, target, nbytes, first = (part[order] for part in (one.target, one.source, one.nbytes, one.first))
        found.append(Round(source, target, nbytes, first, one.pieces, False))
    return found
