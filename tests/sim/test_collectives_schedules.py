"""A schedule does what its name says: whose data is where, and how many bytes had to move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import UsageError
from ampsim.hw.collectives import (
    Collective,
    Round,
    all_to_all,
    doubling_all_gather,
    halving_doubling_all_reduce,
    halving_reduce_scatter,
    ring_all_gather,
    ring_all_reduce,
    ring_reduce_scatter,
    star_all_reduce,
    tree_all_reduce,
    tree_broadcast,
    tree_reduce,
)
from tests.sim.collectives import ALL, ALL_REDUCES, Make, carry_out, own, pieces_of

RANKS = st.integers(1, 20)
BYTES = st.one_of(st.sampled_from([0, 1, 2, 13, 64]), st.integers(0, 1000))


@pytest.mark.parametrize("make", ALL_REDUCES)
@given(ranks=RANKS, nbytes=BYTES)
def test_after_an_all_reduce_every_rank_has_the_sum_of_all(make: Make, ranks: int, nbytes: int) -> None:
    made = make(ranks, nbytes)
    pieces = pieces_of(made)
    everyone = frozenset(range(ranks))
    assert carry_out(made, own(ranks, pieces)) == [[everyone] * pieces] * ranks


@given(ranks=RANKS, nbytes=BYTES)
def test_a_ring_reduce_scatter_leaves_piece_i_plus_1_at_rank_i_and_the_gather_passes_it_on(
    ranks: int, nbytes: int
) -> None:
    everyone = frozenset(range(ranks))
    held = carry_out(ring_reduce_scatter(ranks, nbytes), own(ranks, ranks))
    assert all(held[rank][(rank + 1) % ranks] == everyone for rank in range(ranks))
    assert carry_out(ring_all_gather(ranks, nbytes), held) == [[everyone] * ranks] * ranks


@given(ranks=RANKS, nbytes=BYTES)
def test_halving_leaves_one_finished_piece_at_each_rank_that_does_not_sit_out(ranks: int, nbytes: int) -> None:
    power = 1 << (ranks.bit_length() - 1)
    extra = ranks - power
    active = [*range(1, 2 * extra, 2), *range(2 * extra, ranks)]
    everyone = frozenset(range(ranks))
    held = carry_out(halving_reduce_scatter(ranks, nbytes), own(ranks, power))
    assert [held[rank][piece] for piece, rank in enumerate(active)] == [everyone] * power
    assert carry_out(doubling_all_gather(ranks, nbytes), held) == [[everyone] * power] * ranks


@given(ranks=RANKS, nbytes=BYTES)
def test_a_tree_brings_the_sum_to_rank_0_and_a_broadcast_brings_it_to_all(ranks: int, nbytes: int) -> None:
    everyone = frozenset(range(ranks))
    held = carry_out(tree_reduce(ranks, nbytes), own(ranks, 1))
    assert held[0] == [everyone]
    assert carry_out(tree_broadcast(ranks, nbytes), held) == [[everyone]] * ranks


@given(ranks=RANKS, nbytes=BYTES)
def test_all_to_all_sends_each_piece_once_to_its_rank(ranks: int, nbytes: int) -> None:
    made = all_to_all(ranks, nbytes)
    sent = [pair for one in made.rounds for pair in zip(one.source.tolist(), one.target.tolist(), strict=True)]
    assert sorted(sent) == [(a, b) for a in range(ranks) for b in range(ranks) if a != b]
    for one in made.rounds:
        assert (one.first == one.target).all()


@given(ranks=RANKS, nbytes=BYTES)
def test_bytes_that_have_to_move(ranks: int, nbytes: int) -> None:
    """Exactly (P - 1) n each way round a ring and down a tree, also where n is no multiple of P."""
    others = (ranks - 1) * nbytes
    assert ring_reduce_scatter(ranks, nbytes).carried == ring_all_gather(ranks, nbytes).carried == others
    assert ring_all_reduce(ranks, nbytes).carried == 2 * others
    assert tree_all_reduce(ranks, nbytes).carried == star_all_reduce(ranks, nbytes).carried == 2 * others
    power = 1 << (ranks.bit_length() - 1)
    folded = 2 * (ranks - power) * nbytes
    assert halving_doubling_all_reduce(ranks, nbytes).carried == 2 * (power - 1) * nbytes + folded
    assert all_to_all(ranks, nbytes).carried == ranks * nbytes - sum(own_piece(ranks, nbytes))


def own_piece(ranks: int, nbytes: int) -> list[int]:
    return [nbytes // ranks + (rank < nbytes % ranks) for rank in range(ranks)]


@pytest.mark.parametrize("ranks", [1, 2, 3, 8, 13])
def test_numbers_of_messages(ranks: int) -> None:
    assert ring_all_reduce(ranks, 5).messages == 2 * ranks * (ranks - 1)
    assert tree_all_reduce(ranks, 5).messages == star_all_reduce(ranks, 5).messages == 2 * (ranks - 1)
    assert len(tree_all_reduce(ranks, 5).rounds) == 2 * (ranks - 1).bit_length()
    assert all_to_all(ranks, 5).messages == ranks * (ranks - 1)


@pytest.mark.parametrize("make", ALL)
def test_one_rank_has_nothing_to_do(make: Make) -> None:
    assert make(1, 1000).messages == 0


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("ranks,nbytes", [(0, 1), (-3, 1), (2, -1), (2, 10**18 + 1)])
def test_impossible_sizes_are_refused(make: Make, ranks: int, nbytes: int) -> None:
    with pytest.raises(UsageError, match="is impossible"):
        make(ranks, nbytes)


def one(source: list[int], target: list[int], nbytes: list[int]) -> Round:
    ends, sizes = [np.array(end, np.int64) for end in (source, target)], np.array(nbytes, np.int64)
    return Round(ends[0], ends[1], sizes, np.zeros(len(source), np.int64))


@pytest.mark.parametrize(
    "wrong,says",
    [
        (one([0], [3], [1]), "one of its 3 ranks"),
        (one([-1], [0], [1]), "one of its 3 ranks"),
        (one([1], [1], [1]), "to another"),
        (one([0], [1], [-1]), "-1 bytes"),
        (one([0, 1], [2], [1]), "different lengths"),
    ],
)
def test_own_schedules_are_looked_at(wrong: Round, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Collective("mine", 3, 1, [one([0], [1], [1]), wrong])


def test_one_after_the_other() -> None:
    first, second = ring_reduce_scatter(5, 17), ring_all_gather(5, 17)
    both = first.then(second)
    assert both.messages == ring_all_reduce(5, 17).messages
    assert repr(both) == "<ring reduce-scatter, ring all-gather of 17 bytes among 5>"
    with pytest.raises(UsageError, match="5 ranks and ring all-gather 4"):
        first.then(ring_all_gather(4, 17))
