"""The network against other models of itself, and the laws that need no numbers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import RunError
from ampsim.hw import Network, System, Transfer, Transport
from ampsim.hw.clock import FS, Pace
from ampsim.hw.network.transport import AFTER_NETWORK
from tests.sim.systems import BANDWIDTH, LATENCY, MIB, NS, chain, chips, system

# One byte takes a whole number of femtoseconds at these, so sums are exact and may be compared with ==.
EXACT = st.sampled_from([1e9, 2e9, 5e8, 1e8, 4e9])
HOPS = st.lists(st.tuples(EXACT, st.sampled_from([0.0, 1e-9, 5e-7, 1e-6])), min_size=1, max_size=5)
SWITCHING: list[dict[str, Any]] = [
    {},
    {"switching": "store_and_forward"},
    {"switching": "store_and_forward", "packet_bytes": 100},
]
SIZES = st.integers(0, 1000)
TRAFFIC = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 7), st.integers(0, 7), SIZES), max_size=40)


def transfers(traffic: list[tuple[int, int, int, int]], scale: int = 1) -> list[Transfer]:
    return [Transfer(start * NS * scale, a, b, nbytes) for start, a, b, nbytes in traffic]


def by_packets(hops: list[tuple[float, float]], nbytes: int, packet: int | None) -> int:
    """Arrival of the last packet when each packet is stored and forwarded alone: the plain recurrence."""
    packet = packet or max(nbytes, 1)
    packets = [packet] * (nbytes // packet) + ([nbytes % packet] if nbytes % packet else [])
    ready = [0] * len(packets or [0])
    for bandwidth, latency in hops:
        free = 0
        for index, size in enumerate(packets or [0]):
            free = max(free, ready[index]) + Pace(bandwidth).ticks(size)
            ready[index] = free + round(latency * FS)
    return ready[-1]


@given(hops=HOPS, nbytes=SIZES, packet=st.sampled_from([None, 1, 7, 100, 999]))
def test_unequal_links_agree_with_packets_one_by_one(
    hops: list[tuple[float, float]], nbytes: int, packet: int | None
) -> None:
    stored: dict[str, Any] = {"switching": "store_and_forward"} | ({"packet_bytes": packet} if packet else {})
    (arrival,) = Network(chain(hops, **stored)).run([Transfer(0, 0, len(hops), nbytes)])
    assert arrival == by_packets(hops, nbytes, packet)


@given(hops=HOPS, nbytes=SIZES)
def test_cut_through_unequal_links_go_at_the_slowest_rate(hops: list[tuple[float, float]], nbytes: int) -> None:
    """Time k a + n / min B, the limit of ever smaller packets; and no byte leaves a vertex before it came."""
    network = Network(chain(hops))
    (arrival,) = network.run([Transfer(0, 0, len(hops), nbytes)])
    latency = sum(round(a * FS) for _, a in hops)
    assert arrival == latency + Pace(min(b for b, _ in hops)).ticks(nbytes)
    table = network.table()
    for row in range(1, len(hops)):
        delay = hops[row - 1][1]
        assert table["start"][row] >= table["start"][row - 1] + delay - 1e-15
        assert table["end"][row] >= table["end"][row - 1] + delay - 1e-15
    least = [Pace(b).ticks(nbytes) / FS for b, _ in hops]
    assert all(table["end"] - table["start"] >= [time - 1e-15 for time in least])


def resources(system: System, listed: list[Transfer]) -> list[int]:
    """The same network made of SimPy Resources: a process per message and link. Cut-through or whole messages."""
    env = simpy.Environment(0)
    links = [simpy.Resource(env) for _ in system.fabric.links]
    paces = [Pace(link.bandwidth) for link in system.fabric.links]
    arrivals = [0] * len(listed)

    def hop(index: int, at: int, head: int, tail: int) -> Generator[simpy.Event, Any, None]:
        transfer = listed[index]
        route = system.paths.find(int(transfer.source), int(transfer.destination))
        yield env.timeout(head - int(env.now))
        if at == len(route):
            arrivals[index] = max(head, tail)
            return
        number = route[at].link
        latency = round(system.fabric.links[number].latency * FS)
        with links[number].request() as turn:
            yield turn
            start = int(env.now)
            end = max(start + paces[number].ticks(transfer.nbytes), tail)
            head = start + latency if system.switching == "cut_through" else end + latency
            env.process(hop(index, at + 1, head, end + latency))
            yield env.timeout(end - start)

    for index, transfer in enumerate(listed):
        env.process(hop(index, 0, transfer.start, 0))
    env.run()
    return arrivals


@pytest.mark.parametrize("switching", ["cut_through", "store_and_forward"])
@pytest.mark.parametrize("duplex", ["full", "half"])
@given(traffic=TRAFFIC, seed=st.integers(0, 1000))
def test_shared_links_agree_with_resources(
    switching: str, duplex: str, traffic: list[tuple[int, int, int, int]], seed: int
) -> None:
    """Starts and sizes all differ, so that no two heads arrive together and both models serve in one order."""
    ring = system(8, "ring", bandwidth=9.973e8, latency=1e-6, switching=switching, duplex=duplex)
    listed = [
        Transfer(t.start + 7919 * i + seed, t.source, t.destination, 41 * t.nbytes + i + 1)
        for i, t in enumerate(transfers(traffic))
    ]
    assert Network(ring).run(listed) == resources(ring, listed)


@pytest.mark.parametrize("switching", SWITCHING)
@given(traffic=TRAFFIC, factor=st.integers(2, 50))
def test_scaling_all_times_scales_every_result(
    switching: dict[str, Any], traffic: list[tuple[int, int, int, int]], factor: int
) -> None:
    ring = system(8, "ring", bandwidth=1e9, latency=1e-6, **switching)
    slower = system(8, "ring", bandwidth=1e9 / factor, latency=1e-6 * factor, **switching)
    plain = Network(ring).run(transfers(traffic))
    scaled = Network(slower).run(transfers(traffic, factor))
    for a, b in zip(plain, scaled, strict=True):
        # 1e9 / factor is no exact float for every factor: one femtosecond a link may differ
        assert abs(a * factor - b) <= 40 + 1e-9 * b


@pytest.mark.parametrize("switching", SWITCHING)
@given(hops=HOPS, nbytes=SIZES, at=st.integers(0, 4), more=st.sampled_from([1.5, 2.0, 10.0]))
def test_more_bandwidth_is_never_slower_when_uncontended(
    switching: dict[str, Any], hops: list[tuple[float, float]], nbytes: int, at: int, more: float
) -> None:
    faster = list(hops)
    bandwidth, latency = hops[at % len(hops)]
    faster[at % len(hops)] = (bandwidth * more, latency)
    listed = [Transfer(0, 0, len(hops), nbytes)]
    (before,) = Network(chain(hops, **switching)).run(listed)
    (after,) = Network(chain(faster, **switching)).run(listed)
    assert after <= before + 1


@pytest.mark.parametrize("switching", SWITCHING)
@pytest.mark.parametrize("kind,dims", [("ring", None), ("torus", (2, 4)), ("mesh", (2, 2, 2)), ("switch", None)])
@settings(max_examples=25)
@given(traffic=TRAFFIC)
def test_bytes_are_conserved(
    switching: dict[str, Any],
    kind: str,
    dims: tuple[int, ...] | None,
    traffic: list[tuple[int, int, int, int]],
) -> None:
    """Sum of link bytes = sum of bytes x hops; no link carries two messages at once; nothing beats its own route."""
    built = system(8, kind, dims=dims, **switching)
    network = Network(built)
    listed = transfers(traffic)
    arrivals = network.run(listed)
    hops = [len(built.paths.find(int(t.source), int(t.destination))) for t in listed]
    assert sum(wire.carried for wire in network.wires) == sum(t.nbytes * h for t, h in zip(listed, hops, strict=True))
    table = network.table()
    assert len(table["link"]) == sum(hops)
    for number in set(table["link"].tolist()):
        mine = table["link"] == number
        assert (table["start"][mine][1:] >= table["end"][mine][:-1]).all()
    for transfer, arrival, count in zip(listed, arrivals, hops, strict=True):
        alone = Network(built).run([transfer])[0]
        assert arrival >= alone >= transfer.start + count * 500 * NS


@pytest.mark.parametrize("switching", SWITCHING)
@given(traffic=TRAFFIC, order=st.randoms(use_true_random=False))
def test_simpy_and_standalone_agree_whatever_the_order_of_processes(
    switching: dict[str, Any], traffic: list[tuple[int, int, int, int]], order: Any
) -> None:
    ring = system(8, "ring", **switching)
    listed = [t for i, t in enumerate(transfers(traffic)) if not any(o[:2] == t[:2] for o in transfers(traffic)[:i])]
    env, arrivals = simpy.Environment(0), [0] * len(listed)
    transport = Transport(env, Network(ring))

    def arrive(index: int) -> None:
        arrivals[index] = int(env.now)

    def start(index: int) -> Generator[simpy.Event, Any, None]:
        _, source, destination, nbytes = listed[index]
        yield env.timeout(listed[index].start)
        transport.send(int(source), int(destination), nbytes, arrive, index)

    indices = list(range(len(listed)))
    order.shuffle(indices)
    for index in indices:
        env.process(start(index))
    env.run()
    assert arrivals == Network(ring).run(listed)
    assert transport.in_flight == 0


def test_ties_go_to_the_lower_source_then_to_the_earlier_message() -> None:
    switch = system(4, "switch", latency=0.0)
    listed = [Transfer(0, 2, 3, MIB), Transfer(0, 1, 3, MIB), Transfer(0, 2, 3, 1), Transfer(0, 0, 3, MIB)]
    arrivals = Network(switch).run(listed)
    assert sorted(range(4), key=lambda i: arrivals[i]) == [3, 1, 0, 2]


def test_messages_of_one_pair_arrive_in_sending_order() -> None:
    """Also an empty one, whose head leaves a shared link together with the message before it."""
    for switching in SWITCHING:
        listed = [Transfer(NS, 0, 2, 0), Transfer(0, 0, 2, MIB)]
        after, before = Network(system(3, **switching)).run(listed)
        assert after >= before


def test_the_host_goes_first_and_has_free_links_by_default() -> None:
    ring = system(4, "ring")
    assert Network(ring).run([Transfer(5, "host", 2, MIB), Transfer(5, "chip3", "host", MIB)]) == [5, 5]
    shared = system(4, "ring", host={"at": ["chip0"], "bandwidth": BANDWIDTH, "latency": LATENCY})
    far, own = Network(shared).run([Transfer(0, "host", 1, MIB), Transfer(0, 0, 1, 1)])
    assert far / NS == pytest.approx(20_531.25)
    assert own / NS == pytest.approx(500 + 1 / 53.687, rel=1e-6)


def test_a_message_to_oneself_takes_no_time() -> None:
    assert Network(system(2)).run([Transfer(3, 1, 1, MIB)]) == [3]


def test_everything_delivered_at_one_time_is_seen_together() -> None:
    env = simpy.Environment(0)
    transport, seen, woken = Transport(env, Network(system(3, "full"))), [], []

    def arrive(source: int) -> None:
        seen.append(source)
        wake = env.event()
        wake._ok, wake._value = True, None
        env.schedule(wake, AFTER_NETWORK)
        wake.callbacks = [lambda _: woken.append(list(seen))]

    transport.send(1, 2, 10, arrive, 1)
    transport.send(0, 2, 10, arrive, 0)
    env.run()
    assert seen == [0, 1]
    assert woken[0] == [0, 1]


def test_transfer_is_an_event() -> None:
    env = simpy.Environment(0)
    arrived = Transport(env, Network(system(2))).transfer(0, 1, MIB)
    env.run(until=arrived)
    assert env.now / NS == pytest.approx(20_031.25)


def test_two_runs_give_equal_tables() -> None:
    torus = system(9, "torus", dims=(3, 3))
    listed = [Transfer(0, a, b, 1000 * a + b) for a in range(9) for b in range(9)]
    networks = [Network(torus), Network(torus)]
    for network in networks:
        network.run(listed)
    first, second = (network.table() for network in networks)
    assert list(first) == ["link", "start", "end", "bytes", "source", "destination"]
    assert [c.dtype.str[1:] for c in first.values()] == ["i4", "f8", "f8", "i8", "i4", "i4"]
    assert all((first[name] == second[name]).all() for name in first)


def test_without_a_record_only_the_totals_are_kept() -> None:
    network = Network(system(2), record=False)
    network.run([Transfer(0, 0, 1, MIB)])
    assert len(network.table()["link"]) == 0
    assert sum(wire.carried for wire in network.wires) == MIB


def test_long_runs_are_recorded_in_pieces() -> None:
    network = Network(system(2))
    network.run([Transfer(i, 0, 1, 1) for i in range(70_000)])
    table = network.table()
    assert len(table["link"]) == 70_000
    assert (table["start"][1:] >= table["start"][:-1]).all()


@pytest.mark.parametrize(
    "transfer", [Transfer(0, 0, 1, -1), Transfer(-1, 0, 1, 1), Transfer(0, 0, 2, 1), Transfer(0, "chip9", 1, 1)]
)
def test_impossible_transfers_are_refused(transfer: Transfer) -> None:
    with pytest.raises(RunError):
        Network(system(2)).run([transfer])


def test_a_switch_is_no_destination() -> None:
    with pytest.raises(RunError, match="'switch' is no chip"):
        Network(system(2, "switch")).run([Transfer(0, 0, "switch", 1)])


def test_unlimited_links_cost_their_latency() -> None:
    ideal = system(4, "ring", bandwidth="unlimited", chips=[chips(4, prefix="x")])
    assert Network(ideal).run([Transfer(0, "x0", "x2", MIB)] * 3) == [1000 * NS] * 3
