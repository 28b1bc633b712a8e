"""Predicted against measured: dots where they belong, hollow where they are not judged, bars to the right ends."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ampsim.reports import text
from ampsim.reports.against import MOST_ROWS, Pair, against, errors, ticks
from ampsim.reports.agreement import Quantity, render_agreement
from ampsim.reports.figures import comparison
from ampsim.reports.model import Plot, Sheet, shown
from tests.reports.pages import Page
from tests.reports.test_page import HOSTILE
from tests.result.synthetic import make_run

PAIRS = [
    Pair("mlp", "one", 110.0, 100.0, measured_ends=(90.0, 105.0), predicted_ends=(100.0, 130.0)),
    Pair("mlp", "two", 95.0, 100.0, hollow=True, remark="not judged: the measurements spread too far"),
    Pair("lists", "three", 2000.0, 1000.0),
]


def drawn(pairs: list[Pair]) -> Plot:
    found = against(pairs, "Throughput", "throughput", text.number)
    assert found is not None
    return found


def test_a_dot_a_case_with_its_bars() -> None:
    band, diagonal, *groups = drawn(PAIRS).figure.data
    assert [(list(t.x), list(t.y), t.marker.symbol) for t in groups] == [
        ([100.0], [110.0], "circle"), ([100.0], [95.0], "circle-open"), ([1000.0], [2000.0], "circle"),
    ]  # fmt: skip
    assert (groups[0].error_x.arrayminus, groups[0].error_x.array) == ((10.0,), (5.0,))
    assert (groups[0].error_y.arrayminus, groups[0].error_y.array) == ((10.0,), (20.0,))
    assert groups[1].error_x.visible is False  # nothing would be drawn but the caps
    assert list(diagonal.x) == list(diagonal.y)
    assert [y / x for x, y in zip(band.x, band.y, strict=True)] == pytest.approx([1.05, 1.05, 0.95, 0.95])


def test_workloads_have_a_colour_each_and_a_key_for_both_kinds_of_dots() -> None:
    plot = drawn(PAIRS)
    assert [(key.name, key.traces) for key in plot.legend] == [("mlp", (2, 3)), ("lists", (4,))]
    assert len({key.colour for key in plot.legend}) == 2
    alone = against(PAIRS[2:], "t", "t", text.number, groups=["mlp", "lists"])
    assert alone is not None
    assert alone.legend[0].colour == plot.legend[1].colour


def test_both_axes_are_alike_and_hold_everything() -> None:
    layout = drawn(PAIRS).figure.layout
    assert layout.xaxis.type == layout.yaxis.type == "log"
    assert layout.xaxis.range == layout.yaxis.range
    low, high = (10**end for end in layout.xaxis.range)
    assert low < 90
    assert high > 2000


def test_the_pointer_shows_case_values_and_error() -> None:
    first = drawn(PAIRS).figure.data[2].text[0].replace(text.SPACE, " ")
    assert first == "one<br>predicted 110, 100 to 130<br>measured 100, 90 to 105<br>error +10.0 %"
    assert drawn(PAIRS).figure.data[3].text[0].endswith("not judged: the measurements spread too far")


def test_what_has_no_logarithm_is_counted() -> None:
    bad = [Pair("a", "b", value, 1.0) for value in (0.0, -1.0, math.nan, math.inf)]
    assert drawn([*PAIRS, *bad]).note == "4 of 7 are not drawn: they have no value above zero."
    assert against(bad, "t", "t", text.number) is None
    assert errors(bad, "t", "t", text.number) is None


def test_a_single_case_has_room_around_it() -> None:
    low, high = drawn(PAIRS[1:2]).figure.layout.xaxis.range
    assert low < math.log10(95) < 2 < high


@pytest.mark.parametrize("low, high", [(90.0, 130.0), (1.0, 50.0), (1e-7, 1e3), (1e-12, 1e12), (3.0, 9.0)])
def test_ticks_are_few_and_on_the_axis(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 12
    assert all(low <= value <= high for value in found)


def test_errors_are_in_per_cent_and_the_largest_on_top() -> None:
    plot = errors(PAIRS, "t", "throughput", text.number)
    assert plot is not None
    assert plot.figure.layout.yaxis.categoryarray == ("three", "one", "two")
    first, second = plot.figure.data
    assert list(first.x) == pytest.approx([10.0, -5.0])
    assert list(first.marker.symbol) == ["circle", "circle-open"]
    assert first.error_x.array[0] == pytest.approx(100 * (110 / 90 - 1) - 10)
    assert list(second.x) == pytest.approx([100.0])


def test_a_median_of_errors_is_shown_as_it_is() -> None:
    plot = errors([Pair("a", "b", 1.0, 1.0, apart=0.5)], "t", "t", text.number)
    assert plot is not None
    assert list(plot.figure.data[0].x) == [50.0]


def test_many_errors_are_the_largest_and_the_figure_says_so() -> None:
    plot = errors([Pair("a", "same name", 100.0 + n, 100.0) for n in range(200)], "t", "t", text.number)
    assert plot is not None
    assert len(set(plot.figure.layout.yaxis.categoryarray)) == MOST_ROWS
    assert plot.note == f"The {MOST_ROWS} largest of 200 errors."


def test_service_times_stand_side_by_side_for_a_prediction_and_a_measurement() -> None:
    predicted, measured = make_run(2), make_run(2, backend="runtime", latency=64)
    section = comparison.section(shown([predicted, measured]))
    assert section is not None
    plots = [block for block in section.blocks if isinstance(block, Plot)]
    assert [plot.title for plot in plots[1:]] == ["simulated on ring: mean time of a task, node by node"]
    alike = comparison.section(shown([predicted, make_run(3)]))
    assert alike is not None
    assert sum(isinstance(block, Plot) for block in alike.blocks) == 1


def written(folder: Path, name: str = "x") -> Page:
    pairs = [Pair(name, name, 1.0, 2.0, remark=name)]
    rules = Sheet(
        ("rule", "found", "asked", "verdict", "detail"), [[name, "1 %", "5 %", "✓ held", name]], "Rules", "lrlll"
    )
    path = render_agreement(
        folder / "page.html", name, [name], [(name, name)], [Quantity("throughput", pairs, text.number)], rules,
        [Sheet(("case", "error"), [[name, name]], name, "ll")], [(name, name)],
    )  # fmt: skip
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_becomes_markup(tmp_path: Path, name: str) -> None:
    bad, good = written(tmp_path, name), written(tmp_path)
    assert [tag for tag, _ in bad.elements] == [tag for tag, _ in good.elements]
    assert len(bad.figures) == 2
    assert not any("<b" in str(figure).replace("<br>", "") or "<a " in str(figure) for figure in bad.figures)
