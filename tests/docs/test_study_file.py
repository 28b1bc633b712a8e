"""The study in examples/ is the one that the page shows, and its every point is a run; the page names every field."""

from __future__ import annotations

import re

from ampsim.strict_yaml import loads
from ampsim.studies.point import Point
from ampsim.studies.study import SECTIONS, SINGLE, Study, load_study
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "sweeps.md"
FILE = ROOT / "examples" / "study.yaml"


def test_the_page_shows_the_file_as_it_is() -> None:
    shown = next(block.text for block in blocks(PAGE) if block.language == "yaml")
    assert loads(shown).value == loads(FILE.read_text(encoding="utf-8")).value


def test_the_file_is_a_study_of_sixteen_points() -> None:
    assert load_study(FILE).size == 16


def test_every_field_of_a_study_is_in_the_table() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {*Point.__struct_fields__, *Study.__struct_fields__} <= set(named)


def test_everything_that_can_be_varied_is_named() -> None:
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `grid` |"))
    named = {name.partition(".")[0] for name in re.findall(r"`([\w.]+)`", row)} - {"grid"}
    assert named == {*SINGLE, *SECTIONS}
