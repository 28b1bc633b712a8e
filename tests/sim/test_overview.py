"""What is said of a system is what its closed forms say: distances, bisection, rates, memory."""

from __future__ import annotations

import json
from math import inf
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampsim.hw import System, catalogue, load
from ampsim.hw.drawing.overview import overview, quantity
from ampsim.hw.files.units import BANDWIDTH, TIME
from ampsim.hw.topology.bisection import bisection_bandwidth, diameter

B = 1e9


def system(count: int, topology: dict[str, Any], bandwidth: Any = B, chip: Any = None, **more: Any) -> System:
    chips = [
        {"count": count, "matmul": 1e12, "vector": 1e9, "memory_bandwidth": 1e9, "memory_capacity": 1, **(chip or {})}
    ]
    links = {"bandwidth": bandwidth, "latency": 0, **more}
    return System.from_dict({"name": "t", "chips": chips, "links": links, "topology": topology})


# chips, topology, diameter, links that cross from half to half in one direction
FORMS = [
    (1, {"kind": "ring"}, 0, None),
    (2, {"kind": "ring"}, 1, 1),
    (7, {"kind": "line"}, 6, 1),
    (8, {"kind": "ring"}, 4, 2),
    (9, {"kind": "ring"}, 4, 2),
    (24, {"kind": "mesh", "dims": [2, 12]}, 12, 2),
    (24, {"kind": "torus", "dims": [4, 6]}, 5, 8),
    (64, {"kind": "torus", "dims": [4, 4, 4]}, 6, 32),
    (8, {"kind": "torus", "dims": [2, 2, 2]}, 3, 4),
    (8, {"kind": "full"}, 1, 16),
    (8, {"kind": "switch"}, 2, 4),
    (16, {"kind": "fat_tree", "radix": 4}, 6, 8),
    (8, {"kind": "fat_tree", "down": [4, 2], "up": [1, 1]}, 4, 1),
]


@pytest.mark.parametrize("count,topology,longest,crossing", FORMS, ids=str)
def test_closed_forms(count: int, topology: dict[str, Any], longest: int, crossing: int | None) -> None:
    found = overview(system(count, topology))
    assert found.diameter == longest
    assert found.bisection == (None if crossing is None else crossing * B)


@given(st.sampled_from(["mesh", "torus"]), st.lists(st.integers(1, 4), min_size=1, max_size=3))
@settings(max_examples=30)
def test_the_diameter_is_that_of_networkx(kind: str, dims: list[int]) -> None:
    count = 1
    for size in dims:
        count *= size
    grid = system(count, {"kind": kind, "dims": dims})
    graph = grid.graph().subgraph(grid.chip_names)
    assert diameter(grid) == (networkx.diameter(graph) if count > 1 else 0)


def test_the_diameter_of_any_graph_is_looked_for_from_every_chip() -> None:
    """The first chip stands in the middle of this line."""
    edges = [{"between": pair} for pair in (["chip1", "chip0"], ["chip0", "chip2"])]
    assert diameter(system(3, {"kind": "edges", "edges": edges})) == 2


def test_of_two_directions_the_lesser_counts_and_no_limit_is_none() -> None:
    assert bisection_bandwidth(system(4, {"kind": "line"}, backward=B / 4)) == B / 4
    assert bisection_bandwidth(system(4, {"kind": "switch"}, "unlimited")) == inf
    assert bisection_bandwidth(system(4, {"kind": "ring"}, "unlimited")) == inf


def test_ports_are_part_of_the_way() -> None:
    """Four chips a side on 16 links, but no chip can send more than its port lets out."""
    port = {"port": {"bandwidth": B / 2}}
    assert bisection_bandwidth(system(8, {"kind": "full"}, chip=port)) == 4 * B / 2


def test_islands_are_found() -> None:
    """Two triangles and a bridge, their chips numbered in turn: the half of lower numbers cuts four links, not one."""
    pairs = [(0, 2), (2, 4), (4, 0), (1, 3), (3, 5), (5, 1), (0, 1)]
    edges = [{"between": [f"chip{a}", f"chip{b}"]} for a, b in pairs]
    assert bisection_bandwidth(system(6, {"kind": "edges", "edges": edges})) == B


def test_large_systems_are_told_quickly_and_what_is_not_known_is_said() -> None:
    large = overview(system(4096, {"kind": "torus", "dims": [64, 64]}))
    assert (large.diameter, large.bisection) == (64, 128 * B)
    switch = overview(system(16_000, {"kind": "switch"}))
    assert (switch.diameter, switch.bisection) == (2, None)
    assert ("bisection bandwidth", "not looked for") in switch.rows()


def test_rates_are_those_of_the_format_and_of_all_units() -> None:
    chip = {"units": 4, "format": "int8", "formats": {"int8": {"matmul": 5e12, "vector": 2e9, "bytes": 1}}}
    found = overview(system(3, {"kind": "ring"}, chip=chip))
    assert [(kind.matmul, kind.vector, kind.formats) for kind in found.kinds] == [(60e12, 24e9, ("fp32", "int8"))]
    rows = dict(found.rows())
    assert rows["chip: chips"] == "3 of 4 units"
    assert rows["chip: format"] == "int8 (it has fp32, too)"
    assert rows["chip: products, a chip"] == "20 TFLOP/s"
    assert rows["peak rate of products, all chips"] == "60 TFLOP/s"


@pytest.mark.parametrize("name", catalogue())
def test_every_system_of_the_catalogue_is_told_as_text_and_as_json(name: str) -> None:
    found = overview(load(name))
    assert all(value and "None" not in value and "inf" not in value for _, value in found.rows())
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["chips"] == len(load(name).chip_names)
    assert plain["links"] == sum(
        not link.port and "host" not in link.name.split("->") for link in load(name).fabric.links
    )


@pytest.mark.parametrize(
    "value,dimension,text",
    [(3.125e9, BANDWIDTH, "3.125 GB/s"), (1e-6, TIME, "1 us"), (0, TIME, "0 s"), (450e9, BANDWIDTH, "450 GB/s"),
     (1 / 3, TIME, "333.3 ms"), (5e5, TIME, "500000.0 s")],
)  # fmt: skip
def test_numbers_are_short(value: float, dimension: str, text: str) -> None:
    assert quantity(value, dimension) == text
