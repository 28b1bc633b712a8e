"""Several runs of different settings: the best on a line, an axis for what differs, and nothing where nothing does."""

from __future__ import annotations

import pytest

from ampsim.reports import parallel as module
from ampsim.reports.figures import sweep
from ampsim.reports.grid import Axis, Dot, thinned
from ampsim.reports.model import Plot, Sheet, shown
from ampsim.reports.page import page
from ampsim.reports.parallel import folded, objective, parallel, setting
from ampsim.result.run import Run
from tests.reports.pages import Page
from tests.reports.test_page import HOSTILE
from tests.result.synthetic import make_run

AXES = [Axis("throughput", "rows/s", "max"), Axis("energy", "J", "min")]


def runs(count: int = 4) -> list[Run]:
    """Runs that admit more and more at once, and take the more memory for it."""
    found = [make_run(3, mak=number + 1) for number in range(count)]
    for number, run in enumerate(found):
        run.config = {**run.config, "job": {**run.config.get("job", {}), "training": {"max_active_keys": number + 1}}}
        run.summary |= {"throughput": 100.0 + number, "energy": {"total": 5.0 + number}}
        run.summary |= {"peak_memory": [10 * (number + 1)], "time_to_target": None}
    return found


def plots(found: list[Run]) -> list[Plot]:
    section = sweep.section(shown(found))
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Plot)]


def test_there_is_a_section_for_three_runs_that_differ() -> None:
    assert sweep.section(shown(runs(2))) is None
    assert sweep.section(shown([make_run(2) for _ in range(3)])) is None
    assert "sweep" in Page(page(runs(3))).ids


def test_it_draws_a_front_for_each_cost_that_runs_have_and_lines_across_what_differs() -> None:
    titles = [plot.title for plot in plots(runs())]
    assert titles == ["Throughput against energy", "Throughput against peak memory", "Parallel coordinates"]
    lines = plots(runs())[-1].figure
    assert lines.layout.xaxis.ticktext[0] == "training.max_<br>active_keys"
    assert len(lines.data[1].x) % (len(lines.layout.xaxis.tickvals) + 1) == 0


def test_a_run_that_others_beat_is_not_on_the_line() -> None:
    found = runs()
    found[2].summary |= {"throughput": 1.0}
    others, best = plots(found)[0].figure.data
    assert (list(others.y), list(best.y)) == ([1.0], [100.0, 101.0, 103.0])


def test_a_run_without_a_cost_is_left_out_of_its_front_alone() -> None:
    found = runs()
    found[1].summary |= {"energy": None}
    energy, memory, _ = plots(found)
    assert [sum(len(trace.x) for trace in plot.figure.data) for plot in (energy, memory)] == [3, 4]


def test_settings_that_are_alike_in_every_run_share_a_column() -> None:
    found = runs()
    for number, run in enumerate(found):
        run.config["job"] = {**run.config["job"], "a": number % 2, "b": number % 2, "c": number % 2}
    section = sweep.section(shown(found))
    assert section is not None
    (table,) = [block for block in section.blocks if isinstance(block, Sheet)]
    assert table.header[1:3] == ("training.max_active_keys", "a and 2 more")
    assert [row[2] for row in table.rows] == ["0", "1", "0", "1"]


def test_numbers_of_a_setting_stand_by_size_and_words_as_they_come() -> None:
    assert setting("mak", ["16", "4", "16", "1"]).heights == [5 / 6, 0.5, 5 / 6, 1 / 6]
    words = setting("placement", ["round_robin", "auto"])
    assert words.ticks == [(0.25, "round_robin"), (0.75, "auto")]


def test_many_numbers_of_a_setting_are_to_scale() -> None:
    assert setting("x", [str(value) for value in range(11)]).heights == [value / 10 for value in range(11)]


def test_many_words_are_not_all_written() -> None:
    assert len(setting("word", [f"w{number}" for number in range(100)]).ticks) <= module.MOST_TICKS


@pytest.mark.parametrize("goal, heights", [("max", [0.0, 0.5, 1.0]), ("min", [1.0, 0.5, 0.0]), ("", [0.0, 0.5, 1.0])])
def test_better_is_up(goal: str, heights: list[float]) -> None:
    assert objective(Axis("x", "", goal), [1.0, 2.0, 3.0]).heights == heights


def test_an_axis_over_decades_is_logarithmic_and_a_missing_value_is_a_gap() -> None:
    found = objective(Axis("x", "", "max"), [1.0, None, 10.0, 100.0])
    assert found.heights == [0.0, None, 0.5, 1.0]
    assert objective(Axis("x", "", "max"), [0.0, 10.0, 100.0]).heights == [0.0, 0.1, 1.0]
    assert objective(Axis("x", "", "max"), [7.0, 7.0]).heights == [0.5, 0.5]


def many(count: int) -> list[Dot]:
    return [Dot({"n": str(number)}, [float(number), float(count - number)], number == 17) for number in range(count)]


def test_of_many_runs_the_best_and_the_extremes_stay_and_the_page_says_so() -> None:
    kept, note = thinned(many(10_000), 100)
    values = [dot.values[0] for dot in kept]
    assert len(kept) <= 100 + 3
    assert {0.0, 17.0, 9999.0} <= set(values)
    assert note.startswith(f"{len(kept):,} of 10,000 runs are drawn")
    assert thinned(many(100), 100) == (many(100), "")
    plot = parallel(many(10_000), AXES)
    assert plot is not None
    assert "of 10,000 runs are drawn" in plot.note


def test_settings_beyond_the_room_are_named() -> None:
    dots = [Dot({f"s{n}": str(n * turn) for n in range(1, 20)}, [1.0 + turn, 2.0]) for turn in range(3)]
    plot = parallel(dots, AXES)
    assert plot is not None
    assert plot.note.startswith("Settings without an axis: s11, s12")


def test_one_axis_is_no_figure() -> None:
    assert parallel([Dot({"a": "1"}, [1.0])], AXES[:1]) is None


def test_titles_are_folded_and_cut() -> None:
    assert folded("system.links.bandwidth") == "system.links.<br>bandwidth"
    assert folded("a_" * 60).count("<br>") == 3


def test_runs_that_would_be_called_alike_are_called_by_what_differs() -> None:
    assert [one.label for one in shown(runs(2))] == [
        "simulated on ring, max_active_keys 1", "simulated on ring, max_active_keys 2",
    ]  # fmt: skip
    assert [one.label for one in shown([make_run(2), make_run(2)])] == ["simulated on ring", "simulated on ring (2)"]


def test_hostile_settings_are_text() -> None:
    found, plain = runs(3), runs(3)
    for number, (bad_run, good_run) in enumerate(zip(found, plain, strict=True)):
        bad_run.config["job"] |= {name: f"{number}{name}" for name in HOSTILE}
        good_run.config["job"] |= {f"x{i}": f"{number}{i}" for i in range(len(HOSTILE))}
    bad, good = Page(page(found)), Page(page(plain))
    assert [tag for tag, _ in bad.elements] == [tag for tag, _ in good.elements]
    assert bad.code == good.code
    lines = [figure for figure in bad.figures if (figure["layout"].get("meta") or {}).get("lines")]
    assert "<script" not in str(lines)
    assert "<a href" not in str(lines)
