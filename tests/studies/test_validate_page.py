"""The page of the sheet has every case, every rule and every quantity, whole or not yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from ampsim.errors import UsageError
from ampsim.studies.validate.page import write_page
from tests.reports.pages import Page
from tests.studies.test_validate_sheet import made


def page(folder: Path, repeats: int = 3) -> Page:
    return Page(write_page(made(repeats=repeats), folder / "sheet.html").read_text(encoding="utf-8"))


def test_it_holds_all_cases_and_rules(tmp_path: Path) -> None:
    found = page(tmp_path)
    for words in ("Accuracy of made-up", "small, good", "small, broken", "it broke", "✗ missed", "✓ held", "a machine"):
        assert words in found.text
    assert "5 cases were run on this machine and simulated, in 3 of 3 rounds." in found.text
    for verdict in made().verdicts:
        assert verdict.rule in found.text


def test_every_quantity_has_its_dots_and_its_errors(tmp_path: Path) -> None:
    figures = page(tmp_path).figures
    assert len(figures) == 2 * len(("throughput", "makespan", "memory", "time to target"))
    throughput = figures[0]["data"][2:]
    assert [trace["marker"]["symbol"] for trace in throughput] == ["circle", "circle-open"]
    assert throughput[0]["error_y"] | {"color": ""} == {
        "type": "data", "symmetric": False, "color": "", "thickness": 1, "width": 3, "array": [100.0],
        "arrayminus": [200.0],
    }  # fmt: skip


def test_an_unfinished_sheet_says_so(tmp_path: Path) -> None:
    assert "Not all rounds are done" in page(tmp_path, repeats=4).text


def test_where_it_cannot_be_written_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        write_page(made(), tmp_path / "missing" / "sheet.html")
