"""A drawing has every chip and every link once, apart from one another, and takes no word for markup."""

from __future__ import annotations

from itertools import combinations
from math import hypot
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from ampsim.hw import System, catalogue, load
from ampsim.hw.drawing.layout import places
from ampsim.hw.drawing.page import html
from ampsim.hw.drawing.picture import MOST_DRAWN, MOST_NAMES, svg
from tests.sim.test_overview import system

SVG = "{http://www.w3.org/2000/svg}"
SHAPES: list[tuple[int, dict[str, Any]]] = [
    (1, {"kind": "ring"}),
    (2, {"kind": "full"}),
    (10, {"kind": "line"}),
    (64, {"kind": "ring"}),
    (64, {"kind": "switch"}),
    (12, {"kind": "mesh", "dims": [12]}),
    (12, {"kind": "torus", "dims": [12]}),
    (64, {"kind": "torus", "dims": [8, 8]}),
    (60, {"kind": "mesh", "dims": [3, 4, 5]}),
    (48, {"kind": "torus", "dims": [2, 2, 3, 4]}),
    (16, {"kind": "fat_tree", "radix": 4}),
    (5, {"kind": "fat_tree", "down": [4, 2], "up": [1, 3]}),
    (30, {"kind": "dragonfly", "groups": 5, "routers": 3, "chips": 2}),
    (7, {"kind": "dragonfly", "groups": 3, "routers": 2, "chips": 2}),
]
SYSTEMS = [*(load(name) for name in catalogue()), *(system(*shape) for shape in SHAPES)]


def drawn(system: System) -> Element:
    return fromstring(svg(system))


def texts(root: Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("which", SYSTEMS, ids=lambda s: f"{s.name}-{len(s.chip_names)}-{type(s.topology).__name__}")
class TestEvery:
    def test_all_is_drawn(self, which: System) -> None:
        root, fabric = drawn(which), which.fabric
        linked = {frozenset((a.source, a.target)) for a in fabric.arcs if fabric.host not in (a.source, a.target)}
        linked |= {frozenset((a.source, a.target)) for a in fabric.arcs if which.host.at != "all"}
        assert len(list(root.iter(f"{SVG}path"))) == len(linked)
        chips = [shape for shape in root.iter(f"{SVG}circle") if shape.get("class", "").startswith("chip")]
        assert len(chips) == len(fabric.chips)
        if len(fabric.chips) <= MOST_NAMES:
            assert set(fabric.chips) <= set(texts(root))

    def test_nothing_hides_anything(self, which: System) -> None:
        vertices = range(which.fabric.host + (which.host.at != "all"))
        at = places(which, vertices)
        assert set(at) == set(vertices)
        near = min((hypot(a[0] - b[0], a[1] - b[1]) for a, b in combinations(at.values(), 2)), default=1)
        assert near > 0.5

    def test_twice_the_same(self, which: System) -> None:
        assert svg(which) == svg(System.from_dict(which.to_dict()))

    def test_all_lies_within(self, which: System) -> None:
        root = drawn(which)
        width, height = (float(root.get(side, "")) for side in ("width", "height"))
        for circle in root.iter(f"{SVG}circle"):
            assert 0 < float(circle.get("cx", "")) < width
            assert 0 < float(circle.get("cy", "")) < height


def test_kinds_differ_and_are_told() -> None:
    root = drawn(load("big_little_8"))
    assert {shape.get("class") for shape in root.iter(f"{SVG}circle")} == {"chip k0", "chip k1", "k0", "k1"}
    assert "4 little: 16 GFLOP/s in fp32, 512 KiB of memory" in texts(root)


def test_wider_links_carry_more() -> None:
    titles = {
        path[0].text or "": float(path.get("stroke-width", ""))
        for path in drawn(load("gpu_fpga_12")).iter(f"{SVG}path")
    }
    widths = [
        next(width for title, width in titles.items() if title.startswith(start))
        for start in ("fpga0 and fpga1: 1.25 GB/s", "fpga0 and switch: 16 GB/s", "gpu0 and switch: 450 GB/s")
    ]
    assert widths == sorted(set(widths))


def test_a_host_is_drawn_where_it_matters() -> None:
    assert "host" in texts(drawn(load("edge_switch_4")))
    assert "the host, linked to every chip, is not drawn" in texts(drawn(load("host")))


def test_more_than_there_is_room_for_is_drawn_without_names_or_in_part_and_says_so() -> None:
    some = system(100, {"kind": "mesh", "dims": [10, 10]})
    assert "Names of chips are left out: more than there is room for." in texts(drawn(some))
    for count, topology in (
        (4096, {"kind": "ring"}),
        (4096, {"kind": "torus", "dims": [64, 64]}),
        (2000, {"kind": "switch"}),
    ):
        large = system(count, topology)
        assert large.fabric.host > MOST_DRAWN
        root = drawn(large)
        said = f"Of {large.fabric.host:,} vertices those 64 are drawn that are nearest to chip0."
        assert said in texts(root)
        assert len(list(root.iter(f"{SVG}circle"))) <= MOST_NAMES + 1


def test_words_are_no_markup() -> None:
    values = load("host").to_dict() | {"description": "</p><script>alert(1)</script> & \u202eevil"}
    page = html(System.from_dict(values))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


@pytest.mark.parametrize("topology", [{"kind": "torus", "dims": [64, 64]}, {"kind": "ring"}, {"kind": "line"}], ids=str)
def test_a_part_stands_together_and_has_names(topology: dict[str, Any]) -> None:
    """What is drawn of a large grid is not spread over its corners."""
    root = drawn(system(4096, topology))
    assert float(root.get("width", "")) < 64 * 100
    assert {"chip0", "chip1"} <= set(texts(root))
    assert not [path for path in root.iter(f"{SVG}path") if "wrap" in path.get("class", "")]
