"""The page about results lists what the schema holds, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from ampsim.result.folder import FILES
from ampsim.result.schema import TABLES
from ampsim.result.summary import Summary

PAGE = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")


def test_every_table_and_column_is_described_as_in_the_schema() -> None:
    tables = PAGE.partition("## Tables")[2].partition("## Two runs")[0]
    parts = re.split(r"^### (\w+)$", tables, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    assert list(found) == list(TABLES)
    for name, columns in TABLES.items():
        rows = [line.strip("| ").split(" | ") for line in found[name].splitlines() if line.startswith("| `")]
        wanted = [[f"`{c.name}`", c.dtype + " (n, width)" * (c.axes == 2), c.unit, c.meaning] for c in columns]
        assert [[cell.strip() for cell in row] for row in rows] == wanted, name


def test_every_file_and_scalar_is_described() -> None:
    for name in FILES:
        assert (f"`{name}`" if not name.startswith("tables/") else "`tables/NAME.npz`") in PAGE
    for field in msgspec.structs.fields(Summary):
        assert f"`{field.name}`" in PAGE, field.name
