"""The page about validation names every field, default and rule; the suite it shows is one."""

from __future__ import annotations

import re

import msgspec

from ampsim.strict_yaml import loads
from ampsim.studies.validate.items import items
from ampsim.studies.validate.load import suite_of
from ampsim.studies.validate.suite import Calibration, Case, Intervals, Subject, Suite, Tolerances
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "validation.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_suite_on_the_page_can_be_run() -> None:
    shown = next(block.text for block in blocks(PAGE) if block.language == "yaml")
    assert [item.setting for item in items(suite_of(loads(shown).value))] == [
        "2 workers, mak 1",
        "2 workers, mak 4, round robin",
    ]


def test_every_field_is_in_the_table() -> None:
    named = re.findall(r"^\| `(\w+)` \|", TEXT, flags=re.MULTILINE)
    assert {*Suite.__struct_fields__} <= set(named)
    for kind in (Case, Calibration, Subject):
        for name in kind.__struct_fields__:
            assert f"`{name}`" in TEXT, name


def test_every_tolerance_is_there_with_its_default() -> None:
    for name, value in msgspec.structs.asdict(Tolerances()).items():
        if name != "intervals":
            assert f"`{name}` | {value} |" in TEXT, name
    shown = loads(re.findall(r"`intervals` \| `(.*?)`", TEXT)[0]).value
    assert msgspec.convert(shown, Intervals) == Intervals()
