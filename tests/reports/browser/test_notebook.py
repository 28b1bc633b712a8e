"""What a notebook would show, in a real browser with the network off: figures are drawn, legends and buttons work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ampsim.reports
from ampsim.result.notebook import register_display
from ampsim.result.run import Run
from tests.reports.test_page import HOSTILE
from tests.result.synthetic import make_run

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PAPER = {"light": ("#ffffff", "#111111"), "dark": ("#111111", "#dddddd")}


@pytest.fixture(autouse=True)
def reports() -> None:
    """Whatever another test has registered."""
    register_display(lambda: ampsim.reports.display)


def opened(browser: Any, folder: Path, body: str, theme: str = "light") -> tuple[Any, list[str]]:
    """A page with this body, and what it complains about or asks for."""
    paper, ink = PAPER[theme]
    path = folder / "cell.html"
    path.write_text(f'<meta charset="utf-8"><body style="background:{paper};color:{ink}">{body}</body>', "utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: None if request.url.startswith("file:") else said.append(request.url[:200]))
    page.goto(path.as_uri())
    return page, said


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_display_asks_for_nothing_and_is_as_wide_as_its_cell(browser: Any, tmp_path: Path, theme: str) -> None:
    runs = [make_run(3), make_run(30, instances=3, validation=0, epochs=1)]
    runs += [make_run(2, names=lambda part, name=name: part + name) for name in HOSTILE]  # type: ignore[misc]
    page, said = opened(browser, tmp_path, "<hr>".join(run._repr_html_() for run in runs), theme)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert page.locator(".ampsim-run").count() == len(runs)
    wide, high = page.evaluate(
        "(() => { const bar = document.querySelector('.ampsim-run .b i').getBoundingClientRect();"
        " return [bar.width, bar.height] })()"
    )
    assert wide > 5
    assert high > 5
    # A text has the colour of the notebook.
    ink = page.evaluate("getComputedStyle(document.querySelector('.ampsim-run .t')).color")
    assert ink == page.evaluate("getComputedStyle(document.body).color")
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_is_drawn_with_its_title(browser: Any, tmp_path: Path, theme: str) -> None:
    figures = make_run(3).figures(theme=theme)
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=number == 0)
        for number, figure in enumerate(figures.values())
    ]  # fmt: skip
    page, said = opened(browser, tmp_path, "".join(parts), theme)
    page.wait_for_function(f"document.querySelectorAll('.gtitle').length === {len(parts)}", timeout=60_000)
    assert said == []
    # No title is cut, and none lies on the drawing.
    cut = page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].filter(p => {"
        " const outer = p.getBoundingClientRect(), title = p.querySelector('.gtitle').getBoundingClientRect(),"
        " below = [...p.querySelectorAll('.gtitle-subtitle')].map(e => e.getBoundingClientRect()),"
        " drawing = p.querySelector('.cartesianlayer').getBoundingClientRect();"
        " return title.top < outer.top || below.some(b => b.bottom > drawing.top + 30 && b.bottom > outer.top + 90) })"
        ".map(p => p.querySelector('.gtitle').textContent)"
    )
    assert cut == []
    page.close()


def test_a_legend_hides_and_a_button_moves(browser: Any, tmp_path: Path) -> None:
    run: Run = make_run(2)
    page, said = opened(browser, tmp_path, run.figure("tasks").to_html(full_html=False))
    page.wait_for_selector(".legendtoggle", timeout=60_000)
    plot = "document.querySelector('.js-plotly-plot')"
    group = page.evaluate(f"{plot}.data.find(t => t.showlegend).legendgroup")
    page.locator(".legendtoggle").first.click()
    hidden = f"{plot}.data.filter(t => t.legendgroup === '{group}').every(t => t.visible === 'legendonly')"
    page.wait_for_function(hidden)
    before = page.evaluate(f"{plot}.layout.xaxis.range.slice()")
    page.locator(".updatemenu-button", has_text="All").click()
    page.wait_for_function(f"{plot}.layout.xaxis.range[1] > {before[1]}")
    assert page.evaluate(f"{plot}.layout.xaxis.range[0]") == 0
    assert said == []
    page.close()
