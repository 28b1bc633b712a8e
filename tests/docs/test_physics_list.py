"""The list of what the simulator is held to: 25 checks, and a test for each."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

CHECKS = range(1, 26)


def test_every_check_of_the_page_has_a_test_of_its_number() -> None:
    page = (ROOT / "docs" / "closed_forms.md").read_text(encoding="utf-8")
    listed = [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert listed == list(CHECKS)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "sim").glob("test_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_(\d+)_\w+\(", tests, re.MULTILINE)}
    assert tested >= set(CHECKS), f"no test of check {sorted(set(CHECKS) - tested)}"
