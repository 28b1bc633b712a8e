"""Names are shown as text and nothing runs, wherever they stand: in the page, in figures, at the pointer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ampsim.reports.page import render
from tests.reports.browser.watcher import visit
from tests.reports.test_page import HOSTILE
from tests.result.synthetic import make_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]

NAMES = (
    *HOSTILE,
    '<img src=x onerror="window.ran = true">',
    "<a href='https://example.org/' target='_blank'>link</a><sup>up</sup>",
    "&lt;script&gt;window.ran = true&lt;/script&gt;",
    "{{constructor.constructor('window.ran = true')()}}",
    "--><svg onload='window.ran = true'>",
    "<br><extra></extra>%{customdata}<i>slanted</i>",
)  # fmt: skip
WHAT = """() => ({
  ran: window.ran === true || document.title.includes("ran"),
  scripts: document.scripts.length,
  foreign: document.querySelectorAll("img, iframe, object, embed, svg a, svg foreignObject, form, input").length,
  handlers: [...document.querySelectorAll("*")].filter((one) =>
    [...one.attributes].some((a) => a.name.startsWith("on") || /^\\s*javascript:/i.test(a.value))).length,
  markup: [...document.querySelectorAll("svg tspan, svg text")].filter((one) =>
    /bold|italic|super/.test(one.getAttribute("style") || "")).length,
  hidden: /[\\u202a-\\u202e\\u2066-\\u2069\\u0000]/.test(document.body.innerText),
  wide: document.documentElement.scrollWidth > window.innerWidth,
})"""


def names(first: int) -> Callable[[str], str]:
    """Another hostile name for each part that is named, beginning with the ``first``."""
    number = count(first)
    return lambda part: f"{part[:3]}{NAMES[next(number) % len(NAMES)]}{part}"


@pytest.mark.parametrize("first", [0, 5, 10])
def test_hostile_names_are_text_and_nothing_runs(first: int, browser: Browser, tmp_path: Path) -> None:
    runs = [make_run(3, names=names(first + number)) for number in range(2 if first == 0 else 1)]
    with visit(browser, render(runs, tmp_path / "page.html", title=NAMES[first])) as found:
        expected = {
            "ran": False, "scripts": found.figures[0] + 2, "foreign": 0, "handlers": 0, "markup": 0, "hidden": False,
            "wide": False,
        }  # fmt: skip
        assert found.ask(WHAT) == expected
        assert found.figures[0] == found.figures[1]
        assert "<" in found.page.locator("main").inner_text()
        assert found.point(12) > 5
        found.page.locator(".hovertext").first.wait_for()
        assert found.ask(WHAT) == expected
        assert found.silent, found.noise


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>", "<b>bold</b>&lt;&#60;"])
def test_a_name_is_seen_as_it_is_written(name: str, browser: Browser, tmp_path: Path) -> None:
    run = make_run(2, names=lambda part: f"{part[:2]}{name}")
    with visit(browser, render([run], tmp_path / "page.html")) as found:
        assert name[:12] in found.page.locator("#tasks .legend").inner_text()
        ticks = found.page.locator(".plot .ytick text").all_text_contents()
        assert any(name[:12] in tick for tick in ticks)
