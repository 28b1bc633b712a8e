"""One browser for the tests of a file; they are skipped, with what to install, where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ampsim.reports.page import render
from tests.reports.browser.watcher import CHROMIUM, OPTIONS
from tests.result.synthetic import make_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, driven by Playwright."""
    if not CHROMIUM:
        pytest.skip("there is no chromium; do: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no Playwright; do: pip install playwright")
    with playwright.sync_playwright() as found:
        browser = found.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A predicted and a measured run side by side."""
    runs = [make_run(3), make_run(3, backend="runtime", latency=64)]
    return render(runs, tmp_path_factory.mktemp("report") / "page.html")


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run: enough for what is alike on every page."""
    return render([make_run(2)], tmp_path_factory.mktemp("single") / "page.html")
