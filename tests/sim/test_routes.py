"""Which way a message takes: by rule, or given."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.hw import Network, System, Transfer
from tests.sim.systems import chips, system

ORDERED: dict[str, Any] = {"routing": "dimension_ordered"}
GRIDS = st.sampled_from(["line", "ring", "mesh", "torus"])


def way(built: System, source: int, target: int) -> list[int]:
    """The vertices from one to the other."""
    return [source, *(arc.target for arc in built.paths.find(source, target))]


@given(kind=GRIDS, dims=st.lists(st.integers(1, 5), min_size=1, max_size=3), data=st.data())
def test_dimension_ordered_is_the_shortest_of_a_grid(kind: str, dims: list[int], data: st.DataObject) -> None:
    """It is asked of arithmetic, and the other of a search: and both go the same way."""
    one = kind in ("line", "ring")
    shape, count = (None, dims[0]) if one else (tuple(dims), prod(dims))
    ordered, shortest = system(count, kind, dims=shape, **ORDERED), system(count, kind, dims=shape)
    places = st.integers(0, count - 1)
    for _ in range(4):
        a, b = data.draw(places), data.draw(places)
        assert way(ordered, a, b) == way(shortest, a, b)


def test_rows_first_then_columns() -> None:
    assert way(system(12, "mesh", dims=(3, 4), **ORDERED), 0, 11) == [0, 4, 8, 9, 10, 11]
    assert way(system(12, "torus", dims=(3, 4), **ORDERED), 0, 11) == [0, 8, 11]


@pytest.mark.parametrize("groups,routers,each", [(2, 1, 2), (5, 2, 2), (9, 4, 2), (4, 5, 1), (13, 4, 1), (1, 3, 2)])
def test_a_dragonfly_by_order_takes_one_link_between_groups(groups: int, routers: int, each: int) -> None:
    """Local, global, local; the shortest way may save a link by passing through a third group."""
    count = groups * routers * each
    topology = {"kind": "dragonfly", "groups": groups, "routers": routers, "chips": each}
    values = system(1, chips=[chips(count)]).to_dict() | {"topology": topology}
    ordered, shortest = System.from_dict(values | ORDERED), System.from_dict(values)
    names = ordered.fabric.vertices
    for a in range(0, count, 3):
        for b in range(count):
            found = way(ordered, a, b)
            between = [names[vertex].split(".")[0] for vertex in found[1:-1]]
            changes = sum(x != y for x, y in pairwise(between))
            assert changes == (a // (routers * each) != b // (routers * each))
            assert len(set(found)) == len(found) <= 6
            assert len(way(shortest, a, b)) <= len(found)
            assert all(ordered.fabric.arc(*pair) for pair in pairwise(found))


def test_the_host_goes_the_shortest_way_all_the_same() -> None:
    built = system(4, "line", host={"at": ["chip0"]}, **ORDERED)
    assert way(built, built.fabric.host, 3) == [built.fabric.host, 0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["switch", "full"])
def test_what_has_no_dimensions_is_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match=f"kind {kind} has no dimensions") as caught:
        system(4, kind, **ORDERED)
    assert caught.value.where == "routing"


def test_given_routes_are_all_there_is() -> None:
    paths = [["chip0", "chip1", "chip2"], ["chip2", "chip1", "chip0"]]
    built = system(3, "line", routing="given", routes=[{"path": path} for path in paths])
    assert way(built, 0, 2) == [0, 1, 2]
    assert Network(built).run([Transfer(0, "host", 2, 1)]) == [0]


def test_pairs_without_a_given_route_are_listed() -> None:
    paths = [["chip0", "chip1", "chip2"]]
    with pytest.raises(ConfigError, match=r"there is none for chip2 -> chip0\n") as caught:
        system(3, "line", routing="given", routes=[{"path": path} for path in paths])
    assert caught.value.where == "routes"
    with pytest.raises(ConfigError) as caught:
        system(30, "line", routing="given")
    assert caught.value.what.count("->") == 10
    assert caught.value.what.endswith("and more")


def test_a_given_route_counts_under_every_rule() -> None:
    route = [{"path": ["chip0", "chip3", "chip2", "chip1"]}]
    for rule in ("shortest", "dimension_ordered"):
        assert way(system(4, "ring", routes=route, routing=rule), 0, 1) == [0, 3, 2, 1]


def test_no_rule_leads_through_the_host() -> None:
    """Two links to the host are never more than the way through the network, and yet nobody takes them."""
    tree = {"kind": "fat_tree", "radix": 4, "levels": 3}
    fly = {"kind": "dragonfly", "groups": 4, "routers": 2, "chips": 2}
    for topology in (tree, fly):
        built = System.from_dict(system(1, chips=[chips(16)]).to_dict() | {"topology": topology})
        graph = built.graph()
        graph.remove_node("host")
        for a in range(16):
            for b in range(16):
                found = way(built, a, b)
                assert built.fabric.host not in found
                assert len(found) == networkx.shortest_path_length(graph, f"chip{a}", f"chip{b}") + 1


def test_ways_up_a_fat_tree_spread_over_the_switches() -> None:
    """From one chip to the chips of another leaf: every switch above is taken equally often."""
    built = System.from_dict(
        system(1, chips=[chips(32)]).to_dict() | {"topology": {"kind": "fat_tree", "radix": 8, "levels": 2}}
    )
    tops = [built.fabric.vertices[way(built, 0, target)[2]] for target in range(4, 32)]
    assert sorted(tops) == sorted(f"switch2.{i}" for i in range(4) for _ in range(7))
