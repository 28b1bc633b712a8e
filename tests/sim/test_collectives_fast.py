"""The fast path is the event-by-event path, sooner: equal to the bit, and refused where it would not be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ampsim.hw import Network, System, Transfer
from ampsim.hw.collectives import (
    Collective,
    Finished,
    Round,
    Start,
    all_to_all,
    halving_doubling_all_reduce,
    ring_all_reduce,
    run_collectives,
    star_all_reduce,
    tree_all_reduce,
)
from tests.sim.collectives import ALL, Make
from tests.sim.systems import MIB, NS, chain, chips, system

KINDS: list[tuple[str, tuple[int, ...] | None]] = [
    ("ring", None),
    ("line", None),
    ("full", None),
    ("switch", None),
    ("torus", (3, 4)),
    ("mesh", (2, 2, 3)),
]
CHIPS = 12
SETTINGS: list[dict[str, Any]] = [
    {},
    {"switching": "store_and_forward"},
    {"switching": "store_and_forward", "packet_bytes": 700},
    {"duplex": "half"},
    {"bandwidth": "unlimited"},
    {"bandwidth": 9.973e8, "latency": 1e-6},
    {"chips": [chips(CHIPS, port={"bandwidth": 3e9, "overhead": 2e-7})]},
    {"chips": [chips(CHIPS, port={"bandwidth": 3e9, "gap": 2e-6})]},
]


def state(network: Network) -> list[tuple[int, int, int, int]]:
    return [(wire.free, wire.busy, wire.carried, wire.messages) for wire in network.wires]


def both(
    built: System, starts: list[Start], transfers: list[Transfer], before: list[Transfer]
) -> tuple[list[Finished], list[Network]]:
    """On networks that have carried ``before``: where possible on the fast path, and event by event."""
    networks = [Network(built), Network(built)]
    for network in networks:
        network.run(before)
    pairs = zip(networks, (True, False), strict=True)
    return [run_collectives(network, starts, transfers, fast=fast) for network, fast in pairs], networks


def assert_equal(finished: list[Finished], networks: list[Network], *, rows: bool) -> None:
    """Times and totals always; the table as a whole, or the rows of each link in their order."""
    fast, slow = finished
    assert fast.ranks == slow.ranks
    assert fast.arrivals == slow.arrivals
    assert state(networks[0]) == state(networks[1])
    tables = [network.table() for network in networks]
    if not rows:
        orders = [np.argsort(table["link"], kind="stable") for table in tables]
        tables = [
            {name: column[order] for name, column in table.items()} for table, order in zip(tables, orders, strict=True)
        ]
    for name, column in tables[0].items():
        assert column.dtype == tables[1][name].dtype, name
        assert column.tobytes() == tables[1][name].tobytes(), name


@st.composite
def cases(draw: st.DrawFn) -> tuple[System, Start, list[Transfer]]:
    """A collective on some chips in some order, each rank starting when it will, after other traffic or none."""
    kind, dims = draw(st.sampled_from(KINDS))
    built = system(CHIPS, kind, dims=dims, **draw(st.sampled_from(SETTINGS)))
    chips = draw(st.permutations(range(CHIPS)))[: draw(st.integers(1, CHIPS))]
    if draw(st.booleans()):
        chips = sorted(chips)
    nbytes = draw(st.one_of(st.sampled_from([0, 1, 13, 64 * MIB]), st.integers(0, 20_000)))
    made = draw(st.sampled_from(ALL))(len(chips), nbytes)
    if draw(st.booleans()):
        made = made.then(draw(st.sampled_from(ALL))(len(chips), nbytes // 2))
    late = st.integers(0, 3000).map(lambda time: time * NS)
    times = draw(st.one_of(late, st.lists(late, min_size=len(chips), max_size=len(chips))))
    ends = st.integers(0, CHIPS - 1)
    before = draw(st.lists(st.builds(Transfer, late, ends, ends, st.integers(0, 100_000)), max_size=3))
    return built, Start(times, made, chips), before


@settings(max_examples=150)
@given(case=cases())
def test_the_fast_path_is_equal_to_the_bit(case: tuple[System, Start, list[Transfer]]) -> None:
    built, start, before = case
    finished, networks = both(built, [start], [], before)
    assert_equal(finished, networks, rows=True)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("kind", ["ring", "full", "switch"])
@pytest.mark.parametrize("ranks", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("nbytes", [0, 1, 5, 100_003])
def test_equal_for_every_collective_of_every_size(make: Make, kind: str, ranks: int, nbytes: int) -> None:
    finished, networks = both(system(ranks, kind), [Start(0, make(ranks, nbytes))], [], [])
    assert_equal(finished, networks, rows=True)


@pytest.mark.parametrize(
    "kind,make",
    [
        ("ring", ring_all_reduce),
        ("line", ring_all_reduce),
        ("switch", ring_all_reduce),
        ("switch", all_to_all),
        ("full", halving_doubling_all_reduce),
        ("switch", halving_doubling_all_reduce),
        ("full", tree_all_reduce),
        ("switch", star_all_reduce),
    ],
)
@pytest.mark.parametrize("nbytes", [8 * MIB, 1_000_003])
def test_regular_traffic_takes_it(kind: str, make: Make, nbytes: int) -> None:
    """All start together: nobody overtakes anybody."""
    (fast, _), networks = both(system(8, kind), [Start(5 * NS, make(8, nbytes))], [], [])
    assert fast.refused == [None]
    assert_equal([fast, _], networks, rows=True)


def test_links_of_different_speed() -> None:
    """Cut-through and store and forward over a slow, a fast and a far link; round the other way nothing is shared."""
    hops = [(1e9, 1e-6), (5e9, 2e-6), (7e8, 1e-9)]
    for switching in ("cut_through", "store_and_forward"):
        finished, networks = both(chain(hops, switching=switching), [Start(0, ring_all_reduce(4, 100_003))], [], [])
        assert finished[0].refused == [None]
        assert_equal(finished, networks, rows=True)


STARTS = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from([ring_all_reduce, all_to_all, tree_all_reduce]), st.booleans()),
    min_size=1,
    max_size=3,
)
ENDS = st.integers(0, CHIPS - 1)


@settings(max_examples=60)
@given(
    starts=STARTS,
    transfers=st.lists(st.tuples(st.integers(0, 3000), ENDS, ENDS, st.integers(0, 50_000)), max_size=4),
    kind=st.sampled_from(KINDS),
)
@example(starts=[(0, ring_all_reduce, True), (0, ring_all_reduce, False)], transfers=[], kind=("ring", None))
def test_with_other_traffic_times_and_totals_are_equal(
    starts: list[tuple[int, Make, bool]],
    transfers: list[tuple[int, int, int, int]],
    kind: tuple[str, tuple[int, ...] | None],
) -> None:
    """Several collectives, forwards or backwards over the chips or on a half of them, and transfers beside."""
    listed = []
    for number, (time, make, forth) in enumerate(starts):
        chips = list(range(CHIPS)) if number == 0 else list(range(6 * (number % 2), 6 * (number % 2) + 6))
        made = make(len(chips), 10_000 + number)
        listed.append(Start(time * NS, made, chips if forth else chips[::-1]))
    beside = [Transfer(start * NS, a, b, nbytes) for start, a, b, nbytes in transfers]
    finished, networks = both(system(CHIPS, kind[0], dims=kind[1]), listed, beside, [])
    assert_equal(finished, networks, rows=False)


def test_it_is_refused_when_a_transfer_takes_one_of_the_links() -> None:
    ring, made = system(8, "ring"), ring_all_reduce(8, MIB)
    beside, across = Transfer(0, 3, 2, MIB), Transfer(0, 2, 3, MIB)
    other_way = run_collectives(Network(ring), [Start(0, made)], [beside])
    assert other_way.refused == [None]
    same_way = run_collectives(Network(ring), [Start(0, made)], [across])
    assert same_way.refused == ["other traffic uses its links"]
    assert same_way.times[0] > other_way.times[0]


def test_two_rings_in_opposite_directions_do_not_interfere_and_in_one_direction_they_do() -> None:
    ring, made = system(8, "ring"), ring_all_reduce(8, MIB)
    forth, back = Start(0, made), Start(0, made, list(range(8))[::-1])
    alone = run_collectives(Network(ring), [forth]).times[0]
    opposite = run_collectives(Network(ring), [forth, back])
    assert opposite.refused == [None, None]
    assert opposite.times == [alone, alone]
    together = run_collectives(Network(ring), [forth, forth, back])
    assert [bool(why) for why in together.refused] == [True, True, False]
    assert together.times[0] > alone
    assert together.times[2] == alone


@pytest.mark.parametrize(
    "built,start,says",
    [
        (system(4, "ring", latency=0.0), Start(0, ring_all_reduce(4, 100)), "no latency"),
        (system(4, "ring"), Start(0, ring_all_reduce(4, 100), [0, 1, 1, 2]), "share a chip"),
        (system(4, "ring"), Start(1 << 62, ring_all_reduce(4, 100)), "int64"),
        (system(4, "ring", bandwidth=1.0), Start(0, ring_all_reduce(4, 10**6)), "int64"),
        (system(8, "ring", bandwidth="unlimited"), Start(0, ring_all_reduce(8, 10**18)), "int64"),
        (system(9, "torus", dims=(3, 3)), Start(0, halving_doubling_all_reduce(9, 777)), "another order"),
        (
            system(4, "ring", switching="store_and_forward", packet_bytes=10),
            Start(0, ring_all_reduce(4, 100)),
            "packets",
        ),
        (system(4, "ring", sharing="max_min"), Start(0, ring_all_reduce(4, 100)), "first come first served"),
        (system(4, "ring", chips=[chips(4, port={"gap": 1e-6})]), Start(0, ring_all_reduce(4, 9)), "first come"),
    ],
)
def test_it_is_refused_with_a_reason_and_nothing_is_touched(built: System, start: Start, says: str) -> None:
    finished, networks = both(built, [start], [], [Transfer(0, 0, 1, 7)])
    assert says in str(finished[0].refused[0])
    assert_equal(finished, networks, rows=True)


def test_beyond_the_horizon_of_floats_tables_are_equal_too() -> None:
    """2^53 fs is 9 s: from there on a float64 does not hold every femtosecond."""
    slow = system(3, "ring", bandwidth=1_000.0)
    finished, networks = both(slow, [Start(7, ring_all_reduce(3, 10_001))], [], [])
    assert finished[0].refused == [None]
    assert finished[0].times[0] > 1 << 53
    assert_equal(finished, networks, rows=True)


def test_without_a_record_there_are_totals_and_no_rows() -> None:
    network = Network(system(4, "ring"), record=False)
    run_collectives(network, [Start(0, ring_all_reduce(4, 400))])
    assert len(network.table()["link"]) == 0
    assert sum(wire.carried for wire in network.wires) == 2 * 3 * 400


def test_rows_of_several_runs_follow_each_other() -> None:
    network, made = Network(system(4, "ring")), ring_all_reduce(4, 400)
    first = run_collectives(network, [Start(0, made)]).times[0]
    network.run([Transfer(first, 0, 1, 99)])
    run_collectives(network, [Start(first, made)])
    table = network.table()
    assert len(table["link"]) == 2 * made.messages + 1
    assert table["bytes"][made.messages] == 99
    assert table["link"].tolist() == network.table()["link"].tolist()


def test_a_round_in_which_nobody_sends() -> None:
    none = np.empty(0, np.int64)
    made = Collective("pause", 3, 0, [Round(none, none, none, none), *ring_all_reduce(3, 9).rounds])
    finished, networks = both(system(3, "ring"), [Start(0, made)], [], [])
    assert finished[0].refused == [None]
    assert_equal(finished, networks, rows=True)
