"""The same promises for formats, memory levels, energy, ports, topologies, and graphs in other files."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.errors import ConfigError
from ampsim.hw import System
from ampsim.hw.topology.graphs import MOST_PARTS

GOOD = """\
name: wide
chips:
  - count: 4
    matmul: 1 TFLOP/s
    vector: 100 GFLOP/s
    memory_bandwidth: 100 GB/s
    memory_capacity: 64 GiB
    units: 2
    format: bf16
    formats:
      bf16: {matmul: 2 TFLOP/s, vector: 1 GFLOP/s, bytes: 2}
    off_chip: {capacity: 1 TiB, bandwidth: 10 GB/s}
    energy: {matmul: 1 pJ/FLOP, vector: 1 pJ/FLOP, memory: 1 pJ/B, off_chip: 3 pJ/B, link: 4 pJ/bit, idle: 75 W}
    port: {bandwidth: 20 GB/s, overhead: 1 us, gap: 2 us}
links: {bandwidth: 50 GB/s, latency: 500 ns, backward: 5 GB/s}
topology: {kind: fat_tree, radix: 4, levels: 2}
sharing: max_min
routing: shortest
overflow: spill
all_reduce: tree
"""
TOPOLOGY = "{kind: fat_tree, radix: 4, levels: 2}"
TREE = "{kind: fat_tree, "
FLY = "{kind: dragonfly, "

# what is replaced, by what, and where the error must point
WRONG = [
    ("format: bf16", "format: bf17", "9: chips[0].format"),
    ("format: bf16", "format: [bf16]", "9: chips[0].format"),
    ("bf16: {", "'b f': {", "10: chips[0].formats"),
    ("bf16: {", "fp32: {", "11: chips[0].formats.fp32"),
    ("bytes: 2", "bytes: 0", "11: chips[0].formats.bf16.bytes"),
    ("bytes: 2", "bytes: 9", "11: chips[0].formats.bf16.bytes"),
    ("bytes: 2", "bytes: 2 B", "11: chips[0].formats.bf16.bytes"),
    ("2 TFLOP/s", ".nan", "11: chips[0].formats.bf16.matmul"),
    ("2 TFLOP/s", "2 TB/s", "11: chips[0].formats.bf16.matmul"),
    ("bytes: 2}", "bytes: 2, matmul_energy: -1}", "11: chips[0].formats.bf16.matmul_energy"),
    ("bytes: 2}", "bytes: 2, colour: red}", "11: chips[0].formats.bf16.colour"),
    ("units: 2", "units: 0", "8: chips[0].units"),
    ("units: 2", "units: 1e9", "8: chips[0].units"),
    ("1 TiB", "0", "12: chips[0].off_chip.capacity"),
    ("1 TiB", ".inf", "12: chips[0].off_chip.capacity"),
    ("bandwidth: 10 GB/s", "bandwidth: 0", "12: chips[0].off_chip.bandwidth"),
    ("{capacity: 1 TiB, bandwidth: 10 GB/s}", "{capacity: 1 TiB}", "12: chips[0].off_chip"),
    ("{capacity: 1 TiB, bandwidth: 10 GB/s}", "unlimited", "12: chips[0].off_chip"),
    ("1 pJ/B", "1 pJ/FLOP", "13: chips[0].energy.memory"),
    ("1 pJ/B", "2", "13: chips[0].energy.memory"),
    ("75 W", "-75 W", "13: chips[0].energy.idle"),
    ("75 W", ".nan", "13: chips[0].energy.idle"),
    (", off_chip: 3 pJ/B", "", "13: chips[0].energy.off_chip"),
    ("20 GB/s", "0", "14: chips[0].port.bandwidth"),
    ("overhead: 1 us", "overhead: -1", "14: chips[0].port.overhead"),
    ("gap: 2 us", "gap: .inf", "14: chips[0].port.gap"),
    ("backward: 5 GB/s", "backward: 0", "15: links.backward"),
    ("backward: 5 GB/s", "backward: 5 GB/s, duplex: half", "15: links.backward"),
    ("max_min", "fair", "17: sharing"),
    ("routing: shortest", "routing: dimension_ordered", "18: routing"),
    ("routing: shortest", "routing: given", "18: routing"),
    ("overflow: spill", "overflow: drop", "19: overflow"),
    ("all_reduce: tree", "all_reduce: butterfly", "20: all_reduce"),
    (TOPOLOGY, TREE + "radix: 16384, levels: 6}", "16: topology"),
    (TOPOLOGY, TREE + "radix: 5}", "16: topology.radix"),
    (TOPOLOGY, TREE + "radix: 0}", "16: topology.radix"),
    (TOPOLOGY, TREE + "radix: 4, levels: 7}", "16: topology.levels"),
    (TOPOLOGY, TREE + "radix: 2, levels: 1}", "16: topology"),
    (TOPOLOGY, TREE + "radix: 4, down: [4], up: [1]}", "16: topology"),
    (TOPOLOGY, TREE + "down: [4, 2], up: [1]}", "16: topology"),
    (TOPOLOGY, TREE + "down: [4], up: [16384]}", "16: topology"),
    (TOPOLOGY, TREE + f"down: {[16384] * 6}, up: {[16384] * 6}}}", "16: topology"),
    (TOPOLOGY, TREE + f"down: {[2] * 7}, up: {[1] * 7}}}", "16: topology.down"),
    (TOPOLOGY, "{kind: fat_tree}", "16: topology"),
    (TOPOLOGY, FLY + "groups: 16384, routers: 16384, chips: 16384}", "16: topology"),
    (TOPOLOGY, FLY + "groups: 2, routers: 1000, chips: 1}", "16: topology"),
    (TOPOLOGY, FLY + "groups: 1, routers: 1, chips: 3}", "16: topology"),
    (TOPOLOGY, FLY + "groups: 0, routers: 1, chips: 4}", "16: topology.groups"),
    (TOPOLOGY, FLY + "groups: 2, routers: 2}", "16: topology"),
    (TOPOLOGY, FLY + "groups: 2, routers: 2, chips: 1, global_latency: -1}", "16: topology.global_latency"),
    (TOPOLOGY, "{kind: torus, dims: [0, 4]}", "16: topology.dims[0]"),
    (TOPOLOGY, f"{{kind: torus, dims: {[1] * 5}}}", "16: topology.dims"),
    ("count: 4", "count: 16384", "16: topology"),
    ("count: 4", "count: 16384\n    <<: *all", "4"),
]


def test_the_good_file_is_good() -> None:
    system = System.from_text(GOOD)
    assert System.from_text(system.to_yaml()) == system


@pytest.mark.parametrize("old,new,where", WRONG, ids=[f"{i}-{new[:24]!r}" for i, (_, new, _) in enumerate(WRONG)])
def test_one_error_with_file_line_and_path_in_a_second(old: str, new: str, where: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        System.from_text(text, "f.yaml")
    spent, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (caught.value.where or "").startswith(f"f.yaml:{where}")
    assert spent < 1.0
    assert peak < 100 * 2**20
    assert len(str(caught.value)) < 1000
    assert len(str(caught.value).splitlines()) <= 3


GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected">'
FILES: dict[str, bytes] = {
    "large.edges": b"".join(b"n%d n%d\n" % (i, i + 1) for i in range(MOST_PARTS + 1)),
    "repeated.edges": b"a b\n" * 2_000_000,
    "long.edges": b"a b " + b"x" * 2**20,
    "deep.edges": b"a b {'x': " + b"[" * 100_000,
    "code.edges": b"chip0 chip1 {'bandwidth': __import__('os')}\n",
    "nan.edges": b"chip0 chip1 {'bandwidth': float('nan')}\n",
    "inf.edges": b"chip0 chip1 {'bandwidth': 1e999}\nchip1 chip2\nchip2 chip3\n",
    "negative.edges": b"chip0 chip1 {'latency': -1}\nchip1 chip2\nchip2 chip3\n",
    "list.edges": b"chip0 chip1 {'bandwidth': [1]}\nchip1 chip2\nchip2 chip3\n",
    "self.edges": b"chip0 chip0\nchip0 chip1\nchip1 chip2\nchip2 chip3\n",
    "islands.edges": b"chip0 chip1\nchip2 chip3\n",
    "names.edges": b"chip0 chip1\nchip1 chip2\nchip2 chip3\nchip3 <script>\n",
    "few.edges": b"chip0 chip1\n",
    "empty.edges": b"",
    "binary.edges": bytes(range(256)) * 1000,
    "bomb.graphml": b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><graphml>&b;</graphml>',
    "deep.graphml": b"<g>" * 1_000_000,
    "large.graphml": GRAPHML.encode() + b'<node id="n"/>' * (MOST_PARTS + 1) + b"</graph></graphml>",
    "other.graphml": b"<svg/>",
    "broken.graphml": GRAPHML.encode(),
    "binary.graphml": bytes(range(256)) * 1000,
    "zeros.graphml": b"\0" * (1 << 24),
    "huge.edges": b" " * ((1 << 24) + 1),
}
PATHS = [
    "/etc/passwd", "../outside.edges", "../../../../../../etc/passwd", "/dev/zero", "/dev/stdin", ".", "..", "''",
    "none.edges", '"a\\0b"', "x/../../outside.edges", "link.edges", "round.edges", "fifo.edges", "folder.graphml",
    "[a]", "3", "~", "x" * 1001, "x" * 999,
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what should not be read beside it, and links that lead there."""
    (tmp_path / "outside.edges").write_text("chip0 chip1\nchip1 chip2\nchip2 chip3\n")
    inner = tmp_path / "inner"
    (inner / "folder.graphml").mkdir(parents=True)
    (inner / "link.edges").symlink_to(tmp_path / "outside.edges")
    (inner / "round.edges").symlink_to("round.edges")
    os.mkfifo(inner / "fifo.edges")
    return inner


def refused(folder: Path, topology: str) -> ConfigError:
    file = folder / "f.yaml"
    file.write_text(GOOD.replace(TOPOLOGY, topology))
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        System.from_yaml(file)
    assert time.process_time() - start < 1.0
    assert (caught.value.where or "").startswith(f"{file}:16: topology")
    assert len(str(caught.value)) < 1500
    assert len(str(caught.value).splitlines()) <= 3
    return caught.value


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_a_graph_is_read_beside_the_system_only(path: str, folder: Path) -> None:
    assert ":/bin/" not in str(refused(folder, f"{{kind: file, path: {path}}}"))


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_graphs(name: str, folder: Path) -> None:
    (folder / name).write_bytes(FILES[name])
    refused(folder, f"{{kind: file, path: {name}}}")


def test_a_file_below_is_read_and_a_link_to_the_folder_does_not_matter(folder: Path, tmp_path: Path) -> None:
    (folder / "nets").mkdir()
    (folder / "nets" / "line.edges").write_text("chip0 chip1\nchip1 chip2\nchip2 chip3\n")
    (folder / "f.yaml").write_text(GOOD.replace(TOPOLOGY, "{kind: file, path: nets/../nets/line.edges}"))
    (tmp_path / "elsewhere").symlink_to(folder)
    assert System.from_yaml(folder / "f.yaml") == System.from_yaml(tmp_path / "elsewhere" / "f.yaml")


def plain(graph: networkx.Graph[int], **more: Any) -> dict[str, Any]:
    chip = {"matmul": 1e12, "vector": 1e9, "memory_bandwidth": 1e9, "memory_capacity": 1}
    edges = [{"between": [f"chip{a}", f"chip{b}"]} for a, b in graph.edges]
    values = {"name": "t", "links": {"bandwidth": 1e9, "latency": 0}, "topology": {"kind": "edges", "edges": edges}}
    return values | {"chips": [{"count": graph.number_of_nodes(), **chip}]} | more


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(0, 40), st.integers(0, 1000))
def test_disconnected_chips_are_listed_and_connected_ones_accepted(count: int, links: int, seed: int) -> None:
    """Random graphs: the pairs in the error are as many as there are, at most ten, and have no way."""
    graph = networkx.gnm_random_graph(count, min(links, count * (count - 1) // 2), seed=seed)
    host = {"at": ["chip0"]}
    lost = [(a, b) for a in graph for b in graph if a != b and not networkx.has_path(graph, a, b)]
    if not lost:
        assert len(System.from_dict(plain(graph, host=host)).chip_names) == count
        return
    with pytest.raises(ConfigError, match="disconnected; no route for") as caught:
        System.from_dict(plain(graph, host=host))
    pairs = caught.value.what.partition("no route for ")[2].removesuffix(", and more").split(", ")
    assert len(pairs) == min(len(lost) + 2 * sum(a == 0 for a, _ in lost), 10)
    for source, target in (pair.split(" -> ") for pair in pairs):
        ends = [0 if name == "host" else int(name.removeprefix("chip")) for name in (source, target)]
        assert not networkx.has_path(graph, *ends)


@pytest.mark.parametrize(
    "edge,word",
    [
        ({"between": ["chip0", "chip0"]}, "linked to itself"),
        ({"between": ["chip1", "chip0"]}, "linked twice"),
        ({"between": ["chip0", "chip9"]}, "no chip or vertex"),
        ({"between": ["chip0", "host"]}, "no chip or vertex"),
    ],
)
def test_edges_that_cannot_be(edge: dict[str, Any], word: str) -> None:
    values = plain(networkx.path_graph(3))
    values["topology"]["edges"].append(edge)
    with pytest.raises(ConfigError, match=word) as caught:
        System.from_dict(values)
    assert (caught.value.where or "").startswith("topology.edges[2]")
