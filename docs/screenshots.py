"""The two pictures of reports in the README: ``python docs/screenshots.py`` makes them anew.

overview.png   the top of the report about a run on this machine's cores, in light
placement.png  the graph of a job on the chips it is simulated on, in dark

Needs chromium and Playwright (the extra ``dev``), Linux, and half a minute.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import ampsim
from ampsim.reports import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FIGURES = Path(__file__).resolve().parent / "figures"
LARGEST = 250_000
"""Bytes of a picture."""


def measured() -> ampsim.Run:
    """Handwritten digits, learnt by two processes of this machine."""
    return ampsim.run(ampsim.workload("mlp").with_training(max_active_keys=8), workers=2)


def simulated() -> ampsim.Run:
    """Molecules on a ring of FPGAs, as fast as shapes can be counted."""
    job = ampsim.workload("ggsnn_qm9", data="generated", training=600, validation=100)
    job = job.with_training(epochs=1, target=None, max_active_keys=8)
    return ampsim.simulate(job, "fpga_ring_16", mode="shapes")


def picture(
    browser: Browser, page: Path, scheme: Literal["light", "dark"], target: Path, section: str = "", height: int = 900
) -> None:
    """The top of a page, or of one of its sections. Raises SystemExit if the picture is too large to be kept."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": 1240, "height": height}, offline=True, reduced_motion="reduce"
    )
    shown = context.new_page()
    shown.goto(page.as_uri())
    shown.wait_for_selector("html[data-ready]", state="attached")
    if section:
        shown.evaluate("(id) => document.getElementById(id).scrollIntoView()", section)
        shown.wait_for_selector(f".rail a[href='#{section}'][aria-current]")
    shown.screenshot(path=target)
    context.close()
    if (size := target.stat().st_size) > LARGEST:
        raise SystemExit(f"{target} has {size:,} bytes, more than {LARGEST:,}")


def main() -> None:
    """Make the runs, their pages and both pictures."""
    from playwright.sync_api import sync_playwright

    chromium = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
    if chromium is None:
        raise SystemExit("there is no chromium; do: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = [render([run], Path(folder) / f"{run.backend}.html") for run in (measured(), simulated())]
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        picture(browser, pages[0], "light", FIGURES / "overview.png")
        picture(browser, pages[1], "dark", FIGURES / "placement.png", "placement")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
