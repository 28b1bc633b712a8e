"""The pages about results list what the schema holds, no more and no less; metrics are defined once, on their page."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from ampsim.result.folder import FILES
from ampsim.result.metrics import SCALARS, WORDS
from ampsim.result.schema import TABLES
from ampsim.result.summary import Summary

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "results.md").read_text(encoding="utf-8")
METRICS = (DOCS / "metrics.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page about metrics."""
    part = METRICS.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_every_table_and_column_is_described_as_in_the_schema() -> None:
    tables = PAGE.partition("## Tables")[2].partition("## Two runs")[0]
    parts = re.split(r"^### (\w+)$", tables, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    assert list(found) == list(TABLES)
    for name, columns in TABLES.items():
        rows = [line.strip("| ").split(" | ") for line in found[name].splitlines() if line.startswith("| `")]
        wanted = [[f"`{c.name}`", c.dtype + " (n, width)" * (c.axes == 2), c.unit, c.meaning] for c in columns]
        assert [[cell.strip() for cell in row] for row in rows] == wanted, name


def test_every_file_is_described() -> None:
    for name in FILES:
        assert (f"`{name}`" if not name.startswith("tables/") else "`tables/NAME.npz`") in PAGE


def test_every_field_of_a_summary_is_in_the_table() -> None:
    named = {name for row in rows_below("Summary") for name in re.findall(r"`(\w+)`", row[0])}
    assert {field.name for field in msgspec.structs.fields(Summary)} <= named


def test_every_word_is_on_the_page_as_it_is_in_the_glossary() -> None:
    assert rows_below("Words") == [[word.name, word.unit, word.meaning] for word in WORDS]
    assert len({word.name for word in WORDS}) == len(WORDS)


def test_every_scalar_is_on_the_page() -> None:
    found = [[f"`{name}`", scalar.unit, scalar.goal, scalar.meaning] for name, scalar in SCALARS.items()]
    assert rows_below("Scalars") == found


def test_the_page_about_results_refers_to_them() -> None:
    parts = [PAGE.partition(f"## {heading}\n")[2].partition("\n#")[0] for heading in ("Words and formulas", "summary")]
    assert [part.count("](metrics.md") for part in parts] == [1, 1]
    assert [part.count("\n| ") for part in parts] == [0, 0]
