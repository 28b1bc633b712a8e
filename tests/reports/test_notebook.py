"""A run in a notebook: HTML that runs nothing, and figures that are whole without the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

import ampsim.reports
import ampsim.reports.notebook as module
from ampsim.errors import UsageError
from ampsim.reports.model import Key, Plot, View
from ampsim.reports.notebook import COLOURS, html
from ampsim.reports.standalone import coloured, palette, whole
from ampsim.result.analysis.idle import breakdown
from ampsim.result.notebook import register_display
from ampsim.result.run import Run
from tests.reports.pages import Page
from tests.reports.test_page import HOSTILE, no_clock
from tests.result.synthetic import make_run


@pytest.fixture(autouse=True)
def reports() -> None:
    """Whatever another test has registered."""
    register_display(lambda: ampsim.reports.display)


# The display --------------------------------------------------------------------------------------------------------


def test_a_run_shows_sentences_numbers_and_bars_without_a_script() -> None:
    run = make_run(3)
    page = Page(run._repr_html_())
    assert page.scripts == []
    assert "3 epochs on 3 workers took" in page.text
    for name in ("makespan", "utilization, mean", "chip0", "chip2", "mean", "busy"):
        assert name in page.texts, name
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "img", "link", "object", "a"}
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    assert len(run._repr_html_()) < 8_000
    assert len(html(make_run(40, instances=2, validation=0, epochs=1))) < 14_000


def test_bars_are_as_long_as_the_shares() -> None:
    run = make_run(2)
    page = Page(html(run))
    shares = breakdown(run.tables, 2, run.makespan).shares
    wanted = [[f"{100 * share:.2f}%" for share in row if share >= 0.0005] for row in [*shares, shares.mean(axis=0)]]
    widths = [
        found[1]
        for tag, attributes in page.elements
        if tag == "i" and (found := re.match(r"width:([\d.]+%)", str(attributes.get("style"))))
    ]
    assert widths == [width for row in wanted for width in row]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def test_bars_can_be_told_from_light_and_from_dark_notebooks() -> None:
    for cause, colour in COLOURS.items():
        if cause != "drained":  # nothing to see is seen faintly
            for paper in ("#ffffff", "#111111"):
                high, low = sorted((luminance(colour), luminance(paper)), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 2.4, (cause, paper)
    # Texts take the colour of the notebook.
    assert not re.search(r"[;{]color:", module.STYLE)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_as_text(name: str) -> None:
    run = make_run(2, names=lambda part: part + name)
    raw = html(run)
    page = Page(raw)
    assert page.scripts == []
    assert {tag for tag, _ in page.elements} <= {"div", "style", "p", "bdi", "span", "dl", "dt", "dd", "i"}
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)
    assert not set("\u202e\u202d\x00") & set(raw)
    assert len(raw) < 16_000
    plain = run._repr_mimebundle_()["text/plain"]
    assert all(c.isprintable() or c in "\n\ufffd" for c in plain)


def test_a_large_run_is_shown_at_once_and_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TASKS", 10)
    monkeypatch.setattr("ampsim.reports.model.breakdown", lambda *_: pytest.fail("this takes long"))
    run = make_run(20, instances=3, validation=0, epochs=1)
    page = Page(html(run))
    assert "why workers were idle is left to the report" in page.text
    assert "The 6 busiest and the 6 least busy of 20 workers." in page.text
    assert "idle: " in html(run)


def test_a_run_without_a_clock_is_shown_without_bars() -> None:
    page = Page(html(no_clock()))
    assert "counted without a clock" in page.text
    assert "busy" not in page.texts
    assert "–" not in page.texts


def test_the_bundle_has_text_and_html_as_asked_for() -> None:
    run = make_run(2)
    assert run._repr_mimebundle_() == {
        "text/plain": run._repr_mimebundle_(include=["text/plain"])["text/plain"], "text/html": run._repr_html_(),
    }  # fmt: skip
    assert list(run._repr_mimebundle_(exclude={"text/html"})) == ["text/plain"]
    first, *rest = run._repr_mimebundle_()["text/plain"].splitlines()
    assert first == "pipeline, simulated on ring"
    assert len({found.end() for line in rest if (found := re.match(r"  \S.*?  +", line))}) == 1


# Figures ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run(3)


@pytest.fixture(scope="module")
def figures(run: Run) -> dict[str, Any]:
    return ampsim.reports.display.figures(run, "light")


def test_every_figure_of_the_page_is_there_with_title_and_without_variables(figures: dict[str, Any]) -> None:
    assert next(iter(figures)) == "utilization"
    assert {"tasks", "learning", "learning/accuracy", "queues", "memory", "utilization/all-workers-over-time"} <= {
        *figures
    }
    for name, figure in figures.items():
        assert isinstance(figure, go.Figure), name
        assert figure.layout.title.text.startswith("<b>"), name
        assert "var(--" not in figure.to_json(), name
        assert figure.layout.paper_bgcolor == "#ffffff"
        assert figure.layout.height >= 150


def test_themes_differ_in_colours_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    light, dark = run.figure("utilization", theme="light"), run.figure("utilization", theme="dark")
    assert (light.layout.paper_bgcolor, dark.layout.paper_bgcolor) == ("#ffffff", "#1a2029")
    assert light.data[0].marker.color == "#2f6db3"
    assert dark.data[0].marker.color == "#5b97db"
    assert re.sub(r"#[0-9a-f]{6}", "", light.to_json()) == re.sub(r"#[0-9a-f]{6}", "", dark.to_json())
    monkeypatch.setattr(plotly.io.templates, "default", "plotly_dark")
    assert run.figure("utilization") == dark
    with pytest.raises(UsageError, match="no theme 'blue'"):
        run.figure("utilization", theme="blue")


def test_a_figure_by_name_is_that_of_all_figures(run: Run, figures: dict[str, Any]) -> None:
    for name in ("utilization", "tasks", "learning/accuracy", "memory"):
        assert run.figure(name, theme="light") == figures[name], name
    assert run.figure("gantt", theme="light") == figures["tasks"]


@pytest.mark.parametrize("name", ["utilisation", "", "utilization/", "../page", "__init__", "\x1b[31m", "placed"])
def test_an_unknown_name_is_answered_with_all_names(name: str, run: Run, figures: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as error:
        run.figure(name)
    assert error.value.where == "Run.figure"
    assert ", ".join(figures) in str(error.value.do)
    assert "\x1b" not in str(error.value)
    assert name != "utilisation" or "did you mean utilization?" in str(error.value)


def test_legends_name_what_is_drawn_in_its_colour(figures: dict[str, Any]) -> None:
    figure = figures["utilization"]
    shown = [trace for trace in figure.data if trace.showlegend]
    assert figure.layout.showlegend
    assert shown[0].name == "busy"
    for entry in shown:
        (drawn,) = [t for t in figure.data if t.legendgroup == entry.legendgroup and t is not entry]
        assert (drawn.name, drawn.marker.color) == (entry.name, entry.marker.color)
    gantt = figures["tasks"]
    groups = {trace.legendgroup for trace in gantt.data if trace.showlegend}
    assert {trace.legendgroup for trace in gantt.data if not trace.showlegend} <= groups


def test_buttons_do_what_those_of_the_page_do(figures: dict[str, Any]) -> None:
    (menu,) = figures["tasks"].layout.updatemenus
    assert [button.label for button in menu.buttons] == ["Beginning", "Middle", "End", "All"]
    assert menu.buttons[3].args[1]["xaxis.range"][0] == 0.0
    figure = go.Figure([{"y": [1]}, {"y": [2]}, {"y": [3]}])
    figure.update_layout(height=200)
    views = [View("One", {"xaxis.title.text": "a"}, (0,)), View("Two", {}, (2,))]
    legend = [Key("later", "var(--busy)", (1,), off=True)]
    made = whole(Plot(figure, "", "A & B", legend, views, "x " * 200), palette("light"))
    one, two = made.layout.updatemenus[0].buttons
    assert one.args[:2] == ({"visible": [True, False]}, {"xaxis.title.text": "a"})
    assert list(one.args[2]) == [0, 2]
    assert two.args[0] == {"visible": [False, True]}
    assert (made.data[1].visible, made.data[3].visible) == ("legendonly", "legendonly")
    assert made.data[3].marker.color == "#2f6db3"
    assert made.layout.title.text == "<b>A &amp; B</b>"
    assert made.layout.title.subtitle.text.count("<br>") == 3
    assert made.layout.height > 250


def test_colours_are_resolved_where_they_stand_and_nowhere_else() -> None:
    words = {"name": "var(--ink)", "x": ["var(--ink)"]}
    found = coloured({**words, "line": {"color": "var(--ink)"}, "scale": [[0, "var(--faint)"]]}, palette("dark"))
    assert found == {**words, "line": {"color": "#e4e9f0"}, "scale": [[0, "#202833"]]}
    assert set(palette("dark")) == set(palette("light"))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_figures_are_shown_as_text(name: str) -> None:
    made = make_run(2, names=lambda part: part + name)
    for figure in (made.figure("utilization"), made.figure("queues")):
        raw = json.dumps(json.loads(figure.to_json()))
        assert not re.search(r"<(?!/?b>|br>|extra>|/extra>)", raw)


def test_a_run_that_drew_nothing_has_no_figures_of_time() -> None:
    run = no_clock()
    assert "utilization" not in run.figures()
    with pytest.raises(UsageError, match="no figure 'utilization'"):
        run.figure("utilization")


def test_figures_can_be_written_and_read_again(figures: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "figure.html"
    figures["tasks"].write_html(path, include_plotlyjs=False)
    assert "plotly" in path.read_text(encoding="utf-8").lower()
    assert json.loads(figures["tasks"].to_json())["layout"]["title"]["text"] == "<b>Tasks over time</b>"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells of examples/notebook.py, one after the other, as a notebook runs them."""
    monkeypatch.chdir(tmp_path)
    source = (Path(__file__).parents[2] / "examples" / "notebook.py").read_text(encoding="utf-8")
    cells = re.split(r"^# %%.*$", source, flags=re.MULTILINE)[1:]
    assert len(cells) >= 4
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        exec(compile(cell, "notebook.py", "exec"), names)
    assert isinstance(names["run"], Run)
    assert isinstance(names["busy"], go.Figure)
