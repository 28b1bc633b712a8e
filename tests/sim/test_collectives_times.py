"""Closed forms of collectives on links of their own: n bytes, bandwidth B, latency a, P chips."""

from __future__ import annotations

from math import floor, log2
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.hw import System
from ampsim.hw.collectives import (
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
    tree_all_reduce,
)
from ampsim.hw.network.messages import Network
from tests.sim.collectives import ALL, Make, nanoseconds, once
from tests.sim.systems import BANDWIDTH, LATENCY, MIB, NS, system

N = 64 * MIB
BYTE = 1e9 / BANDWIDTH  # nanoseconds
A = LATENCY * 1e9


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=0)


@pytest.mark.parametrize("ranks,expected", [(8, 2_194_500), (64, 2_523_937.5), (2, 1_251_000), (1, 0)])
def test_6_ring_all_reduce(ranks: int, expected: float) -> None:
    """2 (P-1)/P n/B + 2 (P-1) a."""
    assert nanoseconds(system(ranks, "ring"), ring_all_reduce(ranks, N)) == near(expected)


@settings(max_examples=20)
@given(ranks=st.integers(1, 24), each=st.integers(0, 100_000))
def test_6_ring_all_reduce_of_any_size(ranks: int, each: int) -> None:
    """P equal pieces; a piece more than one byte longer than that costs its longest piece each round."""
    rounds = 2 * (ranks - 1)
    time = nanoseconds(system(ranks, "ring"), ring_all_reduce(ranks, each * ranks))
    assert time == pytest.approx(rounds * (each * BYTE + A), rel=1e-9, abs=1e-6 * rounds)
    odd = nanoseconds(system(ranks, "ring"), ring_all_reduce(ranks, each * ranks + ranks // 2))
    assert time - 1e-9 <= odd <= time + rounds * BYTE + 1e-6 * rounds


@pytest.mark.parametrize("make", [ring_reduce_scatter, ring_all_gather])
@pytest.mark.parametrize("ranks,expected", [(8, 1_097_250), (2, 625_500), (1, 0)])
def test_7_reduce_scatter_and_all_gather(make: Make, ranks: int, expected: float) -> None:
    """(P-1)/P n/B + (P-1) a."""
    assert nanoseconds(system(ranks, "ring"), make(ranks, N)) == near(expected)


@pytest.mark.parametrize("ranks,expected", [(8, 2_190_500), (4, 1_877_000), (2, 1_251_000), (1, 0)])
def test_8_halving_doubling(ranks: int, expected: float) -> None:
    """2 (P-1)/P n/B + 2 log2(P) a, and half of that each way."""
    full = system(ranks, "full")
    assert nanoseconds(full, halving_doubling_all_reduce(ranks, N)) == near(expected)
    for half in (halving_reduce_scatter, doubling_all_gather):
        assert nanoseconds(full, half(ranks, N)) == near(expected / 2)


@pytest.mark.parametrize("ranks", [3, 5, 6, 7, 12, 13])
def test_8_between_powers_of_two(ranks: int) -> None:
    """As for the power below, and 2 (n/B + a) for those who sit out."""
    power = 1 << (ranks.bit_length() - 1)
    form = 2 * (power - 1) / power * N * BYTE + 2 * log2(power) * A + 2 * (N * BYTE + A)
    assert nanoseconds(system(ranks, "full"), halving_doubling_all_reduce(ranks, N)) == near(form)


@pytest.mark.parametrize("ranks", [4, 8, 16])
def test_9_ring_crossover(ranks: int) -> None:
    """At n* = P a B the latencies of a ring all-reduce take as long as its bytes."""
    size = round(ranks * LATENCY * BANDWIDTH)
    if ranks == 8:
        assert size == 214_748
    ring = system(ranks, "ring")
    whole = nanoseconds(ring, ring_all_reduce(ranks, size))
    latencies = nanoseconds(ring, ring_all_reduce(ranks, 0))
    assert latencies == near(2 * (ranks - 1) * A)
    assert whole == pytest.approx(2 * latencies, rel=1e-4)  # n* is no whole number of bytes a piece


@pytest.mark.parametrize("ranks,expected", [(8, 1_094_750), (2, 626_000), (1, 0)])
def test_10_all_to_all_over_a_switch(ranks: int, expected: float) -> None:
    """(P-1)/P n/B + 2 a."""
    assert nanoseconds(system(ranks, "switch"), all_to_all(ranks, N)) == near(expected)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 7, 8, 13])
def test_trees_and_stars(ranks: int) -> None:
    """2 floor(log2 P) (n/B + a) along a tree; 2 ((P-1) n/B + 2 a) at the one link of rank 0 to a switch."""
    depth = floor(log2(ranks))
    assert nanoseconds(system(ranks, "full"), tree_all_reduce(ranks, N)) == near(2 * depth * (N * BYTE + A))
    star = 2 * ((ranks - 1) * N * BYTE + 2 * A) if ranks > 1 else 0
    assert nanoseconds(system(ranks, "switch"), star_all_reduce(ranks, N)) == near(star)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("kind,dims", [("ring", None), ("switch", None), ("torus", (2, 6)), ("mesh", (3, 4))])
@pytest.mark.parametrize("nbytes", [0, 1, 10_007])
def test_16_and_19_busiest_link_and_conservation(
    make: Make, kind: str, dims: tuple[int, ...] | None, nbytes: int
) -> None:
    """Sum of link bytes = sum of bytes x hops; nothing ends before the busiest link has sent its bytes."""
    built = system(12, kind, dims=dims)
    made = make(12, nbytes)
    finished, network = once(built, made)
    hops = [
        size * len(built.paths.find(source, target))
        for one in made.rounds
        for source, target, size in zip(*(column.tolist() for column in one[:3]), strict=True)
    ]
    assert sum(wire.carried for wire in network.wires) == sum(hops)
    bound = max(wire.carried for wire in network.wires) * BYTE
    assert finished.times[0] / NS >= bound * (1 - 1e-9)


def test_19_each_link_of_a_ring_carries_its_share() -> None:
    """2 (P-1)/P n on each link the way round, and nothing on the way back; U = X S: busy / time."""
    (finished, network) = once(system(8, "ring"), ring_all_reduce(8, N))
    forth = [wire for wire in network.wires if wire.carried]
    assert len(forth) == 8
    assert {wire.carried for wire in forth} == {117_440_512}
    assert {wire.messages for wire in forth} == {14}
    utilization = forth[0].busy / finished.times[0]
    assert utilization == near(117_440_512 * BYTE / 2_194_500)


def test_ranks_that_are_late_hold_up_the_others() -> None:
    """A chip 1 ms late: all wait for it, and each rank's last message is a round behind its left neighbour's."""
    ring, made = system(8, "ring"), ring_all_reduce(8, N)
    late = [0] * 8
    late[3] = 10**6 * NS
    (times,) = run_collectives(Network(ring), [Start(late, made)]).ranks
    piece = N * BYTE / 8 + A
    assert max(times) / NS == near(10**6 + 14 * piece)
    assert min(times) / NS > 10**6


@pytest.mark.parametrize("make", ALL)
@given(ranks=st.integers(1, 9), nbytes=st.integers(0, 5000), factor=st.integers(2, 9))
@settings(max_examples=10)
def test_slower_by_a_factor(make: Make, ranks: int, nbytes: int, factor: int) -> None:
    def time(factor: int) -> float:
        built: System = system(ranks, "switch", bandwidth=1e9 / factor, latency=1e-6 * factor)
        return once(built, make(ranks, nbytes))[0].times[0]

    assert time(factor) == pytest.approx(factor * time(1), rel=1e-9, abs=1000)
