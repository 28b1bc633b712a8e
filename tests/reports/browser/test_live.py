"""The live page in a real browser: it follows a run, says nothing on the console, and goes on to the report."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import ampsim
import ampsim.reports
from ampsim.engine.controller import Controller
from ampsim.reports.live import Live
from ampsim.result.run import Run, register_renderer
from tests.reports.browser.watcher import CHROMIUM, OPTIONS, WAIT, Visit
from tests.reports.test_page import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PATIENCE = WAIT / 1000
DRAWN = "() => Number(document.documentElement.dataset.drawn) > 0"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One that reaches this machine, and nothing else."""
    if not CHROMIUM:
        pytest.skip("there is no chromium; do: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no Playwright; do: pip install playwright")
    options = [f"{option}, EXCLUDE 127.0.0.1" if "resolver" in option else option for option in OPTIONS]
    with playwright.sync_playwright() as found:
        browser = found.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def every_event_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However dear a look is; where the run is held does not depend on how fast the machine is."""
    monkeypatch.setattr("ampsim.engine.watching.SHARE", float("inf"))


class Held:
    """A run in a thread of its own; it stands still when half of it can be seen on the page, until it may go on."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._half, self._on = threading.Event(), threading.Event()
        self.run: Run | None = None
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._half.wait(PATIENCE)

    def _work(self) -> None:
        job = ampsim.workload("mlp", data="generated", training=2000, validation=200, width=16)
        self.run = ampsim.simulate(job.with_training(epochs=2, target=None), "fpga_ring_16", progress=self._heard)

    def _heard(self, controller: Controller, now: float) -> None:
        self._live(controller, now)
        seen = self._live._facts
        if seen and 2 * seen.look.done > seen.total and not self._half.is_set():
            self._half.set()
            self._on.wait(PATIENCE)

    def go_on(self) -> Run:
        self._on.set()
        self._thread.join(PATIENCE)
        assert self.run
        return self.run


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Visit]:
    """The page at an address, when it has drawn something."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.set_default_timeout(WAIT)
        found = Visit(page, url)
        found.listen()
        page.goto(url)
        page.wait_for_function(DRAWN)
        yield found
    finally:
        context.close()


def asked_for(found: Visit, url: str) -> set[str]:
    """Names below the token; all that was asked for is there."""
    assert all(request.startswith(url) for request in found.requests), found.requests
    return {urlsplit(request.removeprefix(url)).path for request in found.requests}


def test_the_page_follows_a_run_and_goes_on_to_its_report(browser: Browser, tmp_path: Path) -> None:
    register_renderer(ampsim.reports.render)
    with Live("<b>mlp</b>", HOSTILE[0], simulated=True, every=0.0) as live:
        held = Held(live)
        with opened(browser, live.url) as found:
            page = found.page
            assert page.locator("h1").text_content() == "<b>mlp</b>"
            assert page.locator("#phase").text_content() == "Running"
            assert 50 <= int(page.locator(".meter").get_attribute("aria-valuenow") or 0) < 60
            assert found.figures == (5, 5)
            points = "() => [...document.querySelectorAll('.plot')].map((plot) => plot.data[0].x.length)"
            before = found.ask(points)
            assert all(before)
            assert page.locator("#rows tr").count() == 1
            wide = """() => [...document.querySelectorAll('#cards dd')].filter((d) => d.scrollWidth > d.clientWidth)
              .map((d) => d.textContent)"""
            assert found.ask(wide) == []
            page.get_by_role("button", name="Dark page").click()
            assert found.ask("() => document.documentElement.dataset.theme") == "dark"

            run = held.go_on()
            page.wait_for_function("() => document.querySelectorAll('#rows tr').length === 2")
            assert all(after > old for after, old in zip(found.ask(points), before, strict=True))
            last = f"{100 * run.epochs[-1]['validation_accuracy']:.1f}\u00a0%"
            assert page.locator("#rows tr td").nth(4).text_content() == last
            assert page.locator("#phase").text_content() == "Running"
            live.saving()
            live.ended("", run.report(tmp_path / "report.html"))
            live.close()
            page.wait_for_selector("html[data-ready]", state="attached")
            assert page.locator("h1").text_content() != "<b>mlp</b>"
            assert found.figures[0] == found.figures[1] > 10
            assert asked_for(found, live.url) == {"plotly.js", "live.js", "state", "report"}
            assert (found.console, found.errors, found.windows) == ([], [], []), found.noise


def test_the_page_of_a_run_that_fails_stays_and_says_so(browser: Browser) -> None:
    with Live("mlp", every=0.0) as live:
        held = Held(live)
        with opened(browser, live.url) as found:
            held.go_on()
            live.__exit__(ValueError, ValueError(HOSTILE[0]), None)
            found.page.wait_for_function("() => document.getElementById('phase').textContent === 'The run has failed'")
            assert found.page.locator("#message").text_content() == HOSTILE[0]
            assert found.page.locator(".state").get_attribute("data-phase") == "failed"
            assert found.figures == (5, 5)
            assert asked_for(found, live.url) == {"plotly.js", "live.js", "state"}
            assert (found.console, found.errors, found.windows) == ([], [], []), found.noise
