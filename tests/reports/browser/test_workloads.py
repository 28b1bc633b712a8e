"""Reports of every workload in a real browser: all figures drawn, silence, and not one request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ampsim
from ampsim.reports.page import render
from ampsim.result.run import Run
from ampsim.studies.sweep import sweep
from ampsim.studies.validate.page import write_page
from ampsim.workloads import WORKLOADS
from tests.reports.browser.watcher import visit
from tests.reports.test_page import no_clock
from tests.studies.test_validate_sheet import made

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"data": "generated", "training": 600, "validation": 200, "width": 32},
    "list_reduction": {"lists": 600, "validation": 200, "hidden": 16},
    "tree_lstm": {"trees": 60, "validation": 20, "hidden": 16, "embedding": 16, "vocabulary": 500},
    "ggsnn_babi15": {"questions": 100, "validation": 20, "epoch": 50},
    "ggsnn_qm9": {"data": "generated", "training": 100, "validation": 20, "hidden": 16, "steps": 2},
}
MEASURED = ("mlp", "tree_lstm")
"""Those that run on processes, too."""


def job(name: str) -> ampsim.Job:
    found = ampsim.workload(name, **SMALL[name]).with_training(target=None)
    return found if name == "ggsnn_babi15" else found.with_training(epochs=2)


def runs(name: str) -> list[Run]:
    made = job(name)
    found = [ampsim.simulate(made, "fpga_ring_16", workers=3)]
    return [*found, ampsim.run(made, workers=2)] if name in MEASURED else found


def test_no_workload_is_forgotten() -> None:
    assert set(SMALL) == set(WORKLOADS)


@pytest.mark.parametrize("name", SMALL)
def test_the_report_of_a_workload_draws_all_figures_in_silence(name: str, browser: Browser, tmp_path: Path) -> None:
    path = render(runs(name), tmp_path / "page.html")
    with visit(browser, path, scheme="dark" if name in MEASURED else "light") as found:
        places, drawn = found.figures
        assert places == drawn >= 10
        assert found.ask("() => document.documentElement.dataset.ready") == str(places)
        assert found.silent, found.noise


def test_several_runs_of_a_sweep_and_a_run_without_a_clock(browser: Browser, tmp_path: Path) -> None:
    shapes = ampsim.workload("mlp", data="none", training=300, validation=100, width=32).with_training(target=None)
    found = [
        ampsim.simulate(shapes.with_training(max_active_keys=mak), "fpga_ring_16", workers=2, mode="shapes")
        for mak in (1, 2, 4)
    ]
    for number, several in enumerate((found, [no_clock()])):
        with visit(browser, render(several, tmp_path / f"{number}.html")) as page:
            assert page.figures[0] == page.figures[1] > 0
            assert page.page.locator("#sweep").count() == (len(several) > 1)
            assert page.silent, page.noise


def test_the_pages_of_sweeps_and_of_validations(browser: Browser, tmp_path: Path) -> None:
    study = {
        "job": "mlp", "system": "fpga_ring_16", "settings": {"options.data": "none", "options.training": 300},
        "grid": {"training.max_active_keys": [1, 4], "system.topology": [{"kind": "ring"}, {"kind": "switch"}]},
    }  # fmt: skip
    sweep(study, tmp_path / "sweep", jobs=1)
    write_page(made(), tmp_path / "sheet.html")
    for path, figures in ((tmp_path / "sweep" / "pareto.html", 4), (tmp_path / "sheet.html", 8)):
        with visit(browser, path) as found:
            assert found.figures == (figures, figures)
            assert found.silent, found.noise
