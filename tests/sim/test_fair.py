"""Max-min fair sharing: the closed forms, an oracle that raises all rates together, and the laws without numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.hw import Network, System, Transfer, Transport
from ampsim.hw.clock import FS
from tests.sim.systems import BANDWIDTH, LATENCY, MIB, NS, chain, chips, system

FAIR: dict[str, Any] = {"sharing": "max_min"}
STORE: dict[str, Any] = {"switching": "store_and_forward"}
SIZES = st.sampled_from([0, 1, 2, 97, 1000, 4096, 7919])
TRAFFIC = st.lists(st.tuples(st.integers(0, 9_000), st.integers(0, 5), st.integers(0, 5), SIZES), max_size=14)
KINDS = [("ring", None), ("torus", (2, 3)), ("switch", None), ("line", None)]


def run(built: System, listed: list[Transfer]) -> list[float]:
    """Arrivals in nanoseconds."""
    return [time / NS for time in Network(built).run(listed)]


def near(*values: float) -> Any:
    return pytest.approx(list(values), rel=1e-9, abs=0)


def test_12_two_equal_flows_take_twice_as_long() -> None:
    listed = [Transfer(0, 0, 1, 64 * MIB)] * 2
    assert run(system(2, **FAIR), listed) == near(2_500_500, 2_500_500)


@pytest.mark.parametrize("order", [(16, 64), (64, 16)])
def test_12_a_short_and_a_long_flow(order: tuple[int, int]) -> None:
    """2 s / B and (s + l) / B, whichever was named first."""
    listed = [Transfer(0, 0, 1, size * MIB) for size in order]
    assert sorted(run(system(2, **FAIR), listed)) == near(625_500, 1_563_000)


@given(sizes=st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_12_any_number_of_flows(sizes: list[int]) -> None:
    """Sorted by size, flow i has arrived when (n - i) times its own bytes and all of the smaller ones are sent."""
    found = Network(system(2, **FAIR)).run([Transfer(0, 0, 1, size) for size in sizes])
    for size, arrival in zip(sizes, found, strict=True):
        expected = sum(min(size, other) for other in sizes) / BANDWIDTH + LATENCY
        assert arrival == pytest.approx(expected * FS, rel=1e-9, abs=1 + len(sizes))


def test_14_three_flows_on_two_links() -> None:
    """A on l0 (B), X on l0 and l1, C on l1 (2B): rates B/2, B/2, 3B/2."""
    built = chain([(BANDWIDTH, 0.0), (2 * BANDWIDTH, 0.0)], **FAIR)
    a, x, c = run(built, [Transfer(0, 0, 1, 64 * MIB), Transfer(0, 0, 2, 64 * MIB), Transfer(0, 1, 2, 64 * MIB)])
    assert [c, a, x] == near(833_333 + 1 / 3, 2_500_000, 2_500_000)


def test_11_incast_is_the_same_in_turns_and_fair() -> None:
    """All of it: k n/B + h a; each: when all are equal."""
    assert run(system(8, "switch", **FAIR), [Transfer(0, i, 7, 8 * MIB) for i in range(7)]) == near(*[1_094_750] * 7)


@pytest.mark.parametrize("duplex,expected", [("full", 19_531.25), ("half", 39_062.5)])
def test_15_exchange(duplex: str, expected: float) -> None:
    exchange = [Transfer(0, 0, 1, MIB), Transfer(0, 1, 0, MIB)]
    assert run(system(2, latency=0.0, duplex=duplex, **FAIR), exchange) == near(expected, expected)


def test_16_shift_by_two_reaches_the_bound_of_the_busiest_link() -> None:
    shift = [Transfer(0, 4 * r + c, 4 * r + (c + 2) % 4, MIB) for r in range(4) for c in range(4)]
    found = run(system(16, "torus", dims=(4, 4), **FAIR), shift)
    assert found == near(*[2 * 19_531.25 + 2 * 500] * 16)


@pytest.mark.parametrize("settings,expected", [({}, 21_531.25), (STORE, 80_125)])
def test_3_alone_as_in_turns(settings: dict[str, Any], expected: float) -> None:
    assert run(system(5, **FAIR, **settings), [Transfer(0, 0, 4, MIB)]) == near(expected)


@pytest.mark.parametrize("packet,expected", [(4096, 21_760.1318359375), (MIB, 80_125), (1, 21_531.305879354)])
def test_4_packets_alone_as_in_turns(packet: int, expected: float) -> None:
    assert run(system(5, packet_bytes=packet, **FAIR, **STORE), [Transfer(0, 0, 4, MIB)]) == near(expected)


HOPS = st.lists(st.tuples(st.floats(1e6, 1e12), st.sampled_from([0.0, 1e-9, 5e-7])), min_size=1, max_size=4)


@given(hops=HOPS, nbytes=st.integers(0, 10**9), start=st.integers(0, 10**15))
def test_alone_it_is_the_same_femtosecond_as_in_turns(hops: list[tuple[float, float]], nbytes: int, start: int) -> None:
    listed = [Transfer(start, 0, len(hops), nbytes)]
    assert Network(chain(hops, **FAIR)).run(listed) == Network(chain(hops)).run(listed)


def raised_together(on: list[list[int]], room: list[Fraction]) -> list[Fraction]:
    """Max-min fair rates: all rates rise at one speed; those that meet a full link stop. ``on[i]``: the links of i."""
    rates = [Fraction(0)] * len(on)
    rising = {i for i, links in enumerate(on) if links}
    while rising:
        count = {link: sum(link in on[i] for i in rising) for i in rising for link in on[i]}
        spare = {link: room[link] - sum(rates[i] for i in range(len(on)) if link in on[i]) for link in count}
        rise = min(spare[link] / count[link] for link in count)
        for i in rising:
            rates[i] += rise
        full = {link for link in count if spare[link] == rise * count[link]}
        rising = {i for i in rising if not full & set(on[i])}
    return rates


def oracle(built: System, listed: list[Transfer]) -> list[Fraction]:
    """Arrivals (fs) by exact fractions, all rates anew at every event."""
    fabric = built.fabric
    room = [Fraction(link.bandwidth or 0) / FS for link in fabric.links]
    links = [[arc.link for arc in built.paths.find(int(t.source), int(t.destination))] for t in listed]
    left = [Fraction(t.nbytes) for t in listed]
    ends: list[Fraction | None] = [
        None if n and way else Fraction(t.start) for t, n, way in zip(listed, left, links, strict=True)
    ]
    now = Fraction(0)
    while any(end is None for end in ends):
        going = [i for i, t in enumerate(listed) if ends[i] is None and t.start <= now]
        rates = dict(zip(going, raised_together([links[i] for i in going], room), strict=True))
        steps = [left[i] / rates[i] for i in going]
        steps += [t.start - now for i, t in enumerate(listed) if ends[i] is None and t.start > now]
        step = min(steps)
        now += step
        for i in going:
            left[i] -= rates[i] * step
            if not left[i]:
                ends[i] = now
    found = []
    for end, way in zip(ends, links, strict=True):
        assert end is not None
        found.append(end + sum(round(fabric.links[link].latency * FS) for link in way))
    return found


def transfers(traffic: list[tuple[int, int, int, int]], scale: int = 1) -> list[Transfer]:
    return [Transfer(start * NS * scale, a, b, nbytes) for start, a, b, nbytes in traffic]


@pytest.mark.parametrize("kind,dims", KINDS)
@settings(max_examples=25)
@given(traffic=TRAFFIC, duplex=st.sampled_from(["full", "half"]))
def test_all_agree_with_rates_that_are_raised_together(
    kind: str, dims: tuple[int, ...] | None, traffic: list[tuple[int, int, int, int]], duplex: str
) -> None:
    built = system(6, kind, dims=dims, bandwidth=1e9, duplex=duplex, **FAIR)
    found = Network(built).run(transfers(traffic))
    for arrival, expected in zip(found, oracle(built, transfers(traffic)), strict=True):
        assert abs(arrival - expected) <= 2 * len(traffic)  # every end on the way is rounded to a femtosecond


@pytest.mark.parametrize("switching", [{}, STORE, STORE | {"packet_bytes": 100}])
@pytest.mark.parametrize("kind,dims", KINDS)
@settings(max_examples=20)
@given(traffic=TRAFFIC)
def test_bytes_are_conserved_and_no_link_is_overfull(
    switching: dict[str, Any], kind: str, dims: tuple[int, ...] | None, traffic: list[tuple[int, int, int, int]]
) -> None:
    built = system(6, kind, dims=dims, bandwidth=1e9, **FAIR, **switching)
    network, listed = Network(built), transfers(traffic)
    arrivals = network.run(listed)
    hops = [len(built.paths.find(int(t.source), int(t.destination))) for t in listed]
    assert sum(wire.carried for wire in network.wires) == sum(t.nbytes * h for t, h in zip(listed, hops, strict=True))
    assert len(network.table()["link"]) == sum(hops) == sum(wire.messages for wire in network.wires)
    for wire in network.wires:
        if wire.carried:
            assert wire.busy >= wire.pace.ticks(wire.carried) - 2 * len(listed)
    for transfer, arrival in zip(listed, arrivals, strict=True):
        assert arrival >= Network(built).run([transfer])[0] - 2 * len(listed)


@settings(max_examples=25)
@given(traffic=TRAFFIC, factor=st.sampled_from([2, 4, 8, 1024]))
def test_scaling_all_times_scales_every_result(traffic: list[tuple[int, int, int, int]], factor: int) -> None:
    ring = system(6, "ring", bandwidth=2.0**30, latency=1e-6, **FAIR)
    slower = system(6, "ring", bandwidth=2.0**30 / factor, latency=1e-6 * factor, **FAIR)
    for a, b in zip(
        Network(ring).run(transfers(traffic)), Network(slower).run(transfers(traffic, factor)), strict=True
    ):
        assert abs(a * factor - b) <= 2 * factor * (len(traffic) + 1)


@settings(max_examples=25)
@given(traffic=TRAFFIC, switching=st.sampled_from([{}, STORE, STORE | {"packet_bytes": 100}]))
def test_in_simpy_as_alone_but_in_sending_order(
    traffic: list[tuple[int, int, int, int]], switching: dict[str, Any]
) -> None:
    """A message that overtakes one of its pair is delivered behind it; nothing else differs."""
    built = system(6, "ring", **FAIR, **switching)
    listed = sorted(transfers(traffic))
    env, arrivals = simpy.Environment(0), [0] * len(listed)
    transport = Transport(env, Network(built))

    def arrive(index: int) -> None:
        arrivals[index] = int(env.now)

    def start(index: int) -> None:
        _, source, destination, nbytes = listed[index]
        transport.send(int(source), int(destination), nbytes, arrive, index)

    for index, transfer in enumerate(listed):
        event = env.timeout(transfer.start, index)
        event.callbacks = [lambda event: start(cast(int, event.value))]
    env.run()
    expected = Network(built).run(listed)
    for index, transfer in enumerate(listed):
        before = [i for i in range(index + 1) if listed[i][1:3] == transfer[1:3]]
        assert arrivals[index] == max(expected[i] for i in before)
    assert transport.in_flight == 0


def test_a_short_message_waits_for_the_long_one_before_it_in_simpy_only() -> None:
    env = simpy.Environment(0)
    seen: list[str] = []
    transport = Transport(env, Network(system(3, "full", **FAIR)))
    for name, target, nbytes in (("long", 1, MIB), ("short", 1, 1), ("other", 2, 1)):
        transport.send(0, target, nbytes, seen.append, name)
    env.run()
    assert seen == ["other", "long", "short"]


def test_what_no_link_limits_takes_only_latency() -> None:
    ideal = system(4, "ring", bandwidth="unlimited", **FAIR)
    assert Network(ideal).run([Transfer(7, 0, 2, MIB)] * 3) == [7 + 1000 * NS] * 3
    assert Network(ideal).run([Transfer(7, 0, 0, MIB), Transfer(7, "host", 1, 5)]) == [7, 7]


def test_a_flow_that_nobody_meets_is_left_alone() -> None:
    """Rates change only for flows that are joined by links: the end of this one is never rounded again."""
    ring = system(8, "ring", bandwidth=9.973e8, **FAIR)
    alone = Network(ring).run([Transfer(0, 0, 1, 7919)])
    busy = [Transfer(i * NS, 4, 5, 997) for i in range(50)]
    assert Network(ring).run([Transfer(0, 0, 1, 7919), *busy])[:1] == alone


def test_two_runs_give_equal_tables() -> None:
    torus = system(9, "torus", dims=(3, 3), **FAIR)
    listed = [Transfer(0, a, b, 1000 * a + b) for a in range(9) for b in range(9)]
    networks = [Network(torus), Network(torus)]
    for network in networks:
        network.run(listed)
    first, second = (network.table() for network in networks)
    assert all((first[name] == second[name]).all() for name in first)


def test_chips_of_several_kinds_share_by_link_not_by_kind() -> None:
    built = system(3, "switch", chips=[chips(2), chips(1, prefix="big", matmul=1e14)], **FAIR)
    assert run(built, [Transfer(0, "chip0", "big0", MIB), Transfer(0, "chip1", "big0", MIB)]) == near(
        40_062.5, 40_062.5
    )
