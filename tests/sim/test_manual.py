"""The reference page is the generated one, and the generated one leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ampsim.errors import ConfigError
from ampsim.hw import System, schema
from ampsim.hw.files.manual import page
from tests.sim.test_hostile_yaml import GOOD

PAGE = Path(__file__).parents[2] / "docs" / "hardware_reference.md"
STRUCTS = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
ROWS = [row.strip("| ").split(" | ") for row in page().splitlines() if row.startswith("| `")]


def section(kind: type) -> str:
    config = kind.__struct_config__  # type: ignore[attr-defined]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).capitalize()
    title = "The file" if kind is System else f"Topology {config.tag}" if config.tag else words
    return page().partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_committed_page_is_the_generated_one() -> None:
    """If not, write it anew; the generator's docstring says how."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("kind", [System, *STRUCTS], ids=lambda kind: kind.__name__)
def test_every_field_of_every_part_is_there(kind: Any) -> None:
    text = section(kind)
    assert [field.name for field in msgspec.structs.fields(kind) if f"| `{field.name}` |" not in text] == []


def test_every_field_has_a_meaning() -> None:
    assert [row[0] for row in ROWS if len(row) != 6 or not row[5].strip()] == []


def test_parts_say_where_they_lie() -> None:
    for place in ("chips[]", "chips[].formats.NAME", "chips[].measured.NAME", "topology.edges[]", "sources.NAME"):
        assert f"Its place: `{place}`." in page()


@pytest.mark.parametrize(
    "word", ["topology: one of", "| `format` | word", "| `idle` | quantity | W | required | 0 to 1e9 |"]
)
def test_units_and_types_are_told(word: str) -> None:
    assert word.replace("topology: ", "") in page()


@pytest.mark.parametrize(
    "field,below,within,above",
    [
        ("links.latency", "-1", "1e6", "1.1e6"),
        ("links.bandwidth", "0.9", "1e18", "1.1e18"),
        ("chips[0].count", "0", "16384", "16385"),
    ],
)
def test_the_bounds_are_those_that_are_kept(field: str, below: str, within: str, above: str) -> None:
    name = field.rpartition(".")[2]
    old = {"latency": "500 ns", "bandwidth": "50 GiB/s", "count": "4"}[name]
    text = GOOD.replace(f"{name}: {old}", f"{name}: VALUE")
    assert System.from_text(text.replace("VALUE", within)).name == "good"
    for value in (below, above):
        with pytest.raises(ConfigError) as caught:
            System.from_text(text.replace("VALUE", value), "f.yaml")
        assert (caught.value.where or "").endswith(field)
