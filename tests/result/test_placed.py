"""What stands where, what it carried, how fast it computed, and what it consumed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.result.analysis.energy import consumed
from ampsim.result.analysis.hardware import hardware, roof
from ampsim.result.analysis.links import link_totals
from ampsim.result.analysis.placement import (
    drawn,
    edge_ends,
    edge_load,
    ground,
    memory_peaks,
    node_load,
    operations,
    owners,
)
from ampsim.result.analysis.roofline import roofline
from tests.result.placed import GROUP, on_system
from tests.result.synthetic import make_run


def test_node_load_is_what_a_loop_over_tasks_adds_up() -> None:
    run = make_run(3)
    tasks = run.tables["tasks"]
    found = node_load(run.tables, 5)
    count, seconds = np.zeros((5, 4), int), np.zeros((5, 4))
    for node, kind, start, end in zip(tasks["node"], tasks["kind"], tasks["start"], tasks["end"], strict=True):
        count[node, kind] += 1
        seconds[node, kind] += end - start
    assert (found.tasks == count).all()
    assert (found.seconds == seconds).all()  # times are whole ticks


def test_edge_load_is_the_table_by_edge_and_direction() -> None:
    run = make_run(2)
    messages, nbytes = edge_load(run.tables, 4)
    table = run.tables["edges"]
    for edge, way, count, size in zip(*(table[c] for c in ("edge", "direction", "messages", "bytes")), strict=True):
        assert messages[edge, way] == count
        assert nbytes[edge, way] == size
    assert messages.sum() == table["messages"].sum()


def test_owners_are_those_of_the_configuration_or_of_the_tasks() -> None:
    run = on_system(3)
    assert owners(run).tolist() == [0, 0, 1, 2, 2]
    for damaged in (None, "abc", [0, 1], [0, 0, 1, 2, 3], [0, 0, 1, 2, True], [0, 0, 1, 2, -1]):
        run.config["run"]["owner"] = damaged
        assert owners(run).tolist() == [-1, 0, 1, 2, -1]


def test_edge_ends_come_from_the_graph_or_are_not_known() -> None:
    run = make_run(2)
    assert edge_ends(run).tolist() == [[0, 1], [1, 2], [2, 3], [3, 3]]
    for damaged in (None, [], [[0, 0, 9, 0]] * 4, [[0, 1]] * 4, "abcd"):
        run.config["job"]["graph"]["edges"] = damaged
        assert edge_ends(run).tolist() == [[-1, -1]] * 4


def test_operations_are_types_with_their_sizes() -> None:
    run = make_run(1)
    assert operations(run) == ["images", "L1", "loss"]
    run.summary["node_types"] = ["Source", "Linear", "NllLoss"]
    run.config["job"]["graph"]["nodes"] = [
        {"settings": {"reads": ""}}, {"settings": {"width_in": 4, "width_out": 3, "gain": 1.0, "on": True}}, {},
    ]  # fmt: skip
    assert operations(run) == ["Source", "Linear(4, 3)", "NllLoss"]


def test_the_ground_of_a_simulated_run_is_its_chips_and_links() -> None:
    found = ground(on_system(3))
    assert [(box.name, box.workers, box.number) for box in found.boxes] == [
        ("chip0", (0,), 0), ("chip1", (1,), 1), ("chip2", (2,), 2), ("chip3", (), 3),
    ]  # fmt: skip
    assert found.kind == "ring"
    pairs = {(wire.source, wire.target) for wire in found.wires}
    assert pairs == {(a, (a + step) % 4) for a in range(4) for step in (1, -1)}  # no host, no port


def test_switches_are_boxes_and_a_shared_link_is_one_wire() -> None:
    run = on_system(2, chips=2, kind="switch")
    run.summary["links"] = ["chip0<->switch", "switch->chip1"]
    found = ground(run)
    assert [box.name for box in found.boxes] == ["chip0", "chip1", "switch"]
    assert [(wire.source, wire.target, wire.both) for wire in found.wires] == [(0, 2, True), (2, 1, False)]


def test_units_of_a_chip_share_its_box() -> None:
    found = ground(on_system(4, units=2, chips=2))
    assert [box.workers for box in found.boxes] == [(0, 1), (2, 3)]


def test_the_ground_of_a_measured_run_is_its_workers() -> None:
    run = make_run(3, backend="runtime")
    found = ground(run)
    assert [box.workers for box in found.boxes] == [(0,), (1,), (2,)]
    assert [(wire.source, wire.target) for wire in found.wires] == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert found.kind == "workers"


def test_idle_chips_are_drawn_only_if_they_are_few_and_the_busiest_if_there_are_many() -> None:
    run = on_system(3, chips=4)
    carried = link_totals(run.tables, len(run.summary["links"]))
    assert drawn(ground(run), carried, np.zeros(4), 10) == [0, 1, 2, 3]
    run = on_system(3, chips=40)
    carried = link_totals(run.tables, len(run.summary["links"]))
    busy = np.zeros(40)
    busy[:3] = [0.1, 0.3, 0.2]
    assert drawn(ground(run), carried, busy, 10) == [0, 1, 2]
    assert drawn(ground(run), carried, busy, 2) == [1, 2]


def test_memory_is_that_of_the_chips_or_of_the_workers_at_their_highest() -> None:
    run = on_system(2, chips=3)
    assert memory_peaks(run, ground(run)) == [(1000.0, 1 << 20), (2000.0, 1 << 20), (None, None)]
    run = make_run(2, backend="runtime")
    table = run.tables["memory"]
    level = np.sum([table[name] for name in ("caches", "deferred", "queues", "outbox")], axis=0)
    wanted = [(float(96 + level[table["worker"] == worker].max()), None) for worker in range(2)]
    assert memory_peaks(run, ground(run)) == wanted


def test_rooflines_add_up_work_by_operation_and_kind() -> None:
    run = on_system(3)
    found = roofline(run)
    tasks = run.tables["tasks"]
    assert found.operations == ("images", "L1", "L2", "L3", "loss")
    assert found.nodes == ((0,), (1,), (2,), (3,), (4,))
    assert found.tasks.sum() == len(tasks["kind"])
    assert found.flop.sum() == pytest.approx(float((tasks["matmul"] + tasks["vector"]).sum()))
    assert (np.diff(found.seconds) <= 0).all()
    row = int(np.flatnonzero((found.operation == 1) & (found.kind == 0))[0])
    mine = (tasks["node"] == 1) & (tasks["kind"] == 0)
    assert found.tasks[row] == mine.sum()
    assert found.intensity[row] == pytest.approx(2.01e6 / 8000)
    length = float((tasks["end"] - tasks["start"])[mine].sum())
    assert found.rate[row] == pytest.approx(2.01e6 * mine.sum() / length)


def test_the_roof_is_the_lower_of_peak_and_bandwidth_times_intensity() -> None:
    found = roofline(on_system(3))
    products = found.matmul > 0
    assert np.allclose(found.ceiling[products], 1e12)  # 251 FLOP/B at 0.1 TB/s are more than the peak
    slow = roofline(on_system(3, memory_bandwidth=1e9))
    assert np.allclose(slow.ceiling, slow.intensity * 1e9)
    assert np.allclose(found.ceiling[~products], np.minimum(1e11, found.intensity[~products] * 1e11))
    free = roofline(on_system(3, memory_bandwidth="unlimited"))
    assert np.allclose(free.ceiling, np.where(free.matmul > 0, 1e12, 1e11))


def test_a_number_format_halves_the_bytes_and_has_rates_of_its_own() -> None:
    full = roofline(on_system(3))
    half = roofline(on_system(3, format="bf16", formats={"bf16": {"matmul": 4e12, "vector": 2e11, "bytes": 2}}))
    assert np.allclose(half.bytes, full.bytes / 2)
    assert half.roofs[0].matmul == 4e12
    assert half.roofs[0].element == 2


def test_without_a_system_there_are_rates_but_no_roofs() -> None:
    found = roofline(make_run(2, backend="runtime"))
    assert found.roofs == ()
    assert np.isnan(found.ceiling).all()
    assert (found.rate[found.shown] > 0).all()


def test_units_have_equal_shares_of_a_chips_bandwidth() -> None:
    system = hardware(on_system(4, units=2, chips=2).config)
    assert system is not None
    assert roof(system.chips[0]).bandwidth == 0.5e11
    assert system.groups() == {"chip0": 0, "chip1": 0}


@pytest.mark.parametrize(
    "system",
    [
        None, 3, {}, {"name": "x"}, {"name": "x", "chips": [], "topology": {"kind": "ring"}},
        {"name": "x", "chips": [{**GROUP, "format": "fp8"}], "topology": {"kind": "ring"}},
        {"name": "x", "chips": [{**GROUP, "count": 0}], "topology": {"kind": "ring"}},
        {"name": "x", "chips": [{**GROUP, "count": 10**9}], "topology": {"kind": "ring"}},
        {"name": "x", "chips": [{**GROUP, "matmul": "fast"}], "topology": {"kind": "ring"}},
    ],
)  # fmt: skip
def test_a_system_that_cannot_be_understood_is_none(system: Any) -> None:
    assert hardware({"run": {"system": system}}) is None


def test_energy_by_chip_part_and_row() -> None:
    found = consumed(on_system(3))
    assert found is not None
    assert found.names == ("chip0", "chip1", "chip2")
    assert found.joules.tolist() == [[1.0] * 6, [2.0] * 6, [3.0] * 6]
    assert found.total == 36.0
    assert found.rows == 2000
    assert found.per_row == 0.018


def test_energy_that_is_not_known_of_all_chips_has_no_sum() -> None:
    run = on_system(3)
    run.summary["energy"]["chips"][1] = None
    found = consumed(run)
    assert found is not None
    assert (found.names, found.unknown, found.per_row) == (("chip0", "chip2"), 1, None)
    run.summary["energy"]["chips"] = [None] * 3
    assert consumed(run) is None
    assert consumed(make_run(2, backend="runtime")) is None
