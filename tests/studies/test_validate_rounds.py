"""Rounds are interleaved, each with a calibration of its own; a kill loses nothing, a broken case stops nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ampsim.errors import UsageError
from ampsim.studies.validate.load import suite_of
from ampsim.studies.validate.measure import About
from ampsim.studies.validate.rounds import RECORDS, Validation, judged, validate
from ampsim.studies.validate.suite import Suite
from tests.studies.made_up import HERE, SUITE, Machine


def suite(**sections: object) -> Suite:
    return suite_of({**SUITE, **sections})


def done(folder: Path, machine: Machine | None = None, **settings: object) -> Validation:
    machine = machine or Machine()
    return validate(suite(), folder, means=machine.means(), **settings)  # type: ignore[arg-type]


def recorded(folder: Path) -> list[tuple[int, str]]:
    lines = (folder / RECORDS).read_bytes().splitlines()[1:]
    return [(record["round"], record["label"]) for record in map(json.loads, lines)]


def test_every_round_calibrates_and_then_goes_through_all_cases(tmp_path: Path) -> None:
    machine = Machine()
    found = done(tmp_path / "v", machine)
    assert (machine.calibrations, machine.runs) == (2, 4)
    labels = ["cases: small, 1 worker, mak 2", "cases: small, 2 workers, mak 4, round robin"]
    assert recorded(tmp_path / "v") == [(number, label) for number in (1, 2) for label in labels]
    assert found.held
    assert [row.rounds for row in found.sheet.rows] == [2, 2]


def test_the_folder_holds_suite_calibrations_records_and_the_sheet_three_times(tmp_path: Path) -> None:
    done(tmp_path / "v")
    assert {path.name for path in (tmp_path / "v").iterdir()} == {
        "host-1.yaml", "host-2.yaml", "records.jsonl", "suite.yaml", "sheet.txt", "sheet.csv", "sheet.json",
    }  # fmt: skip
    plain = json.loads((tmp_path / "v" / "sheet.json").read_bytes())
    assert (plain["complete"], plain["held"], plain["rounds"]) == (True, True, 2)
    with (tmp_path / "v" / "sheet.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["setting"], row["quantity"]) for row in rows[:2]] == [
        ("1 worker, mak 2", "throughput"), ("1 worker, mak 2", "makespan")
    ]  # fmt: skip
    assert all(row["machine"] == HERE.machine and row["date"] for row in rows)


def test_the_suite_in_the_folder_is_the_one_that_was_measured(tmp_path: Path) -> None:
    from ampsim.studies.validate.load import load_suite

    done(tmp_path / "v")
    assert load_suite(tmp_path / "v" / "suite.yaml") == suite()


def test_a_line_is_said_for_each_case(tmp_path: Path) -> None:
    said: list[str] = []
    done(tmp_path / "v", say=said.append)
    assert said[0] == "round 1 of 2: measuring this machine with 1 jobs"
    assert said[1].startswith("round 1 of 2, 1 of 2: cases: small, 1 worker, mak 2: throughput ")
    assert said[3] == "round 1 of 2 took 0.0 minutes, some 0 more to go"
    assert len(said) == 8


def test_a_broken_case_is_a_row_with_its_error(tmp_path: Path) -> None:
    said: list[str] = []
    found = done(tmp_path / "v", Machine(fails=2), say=said.append)
    assert [row.errors for row in found.sheet.rows] == [[], ["ZeroDivisionError: a broken case"]]
    assert not found.held
    assert [verdict.rule for verdict in found.sheet.missed] == ["cases that failed"]
    assert any(line.endswith("failed: ZeroDivisionError: a broken case") for line in said)
    assert "round robin failed: ZeroDivisionError: a broken case" in (tmp_path / "v" / "sheet.txt").read_text()


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_interrupted_anywhere_it_goes_on_with_what_is_missing(tmp_path: Path, at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        done(tmp_path / "v", Machine(interrupted=at))
    assert len(recorded(tmp_path / "v")) == at - 1
    assert (tmp_path / "v" / "sheet.txt").exists() == (at > 2), "the sheet of every finished round is there"
    machine, said = Machine(), list[str]()
    found = done(tmp_path / "v", machine, say=said.append)
    assert machine.runs == 5 - at
    assert len(recorded(tmp_path / "v")) == 4
    assert found.sheet.complete
    assert (f"{at - 1} of 4 measurements are done already" in said) == (at > 1)


def test_what_is_finished_is_not_measured_again_unless_forced(tmp_path: Path) -> None:
    done(tmp_path / "v")
    machine = Machine()
    with pytest.raises(UsageError, match="finished validation"):
        done(tmp_path / "v", machine)
    assert machine.runs == 0
    done(tmp_path / "v", machine, force=True)
    assert (machine.runs, len(recorded(tmp_path / "v"))) == (4, 4)


@pytest.mark.parametrize("here", [About("another machine", HERE.program), About(HERE.machine, "another program")])
def test_what_another_machine_or_program_did_does_not_count(tmp_path: Path, here: About) -> None:
    done(tmp_path / "v")
    machine, said = Machine(), list[str]()
    found = validate(suite(), tmp_path / "v", means=machine.means(here), say=said.append)
    assert machine.runs == 4
    assert said[0] == "4 measurements of other cases, another program or another machine are left aside"
    assert found.sheet.programs == [here.program]
    assert {row.machine for row in judged(suite(), tmp_path / "v").sheet.rows} == {here.machine}


def test_it_can_be_judged_at_any_time_and_by_other_bounds(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        done(tmp_path / "v", Machine(interrupted=2))
    before = (tmp_path / "v" / RECORDS).read_bytes()
    found = judged(suite(), tmp_path / "v")
    assert (found.sheet.complete, found.held, found.sheet.missed) == (False, False, [])
    assert [row.rounds for row in found.sheet.rows] == [1, 0]
    strict = judged(suite(tolerances={**SUITE["tolerances"], "worst": 0.0}), tmp_path / "v")
    assert {verdict.rule for verdict in strict.sheet.missed} == {"throughput, worst error", "makespan, worst error"}
    assert (tmp_path / "v" / RECORDS).read_bytes() == before


def test_it_can_be_looked_at_while_it_is_at_work(tmp_path: Path) -> None:
    seen = []
    done(tmp_path / "v", say=lambda line: seen.append(judged(suite(), tmp_path / "v").sheet.rows[0].rounds))
    assert seen[-1] == 2
    assert len(seen) == 8


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("precious")
    with pytest.raises(UsageError, match="not the folder of a validation"):
        done(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        done(tmp_path / "letter.txt")
    with pytest.raises(UsageError, match="cannot be read"):
        judged(suite(), tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_two_do_not_write_to_one_folder(tmp_path: Path) -> None:
    def second(line: str) -> None:
        with pytest.raises(UsageError, match="another validation is writing"):
            done(tmp_path / "v")

    done(tmp_path / "v", say=second)
