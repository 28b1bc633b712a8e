"""The shipped systems and their schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ampsim import strict_yaml
from ampsim.engine.plan import Plan
from ampsim.errors import ConfigError, UsageError
from ampsim.hw import Network, System, Transfer, catalogue, load, schema
from ampsim.hw.backend import SimBackend
from ampsim.hw.files import json_schema
from ampsim.hw.files.shipped import FOLDER, uncovered
from tests.sim.chains import chain_job
from tests.sim.test_hostile_yaml import GOOD

DRAFT_7 = jsonschema.Draft7Validator(json_schema.build())


def plain(name: str) -> Any:
    return strict_yaml.load(FOLDER / f"{name}.yaml").value


def test_at_least_ten_of_every_sort() -> None:
    systems = [load(name) for name in catalogue()]
    assert len(systems) >= 10
    kinds = {system.topology.__struct_config__.tag for system in systems}
    assert {"ring", "mesh", "torus", "switch", "full", "fat_tree", "dragonfly", "edges"} <= kinds
    assert any(isinstance(system.topology, schema.Torus) and len(system.topology.dims) == 3 for system in systems)
    assert sum(len(system.chips) > 1 for system in systems) >= 2, "systems with several kinds of chips"


@pytest.mark.parametrize("name", catalogue())
class TestEach:
    def test_every_field_has_a_source(self, name: str) -> None:
        assert uncovered(plain(name)) == []

    def test_no_source_is_about_nothing(self, name: str) -> None:
        values = plain(name)
        for path in values["sources"]:
            without = values | {"sources": {p: s for p, s in values["sources"].items() if p != path}}
            assert uncovered(without), path

    def test_has_a_modeline_and_fits_the_schema(self, name: str) -> None:
        first = (FOLDER / f"{name}.yaml").read_text().splitlines()[0]
        key, _, target = first.partition("$schema=")
        assert key == "# yaml-language-server: "
        assert (FOLDER / target).resolve() == json_schema.PATH.resolve()
        DRAFT_7.validate(plain(name))

    def test_is_named_like_its_file_and_survives_yaml(self, name: str) -> None:
        system = load(name)
        assert system.name == name
        assert system.description
        assert System.from_text(system.to_yaml()) == system

    def test_carries_messages(self, name: str) -> None:
        system = load(name)
        chips = range(len(system.chip_names))
        arrivals = Network(system).run([Transfer(0, a, b, 1000) for a in chips for b in (-1, chips[-1])])
        assert all(time >= 0 for time in arrivals)

    def test_simulates_a_job(self, name: str) -> None:
        system = load(name)
        # Two layers: the first on the first chip, the second on the last one, which is of the last kind.
        units = {0: 0, 1: len(system.unit_chips) - 1}
        run = SimBackend(system).execute(Plan(chain_job(2, 3), len(system.unit_chips), units, "shapes"))
        assert run.summary["updates"] > 0
        assert run.summary["makespan"] > 0
        used = {system.unit_chips[unit] for unit in units.values()}
        assert [chip["name"] for chip in run.summary["chips"] if chip["peak"]] == [
            system.chip_names[c] for c in sorted(used)
        ]


def test_the_committed_schema_is_the_generated_one() -> None:
    """If not: ``python -c "from ampsim.hw import json_schema as j; j.PATH.write_text(j.text())"``."""
    assert json_schema.PATH.read_text() == json_schema.text()


def test_the_schema_keeps_to_draft_7() -> None:
    jsonschema.Draft7Validator.check_schema(json_schema.build())
    for newer in ("$defs", "prefixItems", "discriminator", "x-dimension", "dependentRequired"):
        assert f'"{newer}"' not in json_schema.text()


@pytest.mark.parametrize(
    "path,value",
    [
        (("links", "bandwidth"), "50 Gb/s"),
        (("links", "bandwidth"), "fast"),
        (("links", "bandwidth"), 0),
        (("links", "bandwith"), 1),
        (("topology", "kind"), "blob"),
        (("chips",), []),
        (("chips", 0, "count"), 0),
        (("chips", 0, "tile"), [1, 2]),
    ],
)
def test_the_schema_refuses_what_the_types_refuse(path: tuple[Any, ...], value: Any) -> None:
    values = strict_yaml.loads(GOOD).value
    DRAFT_7.validate(values)
    inner = values
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert not DRAFT_7.is_valid(values)
    with pytest.raises(ConfigError):
        System.from_dict(values)


def test_a_source_covers_what_lies_below_and_a_star_every_group() -> None:
    values = {"name": "x", "chips": [{"count": 1, "tile": [1, 1]}, {"count": 2}], "links": {"latency": 1}}
    assert uncovered(values) == ["chips[0].count", "chips[0].tile", "chips[1].count", "links.latency"]
    assert uncovered(values | {"sources": {"chips[*].count": {}, "links": {}}}) == ["chips[0].tile"]


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean fpga_ring_16"):
        load("fpga_ring")
    with pytest.raises(UsageError, match="one of: big_little_8, cpu_fat_tree_16"):
        load("zzz")


def test_a_path_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(GOOD)
    assert load(file) == load(str(file)) == System.from_text(GOOD)
    with pytest.raises(ConfigError, match="cannot read"):
        load("nothing.yaml")


def test_the_page_lists_every_system() -> None:
    text = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| [\d+ ]+", text, flags=re.MULTILINE) == list(catalogue())
