"""docs/hardware.md says what the code does."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ampsim.hw import System, schema
from ampsim.hw.topology.topologies import MAX_LINKS

PAGE = Path(__file__).parents[2] / "docs" / "hardware.md"
TEXT = PAGE.read_text()


def test_the_examples_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried > 5) == (0, True)


def test_the_example_file_is_valid_and_shows_every_field_but_those_of_grids() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    system = System.from_text(example)
    assert system.chip_names == ("big0", "big1", "small0", "small1")
    for field in names(schema.Chips) + names(schema.Edge) + names(System):
        if field not in {"links", "overflow", "one_way"}:
            assert f"{field}:" in example, field


def names(kind: Any) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind)]


@pytest.mark.parametrize(
    "prefix,kind",
    [("", System), ("chips[].", schema.Chips), ("links.", schema.Links), ("host.", schema.Host)],
)
def test_every_field_is_in_the_table(prefix: str, kind: Any) -> None:
    for name in names(kind):
        rows = [line for line in TEXT.splitlines() if line.startswith(f"| `{prefix}{name}")]
        assert rows, f"{prefix}{name}"


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{schema.MAX_CHIPS:,}" in TEXT
    assert f"at most {MAX_LINKS:,} links" in TEXT


def test_every_topology_is_in_the_table() -> None:
    for kind in schema.Topology.__args__:
        assert f"`{kind.__struct_config__.tag}`" in TEXT
