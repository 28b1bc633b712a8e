"""The critical path on the page, and the words about it at the top."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ampsim.reports import text
from ampsim.reports.figures import path
from ampsim.reports.model import Plot, Section, Sheet, shown
from ampsim.reports.words import cards, sentences
from ampsim.result.run import Run
from tests.result.synthetic import make_run


def parts(section: Section) -> tuple[list[Plot], list[Sheet]]:
    plots = [block for block in section.blocks if isinstance(block, Plot)]
    return plots, [block for block in section.blocks if isinstance(block, Sheet)]


def drawn(run: Run) -> tuple[list[Plot], list[Sheet]]:
    return parts(path.section(shown([run])))


def values(trace: Any, axis: str) -> np.ndarray[Any, Any]:
    return np.asarray(getattr(trace, axis), np.float64)


def said(run: Run) -> str:
    return sentences(shown([run]))[1].replace(text.SPACE, " ")


def test_bars_and_table_are_the_whole_path() -> None:
    run = make_run(3)
    (totals, *_), (table, nodes) = drawn(run)
    shares = np.concatenate([values(trace, "x") for trace in totals.figure.data])
    assert shares.sum() == pytest.approx(100.0, abs=0.5)
    assert shares.max() == pytest.approx(float(table.rows[0][4].split(text.SPACE)[0]), abs=0.05)
    computing = [float(row[5].split(text.SPACE)[0]) for row in nodes.rows]
    assert sum(computing) == pytest.approx(shares[:3].sum(), abs=0.5)
    assert table.rows[0][0] == "computing on chip2"


def test_the_staircase_goes_from_the_beginning_to_the_end_without_a_break() -> None:
    run = make_run(2)
    (_, lane, *_), _ = drawn(run)
    stairs = lane.figure.data[0]
    x = values(stairs, "x").reshape(-1, 2)
    assert x[0, 0] == 0
    assert np.allclose(x[1:, 0], x[:-1, 1])
    scale = 1e3 if run.makespan < 1 else 1.0
    assert x[-1, 1] == pytest.approx(run.makespan * scale)
    rows = list(lane.figure.layout.yaxis.ticktext)
    assert rows[:2] == ["chip0", "chip1"]
    bars = sum(len(trace.x) // 4 for trace in lane.figure.data[1:])
    assert bars == len(x)


def test_of_a_long_path_the_beginning_the_middle_and_the_end_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, "MOST_PIECES", 30)
    monkeypatch.setattr(path, "FEW_PIECES", 10)
    (_, lane, areas), _ = drawn(make_run(2))
    assert "too many to draw" in lane.note
    assert np.isnan(values(lane.figure.data[0], "x")).sum() == 2
    total = np.sum([values(trace, "y") for trace in areas.figure.data], axis=0)
    assert np.allclose(total, 100.0, atol=1e-3)


def test_rows_beyond_the_most_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, "MOST_ROWS", 2)
    (_, lane, *_), _ = drawn(make_run(4))
    rows = list(lane.figure.layout.yaxis.ticktext)
    assert len(rows) == 3
    assert rows[-1].endswith(" others")


def test_the_summary_names_the_limit_its_bound_and_the_command() -> None:
    words = said(make_run(1))
    assert "The critical path, the chain of tasks and waits that the run was as long as, is 100.0 % computing." in words
    assert "Computing on chip0 twice as fast would shorten the run by at most 50.0 %" in words
    assert "ampsim what-if RUN simulates what it would be" in words
    assert "ampsim what-if RUN --system FILE" in said(make_run(1, backend="runtime"))


def test_where_links_take_longest_they_are_named_together_and_alone() -> None:
    words = said(make_run(3, mak=1, latency=40960))
    assert "The bottleneck is link chip" in words or "The bottleneck is traffic, spread over 4 links." in words
    assert "All links twice as fast would shorten the run by at most" in words
    assert "link chip" in words
    assert "alone by at most" in words
    assert "more instances in flight (max_active_keys) may gain more than any speed" in words


def test_two_runs_have_two_paragraphs_each_and_one_that_compares_them() -> None:
    found = sentences(shown([make_run(2), make_run(2, backend="runtime", latency=64)]))
    assert len(found) == 5
    assert found[1].startswith("Simulated on ring: The critical path, the chain of tasks and waits")
    assert found[3].startswith("Measured on 2 workers: The critical path is ")  # what it is has been said


def test_workers_without_a_task_are_counted_and_do_not_stand_for_the_others() -> None:
    run = make_run(3)
    run.summary |= {"workers": 12, "worker_names": [f"chip{n}" for n in range(12)], "utilization": [0.5] * 12}
    words = sentences(shown([run]))[0]
    assert "; 9 of the 12 had no task at all; of the time of the others, the largest part" in words
    assert "having nothing left to do" not in words
    assert "no task at all" not in sentences(shown([make_run(3)]))[0]


def test_a_long_name_does_not_cut_what_is_said_of_it() -> None:
    words = said(make_run(2, names=lambda part: part + "x" * 2000))
    assert len(words) < 900
    assert words.endswith("simulates what it would be.")


def test_the_bottleneck_is_one_resource_or_many() -> None:
    assert "The bottleneck is computing on chip2, with " in said(make_run(3))
    spread = said(make_run(8, mak=1, latency=1))
    assert "The bottleneck is computing, spread over 8 workers." in spread


def test_more_instances_are_advised_only_where_there_are_more() -> None:
    advice = "more instances in flight (max_active_keys) may gain more than any speed"
    assert advice in said(make_run(3, mak=1, latency=40960))
    few = make_run(3, mak=1, latency=40960)
    few.config["job"]["training"]["max_active_keys"] = 60
    assert advice not in said(few)
    assert "never more than 1 of 60 instances were in flight" in said(few)


def test_a_target_that_was_not_reached_is_no_dash() -> None:
    run = make_run(2)
    assert dict(cards(shown([run])[0]))["time to target"] == text.seconds(run.time_to_target)
    run.summary["time_to_target"] = None
    assert dict(cards(shown([run])[0]))["time to target"] == "not reached"
    run.summary["target"] = None
    assert dict(cards(shown([run])[0]))["time to target"] == text.NONE


def test_where_many_small_resources_make_the_path_they_have_a_bar_in_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path, "MOST_BARS", 2)
    (totals, *_), (table, _) = drawn(make_run(8, mak=1))
    shares = np.concatenate([values(trace, "x") for trace in totals.figure.data])
    assert shares.sum() == pytest.approx(100.0, abs=0.5)
    names = [name for trace in totals.figure.data for name in trace.y]
    assert any(name.startswith("computing, ") and name.endswith(" more") for name in names)
    assert totals.note.startswith("Pale bars are sums")
    assert f"{len(table.rows) - 2} more, with " in totals.note


def test_a_path_that_may_be_too_long_is_not_looked_for_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    run, short = make_run(3), make_run(3)
    tasks = len(run.tables["tasks"]["kind"])
    monkeypatch.setattr("ampsim.reports.model.MOST_TASKS_A_WORKER", tasks // 3 - 1)
    found = path.section(shown([run]))
    assert not found.blocks
    assert f"has {tasks // 3:,} tasks a worker" in found.empty
    assert len(sentences(shown([run]))) == 1
    monkeypatch.setattr("ampsim.reports.model.MOST_TASKS_A_WORKER", tasks // 3 + 1)
    assert path.section(shown([short])).blocks
