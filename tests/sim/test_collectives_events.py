"""Collectives event by event: the network's own order, whatever else is on the links."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import RunError
from ampsim.hw import Network, System, Transfer, Transport
from ampsim.hw.collectives import Collective, Round, Start, all_to_all, ring_all_reduce, run_collectives, star_broadcast
from tests.sim.collectives import ALL, Make
from tests.sim.systems import MIB, NS, system

ENDS = st.integers(-1, 7)
TRAFFIC = st.lists(st.builds(Transfer, st.integers(0, 3000), ENDS, ENDS, st.integers(0, 1000)), max_size=40)
SWITCHING: list[dict[str, Any]] = [
    {},
    {"switching": "store_and_forward"},
    {"switching": "store_and_forward", "packet_bytes": 100},
]


@pytest.mark.parametrize("switching", SWITCHING)
@settings(max_examples=40)
@given(traffic=TRAFFIC, latency=st.sampled_from([0.0, 1e-12, 1e-9]), kind=st.sampled_from(["ring", "switch", "line"]))
def test_transfers_alone_are_those_of_the_network(
    switching: dict[str, Any], traffic: list[Transfer], latency: float, kind: str
) -> None:
    built = system(8, kind, bandwidth=1e15, latency=latency, **switching)
    networks = [Network(built), Network(built)]
    assert run_collectives(networks[0], [], traffic).arrivals == networks[1].run(traffic)
    first, second = (network.table() for network in networks)
    assert all((first[name] == second[name]).all() for name in first)


def in_simpy(built: System, made: Collective) -> int:
    """The time of the same schedule, each rank a process that waits for the messages it needs."""
    env = simpy.Environment(0)
    transport = Transport(env, Network(built))
    arrived = [
        [[env.event() for _ in range(int((one.target == rank).sum()))] for one in made.rounds]
        for rank in range(made.ranks)
    ]
    waiting = [[list(events) for events in row] for row in arrived]

    def rank(me: int) -> Generator[simpy.Event, Any, None]:
        for number, one in enumerate(made.rounds):
            for target, nbytes in zip(one.target[one.source == me], one.nbytes[one.source == me], strict=True):
                event = waiting[int(target)][number].pop()
                transport.send(me, int(target), int(nbytes), event.succeed)
            yield simpy.AllOf(env, arrived[me][number])

    env.run(until=simpy.AllOf(env, [env.process(rank(me)) for me in range(made.ranks)]))
    return int(env.now)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("kind,dims", [("ring", None), ("full", None), ("switch", None), ("torus", (2, 3))])
@pytest.mark.parametrize("nbytes", [0, 1, 60_000, 100_003])
def test_processes_in_simpy_take_as_long(make: Make, kind: str, dims: tuple[int, ...] | None, nbytes: int) -> None:
    built, made = system(6, kind, dims=dims), make(6, nbytes)
    assert run_collectives(Network(built), [Start(0, made)], fast=False).times == [in_simpy(built, made)]


@pytest.mark.parametrize("fast", [True, False])
def test_a_host_and_names_may_be_ranks(fast: bool) -> None:
    built = system(4, "ring", host={"at": ["chip0"], "bandwidth": 1e9, "latency": 1e-6})
    start = Start(0, ring_all_reduce(3, 300), ["host", "chip1", 2])
    assert run_collectives(Network(built), [start], fast=fast).times[0] > 4 * 1000 * NS


def test_ranks_on_one_chip_exchange_at_once() -> None:
    """Four ranks on two chips: only what crosses the links takes time."""
    network = Network(system(2))
    finished = run_collectives(network, [Start(3, ring_all_reduce(4, 400), [0, 0, 1, 1])])
    assert finished.refused == ["ranks share a chip"]
    assert {wire.messages for wire in network.wires if wire.carried} == {6}
    assert finished.times[0] > 3
    alone = run_collectives(Network(system(2)), [Start(3, ring_all_reduce(4, 400), [1] * 4)])
    assert alone.ranks == [[3, 3, 3, 3]]


def test_a_message_may_come_before_its_rank_has_started_or_is_so_far() -> None:
    """Rank 0 gets the message of round 1 long before that of round 0; rank 3 has not started when its own comes."""

    def messages(source: list[int], target: list[int], nbytes: list[int]) -> Round:
        arrays = [np.array(column, np.int64) for column in (source, target, nbytes)]
        return Round(arrays[0], arrays[1], arrays[2], 0 * arrays[0])

    first, second = messages([1, 2], [0, 3], [MIB, 1]), messages([2], [0], [1])
    made = Collective("mine", 4, MIB, [first, second])
    for fast in (True, False):
        (times,) = run_collectives(Network(system(4, "full")), [Start([0, 0, 0, 10**12], made)], fast=fast).ranks
        alone = Network(system(4, "full")).run([Transfer(0, 1, 0, MIB)])
        assert times == [alone[0], 0, 0, 10**12]


def test_collectives_share_links_first_come_first_served() -> None:
    """Two equal ones at once take nearly twice as long; the second to come is the one that waits."""
    ring = system(8, "ring", latency=1e-12)
    one = Start(0, ring_all_reduce(8, 64 * MIB))
    alone = run_collectives(Network(ring), [one]).times[0]
    finished = run_collectives(Network(ring), [one, one])
    assert max(finished.times) == pytest.approx(2 * alone, rel=1e-3)


def test_the_order_of_the_list_decides_nothing_else() -> None:
    ring = system(6, "ring")
    starts = [Start(0, ring_all_reduce(6, 9999)), Start(77, all_to_all(6, 12345)), Start(10**9, all_to_all(6, 7))]
    transfers = [Transfer(5, 0, 3, MIB), Transfer(0, 4, 2, 99)]
    forth = run_collectives(Network(ring), starts, transfers)
    back = run_collectives(Network(ring), starts[::-1], transfers[::-1])
    assert forth.ranks == back.ranks[::-1]
    assert forth.arrivals == back.arrivals[::-1]
    assert run_collectives(Network(ring), starts, transfers) == forth


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("kind", ["ring", "full"])
def test_with_max_min_sharing_it_takes_as_long_where_nothing_is_shared(make: Make, kind: str) -> None:
    """No two messages of a ring meet, nor any on links from each to each; bytes are conserved everywhere."""
    made = make(6, 60_000)
    fair, turns = Network(system(6, kind, sharing="max_min")), Network(system(6, kind))
    times = run_collectives(fair, [Start(7, made)]).times, run_collectives(turns, [Start(7, made)]).times
    assert [(w.carried, w.messages) for w in fair.wires] == [(w.carried, w.messages) for w in turns.wires]
    if kind == "full" or made.name.startswith("ring"):
        assert times[0] == pytest.approx(times[1], abs=len(made.rounds))


def test_with_max_min_sharing_transfers_beside_get_their_share() -> None:
    """A collective and a transfer over one link: half of it each."""
    fair = system(2, sharing="max_min", latency=0.0)
    whole = Start(0, star_broadcast(2, MIB))
    finished = run_collectives(Network(fair), [whole], [Transfer(0, 0, 1, MIB)])
    assert finished.times[0] / NS == pytest.approx(39_062.5)
    assert finished.arrivals[0] / NS == pytest.approx(39_062.5)
    assert finished.ranks[0][0] == 0
    assert "first come first served" in str(run_collectives(Network(fair), [whole]).refused[0])
    with pytest.raises(RunError, match="cannot start at -1"):
        run_collectives(Network(fair), [], [Transfer(-1, 0, 1, 1)])


def test_nothing_to_do_takes_no_time() -> None:
    finished = run_collectives(Network(system(2)), [])
    assert (finished.times, finished.arrivals, finished.refused) == ([], [], [])
    assert run_collectives(Network(system(2)), [Start(9, ring_all_reduce(1, MIB), ["chip1"])]).ranks == [[9]]


@pytest.mark.parametrize(
    "start,says",
    [
        (Start(-1, ring_all_reduce(2, 1)), "cannot start at -1, -1 fs"),
        (Start([0], ring_all_reduce(2, 1)), "cannot start at 0 fs"),
        (Start([0] * 9, ring_all_reduce(2, 1)), "cannot start at 0, 0, 0, 0, ... fs"),
        (Start(0, ring_all_reduce(2, 1), [0]), "no place on 1 chips"),
        (Start(0, ring_all_reduce(3, 1)), "2 is no chip"),
        (Start(0, ring_all_reduce(2, 1), ["chip0", "chip7"]), "'chip7' is no chip"),
    ],
)
def test_impossible_starts_are_refused(start: Start, says: str) -> None:
    with pytest.raises(RunError, match=says):
        run_collectives(Network(system(2)), [start])


@pytest.mark.parametrize("transfer", [Transfer(-1, 0, 1, 1), Transfer(0, 0, 1, -1), Transfer(0, 0, 5, 1)])
def test_impossible_transfers_are_refused(transfer: Transfer) -> None:
    with pytest.raises(RunError):
        run_collectives(Network(system(2)), [], [transfer])
