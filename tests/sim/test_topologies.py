"""Topologies with a name, graphs from elsewhere, and links that differ by direction."""

from __future__ import annotations

from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.hw import Network, System, Transfer
from tests.sim.systems import BANDWIDTH, MIB, NS, chips, system


def shaped(count: int, topology: dict[str, Any], **more: Any) -> System:
    return System.from_dict(system(1, chips=[chips(count)]).to_dict() | {"topology": topology} | more)


def fat_tree(radix: int, levels: int, count: int | None = None, **more: Any) -> System:
    places = 2 * (radix // 2) ** levels
    return shaped(places if count is None else count, {"kind": "fat_tree", "radix": radix, "levels": levels}, **more)


def dragonfly(groups: int, routers: int, each: int, count: int | None = None, **more: Any) -> System:
    topology = {"kind": "dragonfly", "groups": groups, "routers": routers, "chips": each} | more
    return shaped(groups * routers * each if count is None else count, topology)


def undirected(built: System) -> Any:
    graph = built.graph()
    graph.remove_node("host")
    return graph.to_undirected()


@pytest.mark.parametrize("radix,levels", [(2, 1), (4, 1), (4, 2), (4, 3), (6, 2), (8, 3), (2, 4)])
def test_a_fat_tree_of_radix_k(radix: int, levels: int) -> None:
    """2 (k/2)^L chips, (2L - 1) (k/2)^(L-1) switches of k ports each, diameter 2 L."""
    half = radix // 2
    graph = undirected(fat_tree(radix, levels))
    switches = [node for node in graph if node.startswith("switch")]
    assert len(graph) - len(switches) == 2 * half**levels
    assert len(switches) == (2 * levels - 1) * half ** (levels - 1)
    assert {graph.degree(node) for node in switches} == {radix}
    assert networkx.diameter(graph) == 2 * levels


@given(down=st.lists(st.integers(1, 3), min_size=1, max_size=3), data=st.data())
def test_a_fat_tree_of_any_sizes(down: list[int], data: st.DataObject) -> None:
    """A switch of level i has down[i-1] links down and up[i] up; two chips meet as soon as their places do."""
    up = [data.draw(st.integers(1, 3)) for _ in down]
    count = prod(down)
    built = shaped(count, {"kind": "fat_tree", "down": down, "up": up})
    graph = undirected(built)
    for node in graph:
        level = 0 if node.startswith("chip") else int(node[len("switch") :].split(".")[0])
        expected = (down[level - 1] if level else 0) + (up[level] if level < len(up) else 0)
        assert graph.degree(node) == expected
    for a, b in combinations(range(count), 2):
        meet = next(i for i in range(1, len(down) + 1) if a // prod(down[:i]) == b // prod(down[:i]))
        assert len(built.paths.find(a, b)) == 2 * meet == networkx.shortest_path_length(graph, f"chip{a}", f"chip{b}")


@pytest.mark.parametrize("radix,levels,shift", [(4, 2, 3), (4, 3, 1), (4, 3, 5), (4, 3, 8), (6, 2, 7), (8, 2, 13)])
def test_a_fat_tree_does_not_block_a_shift(radix: int, levels: int, shift: int) -> None:
    """Each chip sends to the one ``shift`` further: no two messages meet on a link, so all take as long as alone."""
    built = fat_tree(radix, levels)
    count = len(built.chip_names)
    network = Network(built)
    found = network.run([Transfer(0, i, (i + shift) % count, MIB) for i in range(count)])
    assert max(wire.messages for wire in network.wires) == 1
    for i, time in enumerate(found):
        hops = len(built.paths.find(i, (i + shift) % count))
        assert time / NS == pytest.approx(19_531.25 + 500 * hops, rel=1e-9)


def test_two_links_down_for_each_up_halve_what_crosses_the_top() -> None:
    """16 chips in leaves of 8, 4 links up each: 8 chips send across 4 links in twice the time of a full tree."""
    for up, factor in ((8, 1), (4, 2), (2, 4)):
        built = shaped(16, {"kind": "fat_tree", "down": [8, 2], "up": [1, up]}, sharing="max_min")
        found = Network(built).run([Transfer(0, i, 8 + i, MIB) for i in range(8)])
        assert max(found) / NS == pytest.approx(19_531.25 * factor + 2000, rel=1e-9)


@pytest.mark.parametrize(
    "groups,routers,each", [(1, 1, 1), (1, 4, 2), (2, 1, 3), (5, 2, 2), (9, 4, 2), (4, 5, 1), (3, 1, 1)]
)
def test_a_dragonfly(groups: int, routers: int, each: int) -> None:
    """All routers of a group are linked, and every two groups once; the links between are shared out evenly."""
    graph = undirected(dragonfly(groups, routers, each))
    chips_, places = groups * routers * each, [(g, r) for g in range(groups) for r in range(routers)]
    between: dict[tuple[int, int], int] = {}
    share = dict.fromkeys(places, 0)
    for (g, r), (h, s) in combinations(places, 2):
        linked = graph.has_edge(f"router{g}.{r}", f"router{h}.{s}")
        if g == h:
            assert linked
        elif linked:
            between[g, h] = between.get((g, h), 0) + 1
            share[g, r] += 1
            share[h, s] += 1
    assert between == dict.fromkeys(combinations(range(groups), 2), 1)
    assert max(share.values()) <= -(-(groups - 1) // routers)
    assert sum(graph.degree(f"chip{i}") for i in range(chips_)) == chips_
    assert networkx.is_connected(graph)


def test_links_between_groups_may_differ() -> None:
    built = dragonfly(3, 2, 1, global_bandwidth="10 GB/s", global_latency="2 us")
    for link in built.fabric.links:
        ends = link.name.split("->")
        if "host" not in ends:
            far = all(end.startswith("router") for end in ends) and ends[0].split(".")[0] != ends[1].split(".")[0]
            assert (link.bandwidth, link.latency) == ((1e10, 2e-6) if far else (BANDWIDTH, 500e-9))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 11])
def test_places_behind_the_last_chip_are_empty(count: int) -> None:
    for built in (fat_tree(4, 3, count), dragonfly(3, 2, 2, count)):
        assert len(built.chip_names) == count
        listed = [Transfer(0, a, b, 1) for a in range(count) for b in range(count)]
        assert len(Network(built).run(listed)) == count * count


@pytest.mark.parametrize(
    "count,topology,where,word",
    [
        (17, {"kind": "fat_tree", "radix": 4}, "topology", "16 places, and there are 17 chips"),
        (13, {"kind": "dragonfly", "groups": 3, "routers": 2, "chips": 2}, "topology", "12 places"),
        (4, {"kind": "fat_tree", "radix": 5}, "topology.radix", "even"),
        (4, {"kind": "fat_tree"}, "topology", "radix"),
        (4, {"kind": "fat_tree", "down": [2, 2]}, "topology", "down and up"),
        (4, {"kind": "fat_tree", "down": [2, 2], "up": [1]}, "topology", "one number for each level"),
        (4, {"kind": "fat_tree", "down": [4], "up": [1], "levels": 1}, "topology", "levels"),
        (4, {"kind": "fat_tree", "down": [4], "up": [1], "radix": 4}, "topology", "radix"),
        (4, {"kind": "fat_tree", "radix": 0}, "topology.radix", ">= 2"),
        (4, {"kind": "fat_tree", "radix": 16_384, "levels": 6}, "topology", "more than 100000 links"),
        (
            4,
            {"kind": "dragonfly", "groups": 16_384, "routers": 16_384, "chips": 1},
            "topology",
            "more than 100000 links",
        ),
        (4, {"kind": "dragonfly", "groups": 0, "routers": 1, "chips": 1}, "topology.groups", ">= 1"),
        (4, {"kind": "file", "path": "nowhere.graphml"}, "topology.path", "no file"),
    ],
)
def test_impossible_shapes_are_refused(count: int, topology: dict[str, Any], where: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        shaped(count, topology)
    assert caught.value.where == where
    assert word in str(caught.value)


@pytest.mark.parametrize(
    "kind,dims", [("line", None), ("ring", None), ("torus", (2, 4)), ("mesh", (4, 2)), ("full", None)]
)
def test_the_other_direction_may_have_another_bandwidth(kind: str, dims: tuple[int, ...] | None) -> None:
    """Forward upwards in a grid, and to the higher number elsewhere: n/B one way, 3 n/B the other."""
    links = {"bandwidth": BANDWIDTH, "backward": BANDWIDTH / 3, "latency": 0.0}
    topology = {"kind": kind} | ({"dims": list(dims)} if dims else {})
    built = shaped(8, topology, links=links)
    forth, back = Network(built).run([Transfer(0, 0, 1, MIB), Transfer(0, 1, 0, MIB)])
    assert (forth / NS, back / NS) == pytest.approx((19_531.25, 3 * 19_531.25), rel=1e-9)
    around = Network(built).run([Transfer(0, 7, 0, MIB)])[0] / NS
    assert around == pytest.approx(19_531.25 if kind == "ring" else 3 * 19_531.25, rel=1e-9)


def test_downlinks_of_a_switch_may_be_faster() -> None:
    built = system(4, "switch").to_dict()
    built["links"] |= {"backward": 4 * BANDWIDTH, "latency": 0.0}
    found = Network(System.from_dict(built)).run([Transfer(0, i, 3, MIB) for i in range(3)])
    assert max(found) / NS < 1.8 * 19_531.25


def test_an_edge_may_have_another_bandwidth_back() -> None:
    edges = [{"between": ["chip0", "chip1"], "bandwidth": 4e9, "backward": 1e9}, {"between": ["chip1", "chip2"]}]
    links = {"bandwidth": 2e9, "backward": 5e8, "latency": 0.0}
    built = shaped(3, {"kind": "edges", "edges": edges}, links=links)
    widths = {link.name: link.bandwidth for link in built.fabric.links if "host" not in link.name}
    assert widths == {"chip0->chip1": 4e9, "chip1->chip0": 1e9, "chip1->chip2": 2e9, "chip2->chip1": 5e8}


@pytest.mark.parametrize(
    "links,edge,where",
    [
        ({"backward": 1e9, "duplex": "half"}, None, "links.backward"),
        ({}, {"backward": 1e9, "duplex": "half"}, "topology.edges[0]"),
        ({}, {"backward": 1e9, "one_way": True}, "topology.edges[0]"),
        ({"backward": 1e9}, {"duplex": "half"}, "topology.edges[0]"),
    ],
)
def test_what_has_one_bandwidth_is_not_given_two(
    links: dict[str, Any], edge: dict[str, Any] | None, where: str
) -> None:
    topology: dict[str, Any] = {"kind": "line"}
    if edge is not None:
        topology = {"kind": "edges", "edges": [{"between": ["chip0", "chip1"]} | edge]}
    with pytest.raises(ConfigError, match="has one bandwidth") as caught:
        shaped(2, topology, links={"bandwidth": 1e9, "latency": 0.0} | links)
    assert caught.value.where == where


PARTS: dict[str, Any] = {"links": {"bandwidth": 1e9, "latency": 1e-6}}


@settings(max_examples=20)
@given(count=st.integers(1, 9), seed=st.integers(0, 10**6))
def test_any_connected_graph_of_networkx(count: int, seed: int) -> None:
    graph = networkx.gnp_random_graph(count, 0.6, seed=seed)
    if not networkx.is_connected(graph):
        with pytest.raises(ConfigError, match="disconnected"):
            System.from_networkx(graph, chips=[chips(count)], **PARTS)
        return
    built = System.from_networkx(graph, chips=[chips(count)], **PARTS)
    lengths = dict(networkx.all_pairs_shortest_path_length(graph))
    assert all(len(built.paths.find(a, b)) == lengths[a][b] for a in range(count) for b in range(count))


def test_a_graph_may_say_what_its_edges_are_like() -> None:
    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_node("hub", kind="switch")
    graph.add_edge("left", "hub", bandwidth="10 GB/s", backward=1e9, latency=2e-6)
    graph.add_edge("hub", "right", bandwidth=None, duplex="half")
    graph.add_nodes_from(["left", "right"], kind="chip")
    built = System.from_networkx(graph, chips=[chips(2)], name="two", **PARTS)
    links = {link.name: link for link in built.fabric.links if "host" not in link.name}
    assert set(links) == {"hub->chip0", "chip0->hub", "hub<->chip1"}
    assert links["hub<->chip1"].bandwidth is None
    assert {links["hub->chip0"].bandwidth, links["chip0->hub"].bandwidth} == {1e10, 1e9}
    assert links["hub->chip0"].latency == 2e-6


@pytest.mark.parametrize("kind,dims", [("torus", (2, 3)), ("switch", None), ("mesh", (3, 2))])
def test_the_graph_of_a_system_gives_it_back(kind: str, dims: tuple[int, ...] | None) -> None:
    built = system(6, kind, dims=dims)
    again = System.from_networkx(built.graph(), chips=[chips(6)], links=built.links)
    listed = [Transfer(0, a, b, 1000 + a) for a in range(6) for b in range(6)]
    assert {link.name for link in again.fabric.links} == {link.name for link in built.fabric.links}
    assert Network(again).run(listed[:1]) == Network(built).run(listed[:1])


@pytest.mark.parametrize(
    "graph,word",
    [
        (networkx.path_graph(3), "3 nodes for chips, and there are 4 chips"),
        (
            networkx.Graph([("chip0", "chip1"), ("chip1", "chip2"), ("chip2", "chip3"), ("chip3", "no name")]),
            "no name of a vertex",
        ),
        (networkx.MultiGraph([(0, 1), (0, 1), (1, 2), (2, 3)]), "linked twice"),
        (networkx.Graph([(0, 0), (0, 1), (1, 2), (2, 3)]), "linked to itself"),
    ],
)
def test_graphs_that_do_not_fit_are_refused(graph: Any, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        System.from_networkx(graph, chips=[chips(4)], **PARTS)


def write(folder: Path, topology: str, count: int = 4) -> Path:
    path = folder / "system.yaml"
    path.write_text(
        "name: read\n"
        f"chips: [{{count: {count}, matmul: 1e12, vector: 1e11, memory_bandwidth: 1e12, memory_capacity: unlimited}}]\n"
        "links: {bandwidth: 1 GB/s, latency: 1 us}\n"
        f"topology: {topology}\n"
    )
    return path


def test_a_graphml_file_beside_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_edges_from([(0, 1), (1, 2), (2, 3), (3, 0)], bandwidth=5e8)
    networkx.write_graphml(graph, tmp_path / "ring.graphml")
    path = write(tmp_path, "{kind: file, path: ring.graphml}")
    monkeypatch.chdir("/")
    built = System.from_yaml(path)
    assert [link.bandwidth for link in built.fabric.links[:8]] == [5e8] * 8
    assert System.from_text(built.to_yaml()) == built  # which needs the file no more


def test_a_list_of_edges(tmp_path: Path) -> None:
    (tmp_path / "net.edges").write_text(
        "# a comment\nchip0 hub\nchip1 hub {'bandwidth': '2 GB/s'}\nchip2 hub\nhub chip3\n"
    )
    built = System.from_yaml(write(tmp_path, "{kind: file, path: net.edges}"))
    assert built.fabric.vertices == ("chip0", "chip1", "chip2", "chip3", "hub", "host")
    assert {link.bandwidth for link in built.fabric.links if "chip1" in link.name and "hub" in link.name} == {2e9}


@pytest.mark.parametrize(
    "name,text,word",
    [
        ("a.graphml", "<graphml", "cannot be read"),
        ("a.graphml", "<!DOCTYPE x [<!ENTITY a 'b'>]><graphml/>", "document type"),
        ("a.edges", "chip0 chip1 {'bandwidth': __import__('os')}", "cannot be read"),
        ("a.edges", "chip0 chip1 {'bandwidth': 'fast'}\nchip1 chip2\nchip2 chip3", "no number with a unit"),
        ("a.edges", "chip0 chip1\nchip2 chip3", "disconnected"),
        ("a.edges", "", "0 nodes"),
        ("a.edges", "\x00\xff", "0 nodes"),
    ],
)
def test_files_that_are_no_graphs_are_refused(tmp_path: Path, name: str, text: str, word: str) -> None:
    (tmp_path / name).write_text(text)
    path = write(tmp_path, f"{{kind: file, path: {name}}}")
    with pytest.raises(ConfigError) as caught:
        System.from_yaml(path)
    assert word in str(caught.value)
    assert f"{path}:4: topology" in str(caught.value)
