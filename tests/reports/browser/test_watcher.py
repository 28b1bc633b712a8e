"""The watcher sees what it is there to see: each of these pages is wrong, and is told so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.reports.browser.watcher import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def changed(single: Path, folder: Path, old: str, new: str) -> Path:
    text = single.read_text(encoding="utf-8")
    assert old in text
    page = folder / "page.html"
    page.write_text(text.replace(old, new), encoding="utf-8")
    return page


def test_a_script_and_a_picture_against_the_policy(single: Path, browser: Browser, tmp_path: Path) -> None:
    bad = '<script>document.title = "ran"</script><img src="https://cdn.example.org/plot.png"></body>'
    with visit(browser, changed(single, tmp_path, "</body>", bad)) as found:
        assert any("Content Security Policy" in line for line in found.console), found.noise
        assert found.page.title() != "ran"


def test_a_request(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<!DOCTYPE html><img src="https://cdn.example.org/plot.png"><img src="other.png">')
    with visit(browser, page, ready=False) as found:
        found.page.wait_for_load_state("load")
        assert [url.rpartition("/")[2] for url in found.requests] == ["plot.png", "other.png"]
        assert found.console


def test_an_error_and_a_window(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><script>alert('here'); console.info('said'); throw new Error('thrown')</script>")
    with visit(browser, page, ready=False) as found:
        found.page.wait_for_load_state("load")
        assert (found.windows, found.console, found.errors) == (["here"], ["info: said"], ["thrown"])
        assert not found.silent


def test_a_figure_that_is_not_drawn(single: Path, browser: Browser) -> None:
    with visit(browser, single) as found:
        places = found.figures[0]
        found.ask("() => document.querySelector('.plot').replaceChildren()")
        assert found.figures == (places, places - 1)
