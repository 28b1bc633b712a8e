"""A suite is checked to the last name before anything is measured; the one that ships covers what it promises."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ampsim.errors import ConfigError, UsageError
from ampsim.result.text import yaml_text
from ampsim.studies.validate.items import calibration, items
from ampsim.studies.validate.load import SHIPPED, load_suite, part, suite_of
from ampsim.studies.validate.suite import Tolerances
from tests.studies.grids import JOB_PY
from tests.studies.made_up import SUITE


def changed(**sections: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SUITE), **sections}


def test_a_suite_is_what_its_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(yaml_text(SUITE))
    suite = load_suite(path)
    assert suite == suite_of(SUITE)
    first, second = items(suite)
    assert (first.label, first.workers, first.placement) == ("cases: small, 1 worker, mak 2", 1, None)
    assert second.label == "cases: small, 2 workers, mak 4, round robin"
    assert second.placement == {0: 0, 1: 1, 2: 0, 3: 1}
    assert second.job.training.max_active_keys == 4


def test_cases_run_all_their_epochs_and_learning_stops_at_the_target() -> None:
    learning = [{"job": "small", "settings": {"training.target": 0.5}}]
    found = items(suite_of(changed(learning=learning)))
    assert [item.job.training.target for item in found] == [None, None, 0.5]
    assert [job.training.target for job in calibration(suite_of(SUITE))] == [None]


def test_a_placement_is_told_apart_and_its_units_are_numbers() -> None:
    places = [{"0": 0, "1": 1, "2": 0, "3": 0}, {"0": 0, "1": 1, "2": 1, "3": 1}]
    found = items(suite_of(changed(cases=[{"job": "small", "placement": place} for place in places])))
    assert found[0].placement == {0: 0, 1: 1, 2: 0, 3: 0}
    assert [item.setting for item in found] == ["2 workers, 0=0 1=1 2=0 3=0", "2 workers, 0=0 1=1 2=1 3=1"]


def test_a_key_is_about_everything_that_an_outcome_depends_on() -> None:
    (first, second), about = items(suite_of(SUITE)), ("machine", "program")
    keys = [first.key(1, about), first.key(2, about), second.key(1, about), first.key(1, ("machine", "newer"))]
    keys.append(first._replace(workers=2).key(1, about))
    keys.append(first._replace(placement={0: 0}).key(1, about))
    for section in ({"jobs": [{"job": "mlp"}]}, {"seconds": 3.0}):
        other = changed(calibration=SUITE["calibration"] | section)
        keys.append(items(suite_of(other))[0].key(1, about))
    assert len(set(keys)) == len(keys)
    assert first.key(1, about) == items(suite_of(SUITE))[0].key(1, about)


CASE = SUITE["cases"][0]
CALIBRATED = {"job": "small", "settings": {"options.width": 8, "training.epochs": 12}}
IN_FLIGHT = {"job": "small", "settings": {"options.width": 8, "training.max_active_keys": 1}}
LEARNING = {"job": "small", "settings": {"training.target": 0.5}}


@pytest.mark.parametrize(
    "sections,where,said",
    [
        ({"repeat": 5}, "repeat", "unknown field"),
        ({"repeats": 0}, "repeats", ">= 1"),
        ({"cases": []}, "", "there is no case"),
        ({"tolerances": {"median": -1}}, "tolerances.median", ">= 0"),
        ({"tolerances": {"medium": 1}}, "tolerances.medium", "unknown field"),
        ({"cases": [CASE, {"job": "smal"}]}, "cases[1].job", "no job 'smal'"),
        ({"cases": [{"job": "small", "settings": {"options.widht": 1}}]}, "cases[0]", "no option 'widht'"),
        ({"cases": [{"job": "small", "placement": {"0": 0}}]}, "cases[0]", "says nothing of unit 1"),
        ({"cases": [{"job": "small", "placement": "auto"}]}, "cases[0].placement", "auto"),
        ({"cases": [CASE, CASE]}, "cases[1]", "there twice"),
        ({"cases": [CALIBRATED]}, "cases[0]", "this very graph and data"),
        ({"cases": [IN_FLIGHT]}, "cases[0]", "this very graph and data"),
        ({"calibration": {"jobs": [{"job": "mpl"}]}}, "calibration.jobs[0]", "no workload 'mpl'"),
        ({"calibration": {"jobs": []}}, "calibration.jobs", "length >= 1"),
        ({"learning": [{"job": "small", "settings": {"training.target": None}}]}, "learning[0]", "no target"),
        ({"held_out": ["small"]}, "held_out", "held out, and calibrated with"),
        ({"held_out": ["other"]}, "held_out[0]", "no case is about 'other'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(sections: dict[str, Any], where: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        suite_of(changed(**sections))
    assert said in error.value.what
    assert (error.value.where or "").endswith(where)


def test_a_suite_is_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text("- cases\n")
    with pytest.raises(ConfigError, match="a suite is a mapping") as error:
        load_suite(path)
    assert error.value.where == f"{path}:1"


def test_a_job_file_is_looked_for_beside_the_suite(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (jobs / "suite_job.py").write_text(JOB_PY)
    values = changed(jobs={"own": {"job": "suite_job.py:build"}}, cases=[{"job": "own"}])
    (jobs / "suite.yaml").write_text(yaml_text(values))
    monkeypatch.chdir("/")
    assert [item.name for item in items(load_suite(jobs / "suite.yaml"))] == ["own"]


def test_a_part_of_a_suite() -> None:
    suite = suite_of(changed(learning=[LEARNING]))
    assert len(items(part(suite, ["mak 2"]))) == 1
    assert len(items(part(suite, ["mak 2", "2 workers"]))) == 3
    assert part(suite, repeats=7).repeats == 7
    assert part(suite) == suite
    with pytest.raises(UsageError, match="no case has 'mak 3'") as error:
        part(suite, ["mak 3"])
    assert error.value.do == "jobs of this suite: small"


# -- what ships -------------------------------------------------------------------------------------------------------


def test_the_shipped_suite_covers_what_it_promises() -> None:
    suite = load_suite()
    cases = [item for item in items(suite) if item.kind == "cases"]
    assert 20 <= len(cases) <= 28
    assert {item.job.name for item in cases} == {"mlp", "list_reduction", "tree_lstm", "ggsnn_babi15", "ggsnn_qm9"}
    assert {item.job.training.max_active_keys for item in cases} == {1, 2, 4, 16}
    assert {item.workers for item in cases} == {1, 2, 4}
    assert sum("replicas" in item.setting for item in cases) >= 2
    assert sum(item.placement is not None for item in cases) >= 2
    batches = Counter(item.job.data.options["batch"] for item in cases if item.job.name == "mlp")
    assert len(batches) == 2
    assert suite.repeats == 5
    assert len(suite.memory) >= 1
    assert len(suite.learning) >= 1


def test_the_shipped_suite_leaves_a_workload_out_of_calibration() -> None:
    suite = load_suite()
    calibrated = calibration(suite)
    held = {item.job.name for item in items(suite) if item.name in suite.held_out}
    assert held
    assert not held & {job.name for job in calibrated}
    assert not {item.job.hash for item in items(suite)} & {job.hash for job in calibrated}


def test_the_shipped_bounds_are_the_defaults() -> None:
    """Written out in the file, so that a copy of it can be changed."""
    assert load_suite().tolerances == Tolerances()
    assert SHIPPED.name == "validation.yaml"
