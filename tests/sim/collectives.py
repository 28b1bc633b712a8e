"""Collectives for tests: all of them, and what they do to the vectors of their ranks."""

from __future__ import annotations

from collections.abc import Callable

from ampsim.hw import Network, System
from ampsim.hw.collectives import (
    Collective,
    Finished,
    Start,
    all_to_all,
    doubling_all_gather,
    halving_doubling_all_reduce,
    halving_reduce_scatter,
    ring_all_gather,
    ring_all_reduce,
    ring_reduce_scatter,
    run_collectives,
    star_all_reduce,
    star_broadcast,
    star_reduce,
    tree_all_reduce,
    tree_broadcast,
    tree_reduce,
)
from tests.sim.systems import NS

Make = Callable[[int, int], Collective]

ALL_REDUCES: list[Make] = [ring_all_reduce, tree_all_reduce, halving_doubling_all_reduce, star_all_reduce]
ALL: list[Make] = [
    *ALL_REDUCES,
    ring_reduce_scatter,
    ring_all_gather,
    halving_reduce_scatter,
    doubling_all_gather,
    tree_reduce,
    tree_broadcast,
    star_reduce,
    star_broadcast,
    all_to_all,
]

Vectors = list[list[frozenset[int]]]
"""By rank and piece: whose contributions are added up in it."""


def carry_out(collective: Collective, vectors: Vectors) -> Vectors:
    """The vectors after all rounds; nobody's contribution may be added twice.

    Messages of a round carry what their sender had before it.
    """
    held = [list(vector) for vector in vectors]
    for one in collective.rounds:
        before = [list(vector) for vector in held]
        columns = one.source.tolist(), one.target.tolist(), one.first.tolist()
        for source, target, first in zip(*columns, strict=True):
            for piece in range(first, first + one.pieces):
                if one.adds:
                    assert not held[target][piece] & before[source][piece]
                    held[target][piece] |= before[source][piece]
                else:
                    held[target][piece] = before[source][piece]
    return held


def own(ranks: int, pieces: int) -> Vectors:
    """Every rank begins with a vector of its own."""
    return [[frozenset({rank})] * pieces for rank in range(ranks)]


def pieces_of(collective: Collective) -> int:
    """In how many pieces the vector is cut."""
    return max((int(one.first.max()) + one.pieces for one in collective.rounds), default=1)


def once(system: System, collective: Collective, fast: bool = True) -> tuple[Finished, Network]:
    """The collective alone, on a new network."""
    network = Network(system)
    return run_collectives(network, [Start(0, collective)], fast=fast), network


def nanoseconds(system: System, collective: Collective) -> float:
    """How long it takes alone, by both paths."""
    (time,), (slow,) = (once(system, collective, fast)[0].times for fast in (True, False))
    assert time == slow
    return time / NS
