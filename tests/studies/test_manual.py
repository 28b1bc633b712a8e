"""The reference of job files, studies and suites is the generated one, and leaves nothing out."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec
import pytest

from ampsim.engine.optimizer import OPTIMIZERS
from ampsim.job import Training
from ampsim.studies.manual import page
from ampsim.studies.study import Study
from ampsim.studies.validate import suite
from tests.docs.pages import ROOT

STRUCTS = [
    kind for kind in vars(suite).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]  # fmt: skip


def section(title: str) -> str:
    return page().partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_committed_page_is_the_generated_one() -> None:
    """If not, write it anew; the generator's docstring says how."""
    assert (ROOT / "docs" / "yaml_reference.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("kind", [Study, *STRUCTS], ids=lambda kind: kind.__name__)
def test_every_field_of_every_file_is_there(kind: Any) -> None:
    text = section(kind.__name__)
    assert [field.name for field in msgspec.structs.fields(kind) if f"| `{field.name}` |" not in text] == []


def test_every_setting_of_training_and_of_optimizers_is_there() -> None:
    parts = {"Training": Training} | {f"Optimizer {name}": kind for name, kind in OPTIMIZERS.items()}
    for title, kind in parts.items():
        assert [field.name for field in fields(kind) if f"| `{field.name}` |" not in section(title)] == []


@pytest.mark.parametrize(
    "title,row",
    [
        ("Calibration", "| `seconds` | number | none | 0.1 to 60 |"),
        ("Study", '| `objectives` | mapping to `max` or `min` | `{"throughput": "max", "workers_used": "min"}`'),
        ("Case", "| `job` | text | required | 200 characters |"),
        ("Training", "| `target` | float or `null` | `null` |"),
        ("Optimizer sgd", "| `rate` | `0.1` |"),
    ],
)
def test_types_defaults_and_bounds_are_told(title: str, row: str) -> None:
    assert row in section(title)
