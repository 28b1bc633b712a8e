"""Golden facts: what the figures hold is what the tables say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.reports import text
from ampsim.reports.figures import (
    comparison,
    gantt,
    instances,
    learning,
    links,
    memory,
    queues,
    staleness,
    utilization,
)
from ampsim.reports.model import Plot, Section, Sheet, Shown, distinct, shown
from ampsim.result.analysis.idle import CAUSES
from ampsim.result.compare import compare
from ampsim.result.run import Run
from tests.result.synthetic import make_run


def one(run: Run) -> Shown:
    return shown([run])[0]


def plots(section: Section) -> list[Plot]:
    return [block for block in section.blocks if isinstance(block, Plot)]


def sheets(section: Section) -> list[Sheet]:
    return [block for block in section.blocks if isinstance(block, Sheet)]


def values(trace: Any, axis: str) -> np.ndarray[Any, Any]:
    return np.asarray(getattr(trace, axis), np.float64)


def test_utilization_bars_are_the_breakdown_and_fill_the_row() -> None:
    run = make_run(3)
    total, over_time, each = plots(utilization.section([one(run)]))
    bars = np.stack([values(trace, "x") for trace in total.figure.data])
    assert [trace.name for trace in total.figure.data] == list(CAUSES)
    assert np.allclose(bars[0], 100 * np.asarray(run.summary["utilization"]))
    assert np.allclose(bars.sum(axis=0), 100.0, rtol=0, atol=1e-10)
    areas = np.stack([values(trace, "y") for trace in over_time.figure.data])
    assert np.allclose(areas.sum(axis=0), 100.0, atol=1e-3)
    shades = np.asarray(each.figure.data[0].z)
    assert shades.shape == (3, 240)
    assert np.allclose(shades.mean(axis=1), bars[0], atol=1e-2)


def test_chips_of_several_units_have_bars_and_rows_of_their_own() -> None:
    run = make_run(3)
    run.summary["chips"] = [{"name": "a", "workers": [0, 1]}, {"name": "b", "workers": [2]}]
    section = utilization.section([one(run)])
    workers, chips, *_ = plots(section)
    each, found = (np.stack([values(trace, "x") for trace in plot.figure.data]) for plot in (workers, chips))
    assert np.allclose(found[:, 0], each[:, :2].mean(axis=1))
    assert np.allclose(found[:, 1], each[:, 2])
    assert "mean of them" in chips.note
    assert [row[:2] for row in sheets(section)[1].rows] == [["a", "2"]]
    run.summary["chips"] = [{"name": str(worker), "workers": [worker]} for worker in range(3)]
    assert (len(plots(utilization.section([one(run)]))), len(sheets(utilization.section([one(run)])))) == (3, 1)


def test_of_many_workers_the_extremes_are_drawn_and_the_note_says_so() -> None:
    busy = np.linspace(1, 0, 100)
    rows, note = utilization.chosen_rows(busy)
    assert rows == [*range(20), *range(80, 100)]
    assert "100 workers" in note
    assert utilization.chosen_rows(busy[:40]) == (list(range(40)), "")


def test_the_gantt_holds_every_task_once_with_its_times() -> None:
    run = make_run(2)
    (plot,) = plots(gantt.section([one(run)]))
    tasks = run.tables["tasks"]
    scale = 1e3 if run.makespan < 1 else 1.0
    found = []
    drawn = [trace for trace in plot.figure.data if not trace.name.startswith("messages")]
    for trace in drawn:
        x, y = values(trace, "x").reshape(-1, 4), values(trace, "y").reshape(-1, 4)
        assert np.isnan(x[:, 3]).all()
        assert np.allclose(x[:, 1], (x[:, 0] + x[:, 2]) / 2)
        found += list(zip(y[:, 0], x[:, 0], x[:, 2], strict=True))
    wanted = zip(tasks["worker"], tasks["start"] * scale, tasks["end"] * scale, strict=True)
    assert sorted(found) == sorted(wanted)
    assert {trace.name for trace in drawn} == {
        f"L{n}, {kind}" for n in (1, 2) for kind in ("forward", "backward", "update")
    }
    assert "too many" not in plot.note
    listed = [index for key in plot.legend if not key.off for index in key.traces]
    assert sorted(listed) == sorted([*range(6), *range(6)])


def test_messages_are_arrows_that_wait_to_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(2)
    (plot,) = plots(gantt.section([one(run)]))
    keys = [key for key in plot.legend if key.off]
    assert [key.name for key in keys] == ["messages forward", "messages backward"]
    traces = [plot.figure.data[key.traces[0]] for key in keys]
    assert [trace.visible for trace in traces] == [False, False]
    crossings = len(run.tables["links"]["link"])
    assert sum(len(trace.x) // 3 for trace in traces) == crossings
    forward = values(traces[0], "y").reshape(-1, 3)
    assert (forward[:, 0] == 0).all()
    assert (forward[:, 1] == 1).all()
    assert (values(traces[0], "x").reshape(-1, 3)[:, 1] > values(traces[0], "x").reshape(-1, 3)[:, 0]).all()
    monkeypatch.setattr(gantt, "MOST_ARROWS", 30)
    (plot,) = plots(gantt.section([one(run)]))
    drawn = sum(len(plot.figure.data[key.traces[0]].x) // 3 for key in plot.legend if key.off)
    assert 30 <= drawn < 40
    assert f"{drawn} of {crossings:,} messages are drawn" in plot.note


def test_too_many_tasks_are_drawn_in_three_windows_and_the_note_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gantt, "MOST_TASKS", 30)
    monkeypatch.setattr(gantt, "MOST_LONGEST", 0)
    run = make_run(2)
    (plot,) = plots(gantt.section([one(run)]))
    drawn = sum(len(trace.x) // 4 for trace in plot.figure.data if not trace.name.startswith("messages"))
    total = len(run.tables["tasks"]["kind"])
    assert 30 <= drawn < 40
    assert f"{total:,} tasks are too many" in plot.note
    texts = [annotation.text for annotation in plot.figure.layout.annotations]
    left_out = sum(int(text.split()[0].replace(",", "")) for text in texts)
    assert left_out + drawn == total
    assert len(plot.figure.layout.shapes) == 2


def test_queue_lines_keep_the_longest_in_the_pointers_data() -> None:
    run = make_run(2)
    section = queues.section([one(run)])
    (plot,) = plots(section)
    (sheet,) = sheets(section)
    longest = [int(np.max(trace.customdata)) for trace in plot.figure.data]
    assert [row[2] for row in sheet.rows] == [str(found) for found in longest]


def test_many_workers_become_shades() -> None:
    (plot,) = plots(queues.section([one(make_run(8, epochs=1))]))
    assert plot.figure.data[0].type == "heatmap"
    assert np.asarray(plot.figure.data[0].z).shape[0] == 8


def test_link_bars_show_occupied_time_and_bytes() -> None:
    run = make_run(2)
    section = links.section([one(run)])
    _, total, *_ = plots(section)
    crossings = len(run.tables["links"]["link"])
    latency = 1024 * 2.0**-20
    occupied = values(total.figure.data[0], "x").sum() / 100 * run.makespan
    assert occupied <= crossings * latency + 1e-9
    sheet, senders = sheets(section)
    assert sum(int(row[2].replace(",", "")) for row in sheet.rows) == crossings
    assert [row[:2] for row in senders.rows] == [["chip0", "chip1"], ["chip1", "chip0"]]


def test_who_sends_to_whom_is_a_square_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(4)
    *_, ways, square = plots(links.section([one(run)]))
    assert "on their way" in ways.title
    found = np.nan_to_num(np.asarray(square.figure.data[0].z, np.float64))
    assert (found.astype(bool) == (np.abs(np.subtract.outer(np.arange(4), np.arange(4))) == 1)).all()
    factor = 1e6 if "(MB)" in square.title else 1e3
    assert np.isclose(found.sum() * factor, run.tables["links"]["bytes"].sum(), rtol=1e-5)
    monkeypatch.setattr(links, "MOST_PAIRS", 2)
    *_, square = plots(links.section([one(run)]))
    assert np.asarray(square.figure.data[0].z).shape == (2, 2)
    assert "2 neighbouring workers share a row" in square.note


def test_a_target_is_a_line_in_the_frame_of_its_own_quantity() -> None:
    run = make_run()
    run.summary |= {"target": 0.5, "target_loss": 0.25}
    loss, accuracy = (plot.figure for plot in plots(learning.section(shown([run]))))
    assert [(shape.y0, shape.y1) for shape in loss.layout.shapes] == [(0.25, 0.25)]
    assert [(shape.y0, shape.y1) for shape in accuracy.layout.shapes] == [(50.0, 50.0)]
    run.summary |= {"target": None, "target_loss": None}
    assert not any(plot.figure.layout.shapes for plot in plots(learning.section(shown([run]))))


def test_learning_curves_of_all_runs_share_a_frame() -> None:
    fast, slow = make_run(latency=16), make_run(compute=8192, backend="runtime")
    section = learning.section(shown([fast, slow]))
    loss, accuracy = plots(section)
    assert [trace.name for trace in loss.figure.data[:4]] == [
        "simulated on ring, training", "simulated on ring, validation",
        "measured on 2 workers, training", "measured on 2 workers, validation",
    ]  # fmt: skip
    assert len(accuracy.figure.data[1].x) == 3
    last = fast.epochs[-1]
    assert np.isclose(values(loss.figure.data[1], "y")[-1], last["validation_loss"])
    assert np.isclose(values(accuracy.figure.data[1], "y")[-1], 100 * last["validation_accuracy"])
    assert [view.name for view in loss.views] == ["Time", "Instances", "Epochs"]
    assert [view.traces for view in loss.views] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)]
    assert [trace.visible for trace in loss.figure.data] == [True] * 4 + [False] * 8
    assert loss.legend[1].traces == (2, 3, 6, 7, 10, 11)
    assert values(loss.figure.data[9], "x").tolist() == [1.0, 2.0, 3.0]
    assert values(loss.figure.data[5], "x").tolist() == [20.0, 40.0, 60.0]
    assert values(loss.figure.data[4], "x").tolist() == sorted(values(loss.figure.data[4], "x"))


def test_runs_of_very_different_length_get_a_logarithmic_axis() -> None:
    loss, _ = plots(learning.section(shown([make_run(compute=64, latency=1), make_run(compute=8192)])))
    assert loss.figure.layout.xaxis.type == "log"
    assert [view.name for view in loss.views] == ["Logarithmic time", "Time", "Instances", "Epochs"]
    assert loss.views[0].traces == loss.views[1].traces


def test_long_curves_are_thinned_but_keep_their_ends() -> None:
    from ampsim.result.analysis.learning import Curve

    long = Curve(*(np.arange(5000.0) for _ in range(4)))
    thin = learning.thinned(long, "loss")
    assert learning.MOST_POINTS - 2 <= len(thin.time) <= learning.MOST_POINTS
    assert (thin.time[0], thin.time[-1]) == (0, 4999)


def test_staleness_bars_are_shares_of_each_nodes_gradients() -> None:
    run = make_run(3)
    (plot,) = plots(staleness.section([one(run)]))
    assert [trace.name for trace in plot.figure.data] == ["L1", "L2", "L3"]
    for trace in plot.figure.data:
        assert np.isclose(values(trace, "y").sum(), 100.0, atol=1e-3)


def test_instances_in_flight_never_exceed_what_is_allowed() -> None:
    section = instances.section([one(make_run(2, mak=3))])
    (plot,) = plots(section)
    assert [int(np.max(trace.customdata)) for trace in plot.figure.data] == [3, 3]
    (sheet,) = sheets(section)
    assert sheet.rows[0][2:5] == ["60", "6,000", "3"]


def test_memory_starts_at_the_static_parts() -> None:
    over_time, peak = plots(memory.section([one(make_run(2))]))
    factor = 1e3 if "kB" in over_time.figure.layout.yaxis.title.text else 1.0
    assert np.isclose(values(over_time.figure.data[0], "y").min() * factor, 96.0 + 50.0, atol=1e-2)
    parts = {trace.name: values(trace, "x") for trace in peak.figure.data}
    assert (parts["parameters"] * factor).tolist() == [48.0, 48.0]


def test_memory_of_a_chip_is_that_of_all_its_units_against_its_capacity() -> None:
    run = make_run(2)
    each = plots(memory.section([one(run)]))[0]
    assert [view.name for view in each.views] == ["Up to the highest level", "Up to the capacity"]
    assert each.figure.layout.annotations[0].text.replace(text.SPACE, " ") == "capacity 1.05 MB"
    run.summary["chips"] = [{"name": "both", "workers": [0, 1], "capacity": 400}]
    section = memory.section([one(run)])
    shared = plots(section)[0]
    assert [trace.name for trace in shared.figure.data] == ["both"]
    assert values(shared.figure.data[0], "y").max() > values(each.figure.data[0], "y").max()
    assert "share its memory" in shared.note
    chips = sheets(section)[1]
    assert chips.rows[0][:2] == ["both", "chip0, chip1"]
    run.summary["chips"], run.summary["capacity"] = None, [None, None]
    assert "No capacity is known" in plots(memory.section([one(run)]))[0].note


def test_memory_of_many_workers_is_a_share_of_the_capacity_where_all_are_known() -> None:
    run = make_run(8, epochs=1)
    assert "% of its capacity" in plots(memory.section([one(run)]))[0].title
    run.summary["capacity"][3] = None
    assert "(B)" in plots(memory.section([one(run)]))[0].title.replace("kB", "B")


def test_a_comparison_names_predicted_measured_and_difference() -> None:
    predicted, measured = make_run(latency=16), make_run(backend="runtime")
    section = comparison.section(shown([predicted, measured]))
    assert section is not None
    why, numbers, facts = sheets(section)
    assert why.header == ("term", "predicted", "measured", "difference", "of it")
    assert numbers.header == ("quantity", "predicted", "measured", "difference", "relative")
    assert {row[1] for row in facts.rows} == {"✓ equal"}
    plot = plots(section)[0]
    names = list(plot.figure.data[0].y)
    share = values(plot.figure.data[0], "x")[names.index("makespan")]
    assert np.isclose(share, 100 * (predicted.makespan / measured.makespan - 1))
    assert comparison.section(shown([predicted])) is None


def test_a_comparison_says_why_and_what_to_know_first() -> None:
    """Terms that add up, the largest first; a remark only where there is one."""
    predicted, measured = make_run(3, mak=1, latency=40960), make_run(3, mak=1, instances=10, backend="runtime")
    section = comparison.section(shown([predicted, measured]))
    assert section is not None
    notes, why, *_ = sheets(section)
    assert [row[0].partition(":")[0] for row in notes.rows] == ["different amounts of work"]
    assert notes.title == "To know first; A is simulated on ring, B measured on 3 workers"
    assert why.title.startswith("Why the run simulated on ring took ")
    assert why.title.endswith(" more than the one measured on 3 workers")
    assert why.rows[0][0] == "blocked by a link"
    assert [row[0].split(" (")[0] for row in why.rows[-2:]] == ["all else", "sum"]
    assert why.rows[-1][-1] == f"100.0{text.SPACE}%"
    assert comparison.why(shown([measured])[0], compare(measured, measured), shown([measured])[0]) == []


def test_differences_of_orders_of_magnitude_are_ratios() -> None:
    section = comparison.section(shown([make_run(compute=64, latency=1), make_run(backend="runtime")]))
    assert section is not None
    plot = plots(section)[0]
    assert plot.figure.layout.xaxis.type == "log"
    trace = plot.figure.data[0]
    ends = values(trace, "x") + values(trace, "base")
    assert ends.min() > 0


def test_equal_names_stay_apart() -> None:
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]


def test_of_many_nodes_the_mean_staleness_is_marked_over_the_shades() -> None:
    run = make_run(8)
    (plot,) = plots(staleness.section([one(run)]))
    shades, means = plot.figure.data
    (sheet,) = sheets(staleness.section([one(run)]))
    assert [f"{mean:.2f}" for mean in means.x] == [row[2] for row in sheet.rows]
    assert np.allclose(np.asarray(shades.z).sum(axis=1), 100.0, atol=1e-3)
    assert shades.zmax == pytest.approx(np.max(shades.z))


def test_the_most_instances_allowed_are_a_line_or_if_far_away_a_note() -> None:
    run = make_run(2, mak=4)
    (plot,) = plots(instances.section([one(run)]))
    assert [shape.y0 for shape in plot.figure.layout.shapes] == [4]
    run.config["job"]["training"]["max_active_keys"] = 500
    (plot,) = plots(instances.section([one(run)]))
    assert not plot.figure.layout.shapes
    assert plot.note.endswith("Up to 500 were allowed.")
    del run.config["job"]
    (plot,) = plots(instances.section([one(run)]))
    assert not plot.figure.layout.shapes


def test_what_a_run_does_not_have_is_no_bar() -> None:
    runs = [make_run(2, backend="runtime"), make_run(3, latency=64), make_run(2, latency=64)]
    for epoch in runs[1].summary["epochs"]:
        epoch["train_loss"] = None
    section = comparison.section(shown(runs))
    assert section is not None
    plot = plots(section)[0]
    without, with_it = plot.figure.data
    place = list(without.y).index("training loss")
    assert (without.x[place], without.text[place]) == (None, "")
    assert with_it.text[place].endswith("%")
