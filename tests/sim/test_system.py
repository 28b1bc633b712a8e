"""Systems: topologies, routes, the host, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.hw import System
from ampsim.hw.topology.topologies import MAX_LINKS
from tests.sim.systems import chips, system


def edges(*pairs: tuple[str, str], count: int = 3, vertices: tuple[str, ...] = (), **more: Any) -> System:
    listed = [{"between": list(pair)} for pair in pairs]
    topology = {"kind": "edges", "edges": listed, "vertices": list(vertices)}
    return System.from_dict(system(1).to_dict() | {"chips": [chips(count)], "topology": topology} | more)


def route(built: System, source: int, target: int) -> list[str]:
    """Names of the vertices on the way."""
    fabric = built.fabric
    return [fabric.vertices[source], *(fabric.vertices[arc.target] for arc in built.paths.find(source, target))]


@pytest.mark.parametrize(
    "kind,count,dims,links",
    [
        ("line", 1, None, 0),
        ("line", 5, None, 8),
        ("ring", 1, None, 0),
        ("ring", 2, None, 2),
        ("ring", 3, None, 6),
        ("mesh", 6, (2, 3), 14),
        ("torus", 6, (2, 3), 18),
        ("torus", 27, (3, 3, 3), 162),
        ("torus", 4, (4, 1), 8),
        ("mesh", 16, (2, 2, 2, 2), 64),
        ("switch", 4, None, 8),
        ("full", 4, None, 12),
    ],
)
def test_the_number_of_links(kind: str, count: int, dims: tuple[int, ...] | None, links: int) -> None:
    for duplex, share in (("full", 1), ("half", 2)):
        fabric = system(count, kind, dims=dims, duplex=duplex).fabric
        between = [link for link in fabric.links if "host" not in link.name]
        assert len(between) == links // share
        assert len({link.name for link in fabric.links}) == len(fabric.links)


@pytest.mark.parametrize("duplex", ["full", "half"])
@pytest.mark.parametrize("kind,dims", [("ring", (7,)), ("mesh", (3, 4)), ("torus", (4, 3)), ("torus", (2, 3, 2))])
def test_routes_are_shortest_and_go_dimension_by_dimension(kind: str, dims: tuple[int, ...], duplex: str) -> None:
    count = 1
    for size in dims:
        count *= size
    built = system(count, kind, dims=None if kind == "ring" else dims, duplex=duplex)
    graph = built.graph()
    graph.remove_node("host")
    lengths = dict(networkx.all_pairs_shortest_path_length(graph))
    for a in range(count):
        for b in range(count):
            way = route(built, a, b)
            assert len(way) - 1 == lengths[f"chip{a}"][f"chip{b}"]
            numbers = [int(name[4:]) for name in way]
            changed = []
            for x, y in pairwise(numbers):
                stride, axis = count, 0
                for axis, size in enumerate(dims):  # noqa: B007
                    stride //= size
                    if x // stride % size != y // stride % size:
                        break
                changed.append(axis)
            assert changed == sorted(changed)


def test_both_ways_round_equally_long_go_upwards() -> None:
    ring = system(4, "ring")
    assert [route(ring, a, (a + 2) % 4)[1] for a in range(4)] == ["chip1", "chip2", "chip3", "chip0"]


def test_no_route_passes_through_the_host() -> None:
    assert route(system(9, "line"), 0, 8) == [f"chip{i}" for i in range(9)]


@settings(max_examples=30)
@given(st.integers(2, 12), st.integers(0, 10**6))
def test_any_connected_graph(count: int, seed: int) -> None:
    graph = networkx.gnp_random_graph(count, 0.5, seed=seed)
    pairs = [(f"chip{a}", f"chip{b}") for a, b in graph.edges]
    if not networkx.is_connected(graph):
        with pytest.raises(ConfigError, match="disconnected"):
            edges(*pairs, count=count)
        return
    built = edges(*pairs, count=count)
    lengths = dict(networkx.all_pairs_shortest_path_length(graph))
    assert all(len(built.paths.find(a, b)) == lengths[a][b] for a in range(count) for b in range(count))


def test_given_routes_replace_the_shortest() -> None:
    ring = system(4, "ring", routes=[{"path": ["chip0", "chip3", "chip2", "chip1"]}])
    assert route(ring, 0, 1) == ["chip0", "chip3", "chip2", "chip1"]
    assert route(ring, 1, 0) == ["chip1", "chip0"]


@pytest.mark.parametrize(
    "paths,where,word",
    [
        ([["chip0", "chip2"]], "routes[0].path[1]", "no link"),
        ([["chip0", "chip9"]], "routes[0].path[1]", "no vertex"),
        ([["chip0", "chip1"], ["chip0", "chip1"]], "routes[1].path", "second route"),
        ([["chip0", "chip1", "chip0"]], "routes[0].path", "repeat"),
        ([["chip0", "host", "chip2"]], "routes[0].path", "host"),
        ([["chip0"]], "routes[0].path", ">= 2"),
    ],
)
def test_impossible_routes_are_refused(paths: list[list[str]], where: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        system(4, "ring", routes=[{"path": path} for path in paths])
    assert caught.value.where == where


def test_edges_take_from_links_what_they_do_not_say() -> None:
    topology = {
        "kind": "edges",
        "vertices": ["router"],
        "edges": [
            {"between": ["chip0", "router"], "bandwidth": "1 GB/s"},
            {"between": ["chip1", "router"], "latency": "1 us", "duplex": "half"},
            {"between": ["chip0", "chip1"], "one_way": True, "bandwidth": "unlimited"},
        ],
    }
    built = System.from_dict(system(1).to_dict() | {"chips": [chips(2)], "topology": topology})
    links = {link.name: link for link in built.fabric.links if "host" not in link.name}
    assert list(links) == ["chip0->router", "router->chip0", "chip1<->router", "chip0->chip1"]
    assert links["chip0->router"].bandwidth == 1e9
    assert links["chip0->router"].latency == 500e-9
    assert links["chip1<->router"].latency == 1e-6
    assert links["chip0->chip1"].bandwidth is None
    assert route(built, 0, 1) == ["chip0", "chip1"]
    assert route(built, 1, 0) == ["chip1", "router", "chip0"]
    assert built.graph().nodes["router"]["kind"] == "switch"


@pytest.mark.parametrize(
    "pairs,where,word",
    [
        ([("chip0", "chip1"), ("chip1", "chip2"), ("chip1", "chip1")], "topology.edges[2]", "itself"),
        ([("chip0", "chip1"), ("chip1", "chip2"), ("chip1", "chip0")], "topology.edges[2]", "linked twice"),
        ([("chip0", "chip1"), ("chip1", "chip3")], "topology.edges[1].between[1]", "'chip3' is no chip"),
        ([("chip0", "chip1"), ("chip1", "host")], "topology.edges[1].between[1]", "'host' is no chip"),
        ([("chip0", "chip1")], "topology", "disconnected"),
        ([], "topology", "disconnected"),
    ],
)
def test_impossible_edges_are_refused(pairs: list[tuple[str, str]], where: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        edges(*pairs)
    assert caught.value.where == where


def test_at_most_ten_unreachable_pairs_are_listed() -> None:
    graph = networkx.disjoint_union(networkx.cycle_graph(50), networkx.path_graph(50))
    with pytest.raises(ConfigError, match="disconnected") as caught:
        edges(*[(f"chip{a}", f"chip{b}") for a, b in graph.edges], count=100)
    assert caught.value.what.count("->") == 10
    assert "chip0 -> chip50" in caught.value.what
    assert caught.value.what.endswith("and more")


def test_one_way_streets_must_lead_back() -> None:
    ways = [{"between": [f"chip{i}", f"chip{i + 1}"], "one_way": True} for i in range(2)]
    topology = {"kind": "edges", "edges": ways}
    values = system(1).to_dict() | {"chips": [chips(3)], "topology": topology}
    with pytest.raises(ConfigError, match=r"no route for chip1 -> chip0, chip2 -> chip0, chip2 -> chip1\n"):
        System.from_dict(values)


def test_unreachable_switches_do_not_matter() -> None:
    assert edges(("chip0", "chip1"), ("chip1", "chip2"), vertices=("spare",)).fabric.vertices[3] == "spare"


def test_groups_of_equal_prefix_share_one_numbering() -> None:
    groups = [chips(2), chips(1, prefix="fast", matmul=1e15), chips(2, vector=5.0)]
    built = system(5, "full", chips=groups)
    assert built.chip_names == ("chip0", "chip1", "fast0", "chip2", "chip3")
    assert [kind.vector for kind in built.chip_kinds] == [1e11, 1e11, 1e11, 5.0, 5.0]


@pytest.mark.parametrize(
    "changes,where,word",
    [
        ({"chips": []}, "chips", ">= 1"),
        ({"chips": [chips(11), chips(1, prefix="chip1")]}, "chips", "two vertices are called 'chip10'"),
        ({"chips": [chips(16_384), chips(1)]}, "chips", "more than 16384"),
        ({"chips": [chips(2000)], "topology": {"kind": "full"}}, "topology", "use fewer chips or a switch"),
        ({"chips": [chips(16_384)], "topology": {"kind": "torus", "dims": [128, 64, 2]}}, "topology", str(MAX_LINKS)),
        ({"topology": {"kind": "torus", "dims": [3]}}, "topology.dims", "3 places, and there are 4 chips"),
        ({"topology": {"kind": "mesh", "dims": []}}, "topology.dims", ">= 1"),
        ({"topology": {"kind": "edges", "edges": [], "vertices": ["chip0"]}}, "topology.vertices", "'chip0'"),
        ({"host": {"at": ["chip9"]}}, "host.at[0]", "no chip"),
        ({"host": {"at": ["host"]}}, "host.at[0]", "no chip"),
        ({"host": {"at": ["chip0", "chip0"]}}, "host.at[1]", "twice"),
        ({"host": {"at": []}}, "host.at", ">= 1"),
        ({"packet_bytes": 4096}, "packet_bytes", "no packets"),
        ({"switching": "wormhole"}, "switching", "Invalid"),
        ({"overflow": "burst"}, "overflow", "Invalid"),
        ({"overflow": "spill"}, "chips[0].off_chip", "needs off-chip memory"),
    ],
)
def test_impossible_systems_are_refused(changes: dict[str, Any], where: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as caught:
        System.from_dict(system(4, "ring").to_dict() | changes)
    assert caught.value.where == where


def test_a_system_survives_yaml_and_plain_values() -> None:
    built = edges(("chip0", "chip1"), ("chip1", "r"), ("r", "chip2"), vertices=("r",), host={"at": ["r"]})
    assert System.from_text(built.to_yaml()) == built
    assert System.from_dict(built.to_dict()) == built
    assert "50 GiB/s" in built.to_yaml()


def test_the_host_may_be_one_vertex_away() -> None:
    built = edges(("chip0", "chip1"), ("chip1", "r"), ("r", "chip2"), vertices=("r",), host={"at": ["r"]})
    assert route(built, built.fabric.host, 0) == ["host", "r", "chip1", "chip0"]
    graph = built.graph()
    assert graph.edges["host", "r"]["bandwidth"] is None
    assert graph.nodes["host"]["kind"] == "host"
