"""Ports of chips: the injection limit, overhead and gap of messages, in turns and fair."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.hw import Network, System, Transfer
from ampsim.hw.clock import FS
from tests.sim.systems import BANDWIDTH, MIB, NS, chips, system

STORE: dict[str, Any] = {"switching": "store_and_forward"}
SWITCHING: list[dict[str, Any]] = [{}, STORE, STORE | {"packet_bytes": 100}]
SHARING = ["fifo", "max_min"]


def ported(count: int, kind: str = "line", *, port: dict[str, Any], **more: Any) -> System:
    """Equal chips that all have this port."""
    return system(count, kind, chips=[chips(count, port=port)], **more)


def log_gp(sharing: str) -> System:
    """L = 2500 ns, o = 1500 ns, g = 1000 ns, G = 6 ns."""
    port = {"overhead": 1500e-9, "gap": 1000e-9}
    return ported(2, port=port, latency=(2500 - 6) * 1e-9, bandwidth=1 / 6e-9, sharing=sharing)


@pytest.mark.parametrize("sharing", SHARING)
@pytest.mark.parametrize("size", [1, 2, 97, 1024])
def test_5_a_small_message(sharing: str, size: int) -> None:
    """2 o + L + (s - 1) G: 5,500 ns for one byte."""
    (arrival,) = Network(log_gp(sharing)).run([Transfer(0, 0, 1, size)])
    assert arrival / NS == pytest.approx(2 * 1500 + 2500 + (size - 1) * 6, rel=1e-9)


@pytest.mark.parametrize("sharing", SHARING)
@pytest.mark.parametrize("o,g", [(1500, 1000), (500, 1000), (0, 1000), (1500, 0)])
def test_5_a_hundred_sends(sharing: str, o: int, g: int) -> None:
    """The rate is 1 / max(g, o): the last is 99 max(g, o) behind the first, no less than 99,000 ns at g = 1000."""
    port = {"overhead": o * 1e-9, "gap": g * 1e-9}
    built = ported(2, port=port, latency=2494e-9, bandwidth=1 / 6e-9, sharing=sharing)
    found = Network(built).run([Transfer(0, 0, 1, 1)] * 100)
    assert (found[-1] - found[0]) / NS == pytest.approx(99 * max(o, g), rel=1e-9)


@pytest.mark.parametrize("sharing", SHARING)
def test_5_a_receiver_takes_them_at_that_rate_too(sharing: str) -> None:
    star = ported(11, "switch", port={"gap": 1e-6}, sharing=sharing)
    found = sorted(Network(star).run([Transfer(0, i, 10, 1) for i in range(10)]))
    byte = 1 / BANDWIDTH * 1e9  # in turns it is the heads that are so far apart
    assert 9 * 1000 - byte - 1e-6 <= (found[-1] - found[0]) / NS <= 9 * 1000 + 1e-6


@pytest.mark.parametrize("sharing", SHARING)
@pytest.mark.parametrize("limit,expected", [(1.0, 4), (2.0, 2), (4.0, 1), (0.5, 8)])
def test_all_that_a_chip_sends_at_once_is_limited(sharing: str, limit: float, expected: float) -> None:
    """Four links of B out of one chip, an injection limit of ``limit`` B: n / B becomes max(1, 4 / limit) n / B."""
    full = ported(5, "full", port={"bandwidth": limit * BANDWIDTH}, latency=0.0, sharing=sharing)
    out = Network(full).run([Transfer(0, 0, i, 64 * MIB) for i in range(1, 5)])
    into = Network(full).run([Transfer(0, i, 0, 64 * MIB) for i in range(1, 5)])
    bound = expected * 1_250_000
    for found in (out, into):
        if sharing == "max_min":
            assert max(found) / NS == pytest.approx(bound, rel=1e-9)
        else:  # in turns the last one may only begin when those before it have passed the port
            assert bound * (1 - 1e-9) <= max(found) / NS <= bound + max(1.0, 1 / limit) * 1_250_000


@given(
    nbytes=st.sampled_from([0, 1, 99, 100, 101, 7919, 10**6]),
    hops=st.integers(1, 4),
    switching=st.sampled_from(SWITCHING),
    sharing=st.sampled_from(SHARING),
)
def test_a_wide_port_is_not_noticed(nbytes: int, hops: int, switching: dict[str, Any], sharing: str) -> None:
    """Bytes pass as they come, so a port as fast as the links or faster costs a lone message nothing."""
    listed = [Transfer(0, 0, hops, nbytes)]
    plain = Network(system(5, bandwidth=1e9, sharing=sharing, **switching)).run(listed)
    for limit in (1e9, 4e9):
        built = ported(5, port={"bandwidth": limit}, bandwidth=1e9, sharing=sharing, **switching)
        assert Network(built).run(listed) == plain


@pytest.mark.parametrize("switching", SWITCHING)
@pytest.mark.parametrize("nbytes", [1, 100, 1000, 1010])
def test_a_narrow_port_feeds_the_links(switching: dict[str, Any], nbytes: int) -> None:
    """Cut through k a + n / r; otherwise the same, and what is stored on the way. The port in is narrow, too."""
    built = ported(4, port={"bandwidth": 5e8}, bandwidth=1e9, latency=1e-6, **switching)
    (arrival,) = Network(built).run([Transfer(0, 0, 3, nbytes)])
    stored = 0 if not switching else 2 * min(nbytes, switching.get("packet_bytes", nbytes))
    least = 3_000 + 2 * nbytes
    assert least <= arrival / NS <= least + 2 * stored
    if not switching:
        assert arrival / NS == least


def test_what_passes_through_a_chip_and_what_the_host_sends_take_no_port() -> None:
    built = ported(3, port={"overhead": 1e-3})
    network = Network(built)
    network.run([Transfer(0, 0, 2, 5), Transfer(0, "host", 1, 5), Transfer(0, 1, "host", 5), Transfer(0, 1, 1, 5)])
    carried = {wire.name: wire.messages for wire in network.wires if wire.port}
    assert carried == {"chip0.out": 1, "chip0.in": 0, "chip1.out": 0, "chip1.in": 0, "chip2.out": 0, "chip2.in": 1}


def test_only_chips_with_a_port_have_its_links_and_they_come_last() -> None:
    built = system(3, "ring", chips=[chips(2), chips(1, prefix="big", port={"bandwidth": 1e9})])
    names = [link.name for link in built.fabric.links]
    assert names[-2:] == ["big0.out", "big0.in"]
    assert names[:-2] == [
        link.name for link in system(3, "ring", chips=[chips(2), chips(1, prefix="big")]).fabric.links
    ]
    assert [link.port for link in built.fabric.links].count(True) == 2
    assert System.from_text(built.to_yaml()) == built


@pytest.mark.parametrize("switching", SWITCHING)
@given(traffic=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 5), st.integers(0, 5), st.integers(0, 999))))
def test_bytes_are_conserved_and_ports_serve_in_turn(
    switching: dict[str, Any], traffic: list[tuple[int, int, int, int]]
) -> None:
    """Σ link bytes = Σ bytes x hops, ports counted; on a link nothing overlaps, and nothing beats its own route."""
    built = ported(6, "ring", port={"bandwidth": 8e8, "overhead": 1e-8, "gap": 3e-8}, bandwidth=1e9, **switching)
    network = Network(built)
    listed = [Transfer(start * NS, a, b, nbytes) for start, a, b, nbytes in traffic]
    arrivals = network.run(listed)
    hops = [len(built.paths.find(a, b)) + 2 * (a != b) for _, a, b, _ in traffic]
    assert sum(wire.carried for wire in network.wires) == sum(t.nbytes * h for t, h in zip(listed, hops, strict=True))
    table = network.table()
    for wire in network.wires:
        mine = table["link"] == wire.number
        gaps = table["start"][mine][1:] - table["start"][mine][:-1]
        assert (table["start"][mine][1:] >= table["end"][mine][:-1]).all()
        assert (gaps >= wire.gap / FS - 1e-15).all()
    for transfer, arrival in zip(listed, arrivals, strict=True):
        assert arrival >= Network(built).run([transfer])[0]


def test_what_the_fast_path_of_collectives_may_take() -> None:
    assert Network(system(4, "ring")).plain
    assert Network(ported(4, "ring", port={"bandwidth": 1e9})).plain
    assert not Network(ported(4, "ring", port={"bandwidth": 1e9}, **STORE)).plain
    assert not Network(ported(4, "ring", port={"gap": 1e-9})).plain
    assert not Network(system(4, "ring", sharing="max_min")).plain
