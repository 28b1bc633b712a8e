"""Closed forms every interconnect simulator must answer; the numbers of each check are in its test.

n = 1 MiB or 64 MiB, B = 50 GiB/s, a = 500 ns; 1 MiB / B = 19,531.25 ns. Tolerance 1e-9 relative.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import simpy

from ampsim.hw import Network, System, Transfer, Transport
from ampsim.hw.clock import FS
from tests.sim.systems import BANDWIDTH, LATENCY, MIB, NS, system

STORE: dict[str, Any] = {"switching": "store_and_forward"}


def last(system: System, transfers: list[Transfer]) -> float:
    """Time of the last delivery in nanoseconds."""
    return max(Network(system).run(transfers)) / NS


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=0)


def test_1_one_hop() -> None:
    assert last(system(2), [Transfer(0, 0, 1, MIB)]) == near(20_031.25)


def test_2_store_and_forward() -> None:
    assert last(system(5, **STORE), [Transfer(0, 0, 4, MIB)]) == near(80_125)


def test_3_cut_through() -> None:
    assert last(system(5), [Transfer(0, 0, 4, MIB)]) == near(21_531.25)


@pytest.mark.parametrize(
    "packet,expected", [(4096, 21_760.1318359375), (MIB, 80_125), (64 * MIB, 80_125), (1, 21_531.305879354)]
)
def test_4_packets(packet: int, expected: float) -> None:
    """From store and forward (p = n) to cut-through (p -> 0)."""
    assert last(system(5, packet_bytes=packet, **STORE), [Transfer(0, 0, 4, MIB)]) == near(expected)


@pytest.mark.parametrize("hops", [1, 2, 7])
@pytest.mark.parametrize("nbytes", [0, 1, 2, 4093, 4096, 4099, 1_000_003])
def test_1_to_4_odd_sizes(hops: int, nbytes: int) -> None:
    """Any size, also zero, one and primes that fill no packet: one femtosecond or 1e-9, whichever is larger."""
    time, a, p = nbytes / BANDWIDTH, LATENCY, 4096
    forms: list[tuple[dict[str, Any], float]] = [
        ({}, hops * a + time),
        (STORE, hops * (a + time)),
        (STORE | {"packet_bytes": p}, hops * a + time + (hops - 1) * min(p, nbytes) / BANDWIDTH),
    ]
    for settings, seconds in forms:
        (arrival,) = Network(system(hops + 1, **settings)).run([Transfer(0, 0, hops, nbytes)])
        assert arrival == pytest.approx(seconds * FS, rel=1e-9, abs=1 + hops / 2)


def rings(env: simpy.Environment, transport: Transport, count: int, rounds: int, size: int) -> simpy.Event:
    """``rounds`` times, each chip passes a piece to its right and waits for the one from its left."""
    arrived = [[env.event() for _ in range(rounds)] for _ in range(count)]

    def chip(me: int) -> Generator[simpy.Event, Any, None]:
        right = (me + 1) % count
        for step in range(rounds):
            transport.send(me, right, size, arrived[right][step].succeed)
            yield arrived[me][step]

    return simpy.AllOf(env, [env.process(chip(me)) for me in range(count)])


def finish(system: System, build: Any) -> tuple[float, Network]:
    """Nanoseconds until the event that ``build(env, transport)`` gives."""
    env, network = simpy.Environment(0), Network(system)
    env.run(until=build(env, Transport(env, network)))
    return env.now / NS, network


@pytest.mark.parametrize("count,expected", [(8, 2_194_500), (64, 2_523_937.5)])
def test_6_ring_all_reduce(count: int, expected: float) -> None:
    """2 (P-1)/P n/B + 2 (P-1) a for n = 64 MiB."""
    piece = 64 * MIB // count
    time, _ = finish(system(count, "ring"), lambda e, t: rings(e, t, count, 2 * (count - 1), piece))
    assert time == near(expected)


@pytest.mark.parametrize("count,expected", [(8, 1_097_250), (1, 0), (2, 625_500), (3, 834_333 + 1 / 3)])
def test_7_reduce_scatter(count: int, expected: float) -> None:
    """(P-1)/P n/B + (P-1) a; for P = 3 the piece is rounded up to a byte."""
    piece = -(-64 * MIB // count)
    time, _ = finish(system(count, "ring"), lambda e, t: rings(e, t, count, count - 1, piece))
    assert time == pytest.approx(expected, rel=1e-7)


def test_8_halving_doubling() -> None:
    """2 (P-1)/P n/B + 2 log2(P) a on links of each to each, P = 8."""
    count, size = 8, 64 * MIB
    steps = [4, 2, 1, 1, 2, 4]  # the partner's distance; the piece is that eighth of n

    def build(env: simpy.Environment, transport: Transport) -> simpy.Event:
        arrived = [[env.event() for _ in steps] for _ in range(count)]

        def chip(me: int) -> Generator[simpy.Event, Any, None]:
            for step, distance in enumerate(steps):
                transport.send(me, me ^ distance, size * distance // 8, arrived[me ^ distance][step].succeed)
                yield arrived[me][step]

        return simpy.AllOf(env, [env.process(chip(me)) for me in range(count)])

    assert finish(system(count, "full"), build)[0] == near(2_190_500)


def test_10_all_to_all_over_a_switch() -> None:
    """(P-1)/P n/B + 2 a, each chip beginning with its right neighbour."""
    piece = 64 * MIB // 8
    transfers = [Transfer(0, me, (me + k) % 8, piece) for k in range(1, 8) for me in range(8)]
    assert last(system(8, "switch"), transfers) == near(1_094_750)


def test_11_incast() -> None:
    """Time k n/B + h a: seven chips send 8 MiB to the eighth, over two links each."""
    assert last(system(8, "switch"), [Transfer(0, i, 7, 8 * MIB) for i in range(7)]) == near(1_094_750)


def test_13_first_in_first_served() -> None:
    sizes = (64 * MIB, 16 * MIB)
    arrivals = Network(system(2, latency=0.0)).run([Transfer(0, 0, 1, size) for size in sizes])
    assert [time / NS for time in arrivals] == [near(1_250_000), near(1_562_500)]


@pytest.mark.parametrize("duplex,expected", [("full", 19_531.25), ("half", 39_062.5)])
def test_15_exchange(duplex: str, expected: float) -> None:
    exchange = [Transfer(0, 0, 1, MIB), Transfer(0, 1, 0, MIB)]
    assert last(system(2, latency=0.0, duplex=duplex), exchange) == near(expected)


def test_16_busiest_link_of_a_torus() -> None:
    """All to all of 1 MiB on 4 x 4: twelve messages share the busiest link, so no schedule is below 234,375 ns."""
    torus = system(16, "torus", dims=(4, 4))
    network = Network(torus)
    pairs = [(a, b) for a in range(16) for b in range(16) if a != b]
    time = max(network.run([Transfer(0, a, b, MIB) for a, b in pairs])) / NS
    bound = max(wire.carried for wire in network.wires) / BANDWIDTH * 1e9
    assert bound == near(234_375)
    assert time >= bound


def test_16_bisection_of_a_torus() -> None:
    """Each chip of two rows sends to each of the other two: 64 messages over the eight arcs that cross the cut."""
    transfers = [Transfer(0, a, b, MIB) for a in range(8) for b in range(8, 16)]
    assert last(system(16, "torus", dims=(4, 4)), transfers) >= 64 * MIB / (8 * BANDWIDTH) * 1e9


@pytest.mark.parametrize("settings,expected", [(STORE, 40_062.5), ({}, 39_562.5)])
def test_16_shift_by_two(settings: dict[str, Any], expected: float) -> None:
    """Every arc upwards carries two messages: 2 (a + n/B) when stored; cut through, the second waits n/B, not a."""
    shift = [Transfer(0, 4 * r + c, 4 * r + (c + 2) % 4, MIB) for r in range(4) for c in range(4)]
    assert last(system(16, "torus", dims=(4, 4), **settings), shift) == near(expected)


def test_19_conservation() -> None:
    """Ring all-reduce, P = 8, n = 64 MiB: each link carries 2 (P-1)/P n, exactly, and U = X S."""
    count = 8
    time, network = finish(system(count, "ring"), lambda e, t: rings(e, t, count, 14, 8 * MIB))
    used = [wire for wire in network.wires if wire.carried]
    assert [wire.carried for wire in used] == [117_440_512] * count
    table = network.table()
    assert table["bytes"].sum() == count * 117_440_512
    for wire in used:
        assert wire.busy / (time * NS) == near(wire.messages / (time * NS) * (8 * MIB / BANDWIDTH * FS))
