"""The drawing of a placed graph, the roofline and the energy: what they hold is what the run says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ampsim.reports import geometry, layout
from ampsim.reports.figures import energy, placement, roofline
from ampsim.reports.model import shown
from ampsim.reports.page import page
from ampsim.result.run import Run
from ampsim.result.schema import Array
from tests.reports.pages import Page
from tests.reports.test_figures import one, plots, sheets, values
from tests.result.placed import on_system
from tests.result.synthetic import make_run

RING = [(a, (a + 1) % 12) for a in range(12)]
STAR = [(a, 12) for a in range(12)]


def apart(cells: Array) -> float:
    """How near two cells come, in the direction in which they are farther apart."""
    distance = np.abs(cells[:, None] - cells[None]).max(axis=2)
    return float((distance + np.eye(len(cells)) * 99).min(initial=99))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 16, 23, 40, 41, 100])
@pytest.mark.parametrize("kind", ["ring", "full", "line", "workers", "switch", "edges", "dragonfly", "mesh"])
def test_boxes_of_any_number_and_shape_stand_apart(kind: str, count: int) -> None:
    places = list(range(count))
    pairs = [(a, a + 1) for a in range(count - 1)]
    if kind in ("switch", "dragonfly"):
        places.append(-1)
        pairs = [(a, count) for a in range(count)]
    found = layout.cells(kind, (), places, pairs)
    assert found.shape == (len(places), 2)
    assert apart(found) >= 0.999
    assert (found.min(axis=0) == 0).all()
    assert (layout.cells(kind, (), places, pairs) == found).all()


def test_grids_stand_as_grids_and_planes_beside_one_another() -> None:
    flat = layout.cells("mesh", (2, 3), range(6), [])
    assert flat.tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]
    solid = layout.cells("torus", (4, 4, 4), range(64), [])
    assert apart(solid) >= 1
    assert solid.max() < 8
    part = layout.cells("torus", (4, 4), [0, 3, 12], [])  # rows and columns between them are empty
    assert part.max() < 1.5


def test_the_neighbours_on_a_ring_are_neighbours_in_the_drawing() -> None:
    found = layout.cells("ring", (), range(12), RING)
    steps = np.abs(found - np.roll(found, -1, axis=0)).sum(axis=1)
    assert (steps == 1).all()


def test_a_hub_stands_in_the_middle_and_trees_by_level() -> None:
    star = layout.cells("switch", (), [*range(12), -1], STAR)
    assert np.allclose(star[12], star[:12].mean(axis=0), atol=0.5)
    tree = layout.cells("fat_tree", (), [0, 1, 2, 3, -1, -1, -1], [(0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (5, 6)])
    assert tree[:, 1].tolist() == [2, 2, 2, 2, 1, 1, 0]


def test_what_comes_first_stands_first_and_loops_end() -> None:
    assert layout.in_order(4, [(3, 2), (2, 1), (1, 0)]) == [3, 2, 1, 0]
    assert layout.in_order(4, [(0, 1), (1, 2), (2, 1), (2, 3)]) == [0, 1, 2, 3]
    assert sorted(layout.in_order(3, [(0, 1), (1, 2), (2, 0), (1, 1), (-1, 2)])) == [0, 1, 2]


@pytest.mark.parametrize("held", [[1], [3, 0, 5], [40, 2, 1], [500], [1] * 30, [9] * 30])
def test_nodes_stand_in_their_boxes_and_apart(held: list[int]) -> None:
    found = geometry.boxes(layout.cells("workers", (), range(len(held)), []), held, 30.0)
    for box, count in enumerate(held):
        spots = geometry.inside(found, box, count)
        assert (np.abs(spots - found.middle[box]) <= found.half[box]).all()
        assert apart(spots) >= 14.9
    assert (found.middle[:, 0] - found.half[:, 0] >= 0).all()
    assert (found.middle[:, 0] + found.half[:, 0] <= geometry.WIDTH).all()
    assert (-found.middle[:, 1] + found.half[:, 1] <= found.height).all()


def test_the_head_of_an_arrow_points_where_the_line_goes() -> None:
    start, end = np.zeros((4, 2)), np.asarray([(0, 9), (9, 0), (0, -9), (-9, 0)], float)
    _, angle = geometry.headings(geometry.curves(start, end, np.zeros(4)))
    assert np.allclose(angle % 360, [0, 90, 180, 270])


def hovers(run: Run) -> str:
    (plot, *_) = plots(placement.section([one(run)]))
    found = []
    for trace in plot.figure.data:
        words = trace.hovertext if trace.hovertext is not None else trace.text if trace.hoveron == "fills" else ()
        found += [words] if isinstance(words, str) else list(words)
    return "\n".join(found)


def test_the_pointer_tells_of_nodes_chips_links_and_edges() -> None:
    run = on_system(3)
    found = hovers(run)
    busy = f"{100 * run.summary['utilization'][0]:.1f}"
    assert re.search(rf"chip0<br>busy {busy}\s%<br>memory 1.00\skB of 1.05\sMB<br>2 nodes", found)
    assert re.search(r"L1  L1<br>on chip0<br>25 forward<br>20 backward<br>20 update<br>busy .* of the makespan", found)
    assert "images  images<br>on chip0<br>no tasks of its own" in found
    assert re.search(r"chip0-&gt;chip1<br>25 parcels, 1.00\sMB<br>occupied", found)
    assert "chip3-&gt;chip0<br>nothing crossed it" in found
    assert re.search(r"L1.out -&gt; L2.in<br>forward: 25 messages, 1.00\sMB<br>backward: 20 messages", found)
    assert "chip3<br>no workers here" in found


@pytest.mark.parametrize("workers", [1, 2, 64])
@pytest.mark.parametrize("backend", ["sim", "runtime"])
def test_it_is_drawn_for_few_workers_and_for_many(workers: int, backend: str) -> None:
    run = make_run(workers, epochs=1, instances=2, validation=0, backend=backend)
    if backend == "sim":
        run = on_system(workers, chips=workers)
    section = placement.section([one(run)])
    (plot,) = plots(section)
    nodes, boxes, _ = sheets(section)
    assert len(boxes.rows) == workers
    assert len(nodes.rows) == workers + 2
    assert plot.figure.layout.height < 2000
    for trace in plot.figure.data:
        assert np.nanmax(values(trace, "x")) <= geometry.WIDTH
        assert np.nanmin(values(trace, "y")) >= -plot.figure.layout.height


def test_shares_in_the_table_are_those_of_the_tasks() -> None:
    run = on_system(2, chips=2)
    nodes, boxes, edges = sheets(placement.section([one(run)]))
    shares = [float(row[-1].split()[0]) for row in nodes.rows]
    assert sum(shares) == pytest.approx(100 * sum(run.summary["utilization"]), abs=0.3)
    assert [row[3].split()[0] for row in boxes.rows] == [f"{100 * u:.1f}" for u in run.summary["utilization"]]
    assert sum(int(row[1]) for row in edges.rows) == int(
        run.tables["edges"]["messages"][run.tables["edges"]["direction"] == 0].sum()
    )


def test_of_many_nodes_and_edges_some_are_drawn_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "MOST_NODES", 6)
    monkeypatch.setattr(placement, "MOST_EDGES", 3)
    run = on_system(8, chips=8)
    (plot,) = plots(placement.section([one(run)]))
    assert "Of 10 nodes 6 are drawn" in plot.note
    assert "Of 10 edges those 3" in plot.note
    names = [trace for trace in plot.figure.data if trace.mode == "text" and "L8" in list(trace.text)]
    assert len(names) == 1
    assert len(names[0].text) == 6


def test_of_many_chips_the_busiest_are_drawn_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "MOST_BOXES", 5)
    (plot,) = plots(placement.section([one(on_system(8, chips=8))]))
    assert "Of 8 chips or workers the 5 busiest are drawn." in plot.note
    (plot,) = plots(placement.section([one(on_system(2, chips=16))]))
    assert "2 of 16 chips and switches are drawn" in plot.note


def test_what_the_run_does_not_say_is_not_drawn() -> None:
    run = make_run(2)
    run.config = {}
    (plot,) = plots(placement.section([one(run)]))
    assert "does not say where 2 nodes are" in plot.note


def test_roofline_marks_stand_at_their_intensity_and_rate_under_the_roof() -> None:
    run = on_system(3)
    (plot,) = plots(roofline.section([one(run)]))
    lines = [trace for trace in plot.figure.data if trace.mode == "lines"]
    marks = [trace for trace in plot.figure.data if trace.mode == "markers"]
    assert max(lines[0].y) == 1e12
    assert lines[0].x[1] == pytest.approx(10.0)  # 1 TFLOP/s over 0.1 TB/s
    assert len(marks) == 9
    tasks = run.tables["tasks"]
    mine = (tasks["node"] == 2) & (tasks["kind"] == 1)
    rate = float((tasks["matmul"] + tasks["vector"])[mine].sum() / (tasks["end"] - tasks["start"])[mine].sum())
    assert any(trace.y[0] == pytest.approx(rate) and trace.x[0] == pytest.approx(251.25) for trace in marks)
    listed = {index for key in plot.legend for index in key.traces}
    assert listed == {index for index, trace in enumerate(plot.figure.data) if trace.mode == "markers"}
    assert {key.name.split()[0] for key in plot.legend} >= {"L1", "forward", "backward", "update"}


def test_a_measured_run_has_marks_and_the_highest_rate() -> None:
    (plot,) = plots(roofline.section([one(make_run(2, backend="runtime"))]))
    words = [trace.text[0] for trace in plot.figure.data if trace.mode == "text"]
    assert len(words) == 1
    assert words[0].startswith("highest rate reached")
    assert "Nothing is known of the peak rate" in plot.note


def test_the_axes_of_a_roofline_are_marked_in_tens() -> None:
    (plot,) = plots(roofline.section([one(on_system(3))]))
    ticks = list(plot.figure.layout.yaxis.ticktext)
    assert "1\u00a0T" in ticks
    assert [roofline._ten(power) for power in (-2, 0, 2, 4, 15, 20)] == [
        "0.01", "1", "100", "10\u00a0k", "1\u00a0P", "100\u00a0E",
    ]  # fmt: skip


def test_energy_bars_are_the_parts_of_each_chip() -> None:
    section = energy.section([one(on_system(3))])
    (plot,) = plots(section)
    (sheet,) = sheets(section)
    bars = np.stack([values(trace, "x") for trace in plot.figure.data[:6]])
    assert bars.tolist() == [[1.0, 2.0, 3.0]] * 6
    assert "36.0\u00a0J in all, 18.0\u00a0mJ a training row" in plot.title
    assert sheet.rows[-1][0] == "all"
    assert sheet.rows[-1][-3] == "36.0\u00a0J"


def test_energy_of_several_runs_is_compared_by_row_and_unknown_is_said() -> None:
    found = plots(energy.section(shown([on_system(3), on_system(2, chips=2)])))
    assert len(found) == 3
    assert np.allclose(sum(values(trace, "x") for trace in found[-1].figure.data[:6]), [18.0, 9.0])
    nothing = energy.section([one(make_run(2, backend="runtime"))])
    assert not nothing.blocks
    assert "not metered" in nothing.empty
    partly = on_system(3)
    partly.summary["energy"]["chips"][0] = None
    (plot,) = plots(energy.section([one(partly)]))
    assert "1 more chips state no energy" in plot.note


def test_hostile_names_of_chips_and_operations_are_text() -> None:
    run = on_system(2, chips=2)
    bad = "<img src=x onerror=alert(1)>$a$"
    run.summary["nodes"] = [bad + name for name in run.summary["nodes"]]
    run.summary["node_types"] = [bad] * 4
    run.summary["edges"] = [bad + name for name in run.summary["edges"]]
    found = Page(page([run], plotlyjs="cdn"))
    assert "img" not in {tag for tag, _ in found.elements}
    for figure in found.figures:
        assert "<img" not in str(figure)
        assert "$a$" not in str(figure)


def test_every_section_is_on_the_page() -> None:
    found = Page(page([on_system(2)], plotlyjs="cdn"))
    assert {"placement", "roofline", "energy"} <= set(found.ids)
